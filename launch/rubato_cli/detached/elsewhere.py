"""The same `rubato` on the host of a supervisor: said here, done there, over ssh. Its stdin ends
with this process, and so it knows when nobody listens any more."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from rubato_cli.base import console, output
from rubato_cli.base.failure import DONE, FATAL, RETRYABLE, Failure, StoppedBySignal
from rubato_cli.detached import record
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.remote import ssh as ssh_words
from rubato_cli.fleet.remote.ssh import STDERR_MAX, Ssh
from rubato_cli.fleet.stop_signals import StopSignals

STDOUT, STDERR = 1, 2
STEP_SECONDS = 0.1
Write = Callable[[bytes], None]
Over = Callable[[], bool]
Document = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Elsewhere:
    """The installation in `path` on the host that ssh calls `host`."""

    ssh: Ssh
    host: str
    path: str

    def do(self, arguments: list[str], over: Over = lambda: False) -> int:
        """Its exit code; what it writes is written here. A stop signal ends its stdin, as it does
        when it is `over()`, and one more ends it."""
        if "--json" not in arguments:
            return self._run(arguments, lambda data: output.write_all(STDOUT, data), over, 1)
        code, document = self._ask(arguments, over, 1)
        console.answer(json.dumps(document, indent=2) + "\n")
        return code

    def ask(self, arguments: list[str], signals_bearable: int = 0) -> tuple[int, Document]:
        """The same, of a command that writes a JSON document, which is returned.
        `signals_bearable`: of the signals that stop, so many only end its stdin."""
        return self._ask(arguments, lambda: False, signals_bearable)

    def _ask(self, arguments: list[str], over: Over, bearable: int) -> tuple[int, Document]:
        written: list[bytes] = []
        code = self._run(arguments, written.append, over, bearable)
        document = document_in(b"".join(written))
        if document is None:
            raise Failure(f"{self.host}: `rubato {arguments[0]}` there ended with exit code {code} "
                          "and without an answer", code or FATAL)
        return code, document

    def _run(self, arguments: list[str], write: Write, over: Over, signals_bearable: int) -> int:
        errors = _Errors()
        process = self.ssh.start(self.host, self.path, [*arguments, "--at", self.host])
        try:
            with StopSignals() as stop:
                _relay(process, lambda: _stopped(stop, signals_bearable) or over(), write,
                       errors.take)
            code = process.wait()
        except BrokenPipeError:
            return DONE  # as in `rubato logs DIR | head -1`: nobody wants the rest
        finally:
            _kill(process)
        if code < 0 or code in ssh_words.NOT_THERE:
            raise Failure(f"{self.host}: " + ssh_words.why(self.host, self.path, code, errors.last),
                          RETRYABLE)
        errors.write_held()
        return code


@dataclasses.dataclass(frozen=True)
class There:
    """`host`, and what the run's folder is called on it."""

    host: Elsewhere
    out: str


def find(folder: RunFolder, at: str, environment: Mapping[str, str]) -> There | None:
    """Where the supervisor of the run in `folder` is, if that is another host; `at`: this one was
    asked by another."""
    found = record.read(folder)
    if at or found is None or not found.is_elsewhere():
        return None
    found.check_own("on which host to run what")
    return There(Elsewhere(ssh_words.of(environment), found.host, found.path), found.out)


def document_in(written: bytes) -> Document | None:
    """The first JSON object in it that is not empty: before and after it may be what a login shell
    writes."""
    text = written.decode(errors="replace")
    begin = text.find("{")
    while begin >= 0:
        try:
            if found := json.JSONDecoder().raw_decode(text, begin)[0]:
                return dict(found)
        except ValueError:
            pass  # a brace of somebody else
        begin = text.find("{", begin + 1)
    return None


class _Errors:
    """What comes of a stderr: the lines of ssh itself are held back, as a sentence says them if
    they are why it has ended."""

    def __init__(self) -> None:
        self._begun = b""
        self._held: list[bytes] = []
        self._last = b""

    @property
    def last(self) -> str:
        return self._last.decode(errors="replace")

    def take(self, data: bytes) -> None:
        self._last = (self._last + data)[-STDERR_MAX:]
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            if ssh_words.is_own(line.decode(errors="replace")):
                self._held.append(line)
            else:
                _say(line)

    def write_held(self) -> None:
        for line in (*self._held, *filter(None, [self._begun])):
            _say(line)


def _say(line: bytes) -> None:
    try:
        output.write_all(STDERR, line + b"\n")
    except OSError:
        pass  # nobody hears it


def _stopped(stop: StopSignals, bearable: int) -> bool:
    """Whether a stop signal has come; more than `bearable` end all."""
    if stop.count > bearable:
        raise StoppedBySignal(stop.number)
    return stop.count > 0


def _relay(process: subprocess.Popen[bytes], over: Over, write: Write, error: Write) -> None:
    """Until both of its streams have ended; ends its stdin when it is `over()`."""
    assert process.stdin and process.stdout and process.stderr
    takers = {process.stdout.fileno(): write, process.stderr.fileno(): error}
    while takers:
        if over():
            process.stdin.close()
        ready, _, _ = select.select(list(takers), [], [], STEP_SECONDS)
        for descriptor in ready:
            if data := os.read(descriptor, 1 << 16):
                takers[descriptor](data)
            else:
                del takers[descriptor]


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
