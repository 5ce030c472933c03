"""Follows a job that is a fleet: its state from Slurm, what it does from the shared run folder."""

from __future__ import annotations

import signal
import time

from rubato_cli.base.console import Console
from rubato_cli.base.events import parse_told
from rubato_cli.base.failure import DONE, RETRYABLE, Failure, StoppedBySignal
from rubato_cli.files.growing_file import GrowingFile
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.stop_signals import StopSignals
from rubato_cli.fleet.teller import Remote
from rubato_cli.run.progress import Progress
from rubato_cli.slurm import calls, script
from rubato_cli.slurm.calls import JobState

LOOK_SECONDS = 0.2
ASK_SECONDS = 2.0  # of Slurm, whose controller has others to answer
OWN_WORDS = b"rubato: "


class Follower:
    """Of one job, which trains the run in `folder`."""

    def __init__(self, job: str, folder: RunFolder, console: Console, stop: StopSignals) -> None:
        """To be made before the job writes anything."""
        self._job = job
        self._folder = folder
        self._console = console
        self._stop = stop
        self._signals = 0  # that Slurm was told of
        self._progress = Progress.of(folder)
        self._telling = GrowingFile(folder.telemetry("scheduler-0"))
        self._log = GrowingFile(folder.path / script.LOG)
        self._last_words = ""  # of the head
        self._tellers: dict[str, Remote] = {}
        self._state = JobState("PENDING")

    def run(self) -> None:
        """To the end of the job. Failure where that is no good one."""
        asked = 0.0
        while not self._state.over:
            time.sleep(LOOK_SECONDS)
            if time.monotonic() - asked > ASK_SECONDS or self._stop.count > self._signals:
                asked = time.monotonic()
                self._ask()
            self._hear()
        self._judge()

    def _ask(self) -> None:
        state = calls.state(self._job)
        if state is None:  # it may answer next time
            return
        if state.runs and not self._state.runs:
            self._console.note(f"job {self._job} runs on {state.nodes}")
        if state.waits and self._state.runs:
            self._console.note(f"job {self._job} is queued again")
        self._state = state
        if self._stop.count > self._signals and not state.over:
            self._signals = self._stop.count
            self._pass_on()

    def _pass_on(self) -> None:
        """A stop signal."""
        if self._signals > 1 or self._state.waits:
            self._console.note(f"cancelling job {self._job}")
            calls.cancel(self._job)
        else:
            self._console.note("stopping: waiting for a last snapshot (once more to stop at once)")
            calls.signal(self._job, "INT")

    def _hear(self) -> None:
        for line in self._log.lines():
            if line.startswith(OWN_WORDS):
                self._last_words = line.removeprefix(OWN_WORDS).decode(errors="replace").strip()
        for line in self._telling.lines():
            name, event = parse_told(line)
            if event is not None:
                teller = self._tellers.setdefault(name, Remote(name))
                self._progress.tell(teller, event, self._console)
        if self._state.waits:
            why = f": {self._state.reason}" if self._state.reason else ""
            self._console.live(f"job {self._job} waits{why}")
        else:
            self._console.live(self._progress.line())

    def _judge(self) -> None:
        state = self._state
        if state.word == "COMPLETED" or (state.word == "FORGOTTEN" and not self._last_words):
            return
        if state.word == "CANCELLED":
            raise StoppedBySignal(self._stop.number if self._stop.count else signal.SIGTERM,
                                  f"job {self._job} was cancelled; {self._folder.go_on}")
        code = state.exit_code if state.exit_code else 128 + state.signal if state.signal else 0
        said = self._last_words or (f"job {self._job} is {state.word}; its log is "
                                    f"{self._folder.shown}/{script.LOG}")
        raise Failure(said, code if state.word == "FAILED" and code != DONE else RETRYABLE)
