"""The process that supervises a fleet which is to outlive its terminal: this launcher once more, in
a session of its own. It reports to the one that began it until the fleet trains."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from rubato_cli.base import output
from rubato_cli.base.causes import failure_of
from rubato_cli.base.console import Console
from rubato_cli.base.failure import DONE, FATAL, RETRYABLE, Failure, StoppedBySignal
from rubato_cli.detached import record
from rubato_cli.detached.record import Ending
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.ending import Ending as ProcessEnding
from rubato_cli.fleet.stop_signals import SIGNALS, StopSignals

# A first one is a stop with a snapshot, and one more of it is none: see StopSignals.
ASK = signal.SIGHUP
AT_ONCE = (signal.SIGTERM, signal.SIGINT)  # two of one kind might arrive as one
STDIN, STDERR = 0, 2


class SupervisorConsole(Console):
    """Speaks to a log once it has a folder for it, and to a pipe until the fleet trains."""

    def __init__(self, report: int) -> None:
        super().__init__(progress=io.StringIO())
        self._report: int | None = report
        self.said: list[str] = []  # as a result

    def open_log(self, folder: RunFolder) -> None:
        """What was said so far, and all that is to come."""
        log = open(folder.files("", record.LOG).log, "a", encoding="utf-8", buffering=1)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        before, self.progress = self.progress, log
        assert isinstance(before, io.StringIO)
        output.say(log, before.getvalue())

    def say(self, text: str) -> None:
        super().say(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}")

    def note(self, text: str) -> None:
        super().note(text)
        self._tell({"note": text})

    def live(self, text: str) -> None:
        super().live(text)
        if text:
            self._tell({"trains": text})
            self._hang_up()

    def result(self, lines: list[str], document: dict[str, Any]) -> None:
        self.said = lines
        for line in lines:
            self.say(f"{line}\n")

    def end(self, ending: Ending) -> None:
        self._tell({"ended": dataclasses.asdict(ending)})
        self._hang_up()

    def _tell(self, message: dict[str, Any]) -> None:
        """To who waits for the begin, if he still does."""
        if self._report is None:
            return
        try:
            output.write_all(self._report, json.dumps(message).encode() + b"\n")
        except OSError:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._report is not None:
            os.close(self._report)
            self._report = None


# Trains: speaks to the console, tells the folder once that is its own, and heeds the signals.
# Returns the exit code.
Job = Callable[[Console, Callable[[RunFolder], None], StopSignals], int]


class Supervisor:
    """One that was just begun, as who began it sees it. `host`: what ssh calls this one."""

    def __init__(self, job: Job, host: str) -> None:
        self._report, theirs = os.pipe()
        self._heard = b""
        # What comes for the new process waits until that counts it: this one's handlers, which it
        # begins with, would count in a copy that nobody looks at.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self.process = os.fork()
        if self.process == 0:
            os.close(self._report)
            _supervise(job, host, theirs)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(theirs)

    def wait(self, console: Console, stop: StopSignals, caller: int | None) -> str | Ending:
        """The first line of a fleet that trains, or how it ended before. A stop signal ends it, and
        so does the end of `caller`, a descriptor."""
        try:
            while True:
                ready, _, _ = select.select([self._report, stop.wakeup,
                                             *([] if caller is None else [caller])], [], [])
                if stop.count or (caller in ready and not os.read(caller, 1 << 10)):
                    self._end()
                    raise StoppedBySignal(stop.number)
                if self._report in ready and (news := self._read(console)) is not None:
                    return news
        finally:
            os.close(self._report)

    def _read(self, console: Console) -> str | Ending | None:
        data = os.read(self._report, 1 << 16)
        *lines, self._heard = (self._heard + data).split(b"\n")
        for message in map(json.loads, lines):
            match message:
                case {"note": str(text)}:
                    console.note(text)
                case {"trains": str(text)}:
                    return text
                case {"ended": dict(ending)}:
                    os.waitpid(self.process, 0)
                    return Ending(**ending)
        if data:
            return None
        _, status = os.waitpid(self.process, 0)
        why = ProcessEnding(os.waitstatus_to_exitcode(status), "").why()
        return Ending(RETRYABLE, [f"the supervisor {why}"])

    def _end(self) -> None:
        for number in AT_ONCE:
            os.kill(self.process, number)
        os.waitpid(self.process, 0)


def _supervise(job: Job, host: str, report: int) -> NoReturn:
    """Of the new process, which has SIGNALS blocked."""
    try:
        os.setsid()
        _heed_signals()
        os.closerange(STDERR + 1, report)  # whatever else the terminal's shell has open
        os.closerange(report + 1, os.sysconf("SC_OPEN_MAX"))
        os.dup2(os.open(os.devnull, os.O_RDONLY), STDIN)
        # As long as it lives: one that comes when all is over must not keep that from being told.
        with StopSignals() as stop:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            os._exit(_work(job, host, SupervisorConsole(report), stop))
    except BaseException:  # there is nobody above to take it
        traceback.print_exc()
    finally:
        os._exit(FATAL)


def _work(job: Job, host: str, console: SupervisorConsole, stop: StopSignals) -> int:
    """The exit code."""
    folders: list[RunFolder] = []

    def begin(folder: RunFolder) -> None:
        record.forget(folder)  # what is written in its place would stay its writer's
        record.write(folder, record.mine(folder, host))
        console.open_log(folder)
        folders.append(folder)

    try:
        ending = Ending(job(console, begin, stop), console.said)
    except (Failure, OSError, MemoryError) as error:
        failure = failure_of(error)
        ending = Ending(failure.code, [failure.sentence])
        console.error(failure.sentence, failure.code)
    except Exception as error:
        traceback.print_exc()
        ending = Ending(FATAL, [f"the supervisor failed: {error!r}"])
    with contextlib.suppress(OSError):  # a full disk keeps it from being told later, not now
        for folder in folders:
            record.write(folder, dataclasses.replace(record.mine(folder, host), ending=ending))
    console.end(ending)
    return ending.code


def _heed_signals() -> None:
    """Whoever began this process may ignore them (nohup, a background job), and what is ignored
    stays so."""
    for number in (*SIGNALS, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
