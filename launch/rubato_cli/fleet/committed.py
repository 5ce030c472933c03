"""What a run has committed, as its scheduler would find it: asked before any fleet is started."""

from __future__ import annotations

import dataclasses
import subprocess

from rubato_cli.base.console import Console
from rubato_cli.base.events import Event, parse_event
from rubato_cli.base.failure import FATAL, RETRYABLE, USAGE, Failure
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.child import LOG_PREFIX, MEMORY_WORDS, die_with_parent, why_ended


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A committed snapshot of a run; number 0: nothing was ever committed."""

    number: int
    clock: int

    def arguments(self) -> list[str]:
        """Those by which a scheduler begins with this snapshot and with no other."""
        return ["--epoch", str(self.number)] if self.number else []


def whole_snapshot(build: Build, folder: RunFolder, console: Console,
                   newest: int | None = None) -> Snapshot:
    """The newest committed snapshot in `folder` of which all is readable, from number `newest` on
    if that is given. Says which newer ones are damaged."""
    events = _ask(build, folder, ["--committed", *([] if newest is None else
                                                   ["--epoch", str(newest)])])
    for event in events:
        if event["event"] == "warning":
            console.note(f"warning: {event.get('message', '')}")
    return _snapshots(events, "committed")[-1]


def kept_snapshots(build: Build, folder: RunFolder) -> list[Snapshot]:
    """All committed snapshots that `folder` still has, oldest first; whole or not."""
    return _snapshots(_ask(build, folder, ["--kept"]), "kept")


def _snapshots(events: list[Event], kind: str) -> list[Snapshot]:
    return [Snapshot(int(event["epoch"]), int(event["clock"]))
            for event in events if event["event"] == kind]


def _ask(build: Build, folder: RunFolder, arguments: list[str]) -> list[Event]:
    """The events by which rubato-scheduler answers."""
    done = subprocess.run(
        [build.program("rubato-scheduler"), "--run", str(folder.path), *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, preexec_fn=die_with_parent())
    events = [event for event in map(parse_event, done.stdout.splitlines()) if event is not None]
    if done.returncode == 0 and events:
        return events
    for event in events:
        if event["event"] == "error":
            raise Failure(str(event["message"]),
                          done.returncode if done.returncode in (USAGE, FATAL) else RETRYABLE)
    if done.returncode == 0:
        raise Failure(f"rubato-scheduler {arguments[0]} did not answer; build again", FATAL)
    raise _death(done.returncode, done.stderr.decode(errors="replace"), arguments[0])


def _death(code: int, stderr: str, question: str) -> Failure:
    """Of a scheduler that could not say why: it was killed, or not even loaded."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    last_words = LOG_PREFIX.sub("", lines[-1]) if lines else ""
    retryable = code < 0 and not MEMORY_WORDS.search(last_words)
    return Failure(f"rubato-scheduler {question} {why_ended(code, last_words)}",
                   RETRYABLE if retryable else FATAL)
