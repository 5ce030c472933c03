"""What a run has committed, as its scheduler would find it: asked before any fleet is started."""

from __future__ import annotations

import dataclasses

from rubato_cli.base.console import Console
from rubato_cli.base.events import (CommittedEvent, ErrorEvent, Event, KeptEvent, WarningEvent,
                                    parse_event)
from rubato_cli.base.failure import DONE, FATAL, Failure
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.question import Answer, ask

PROGRAM = "rubato-scheduler"


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A committed snapshot of a run; number 0: nothing was ever committed."""

    number: int
    clock: int

    def arguments(self) -> list[str]:
        """Those by which a scheduler begins with this snapshot and with no other."""
        return ["--snapshot", str(self.number)] if self.number else []


def whole_snapshot(build: Build, folder: RunFolder, console: Console,
                   newest: int | None = None) -> Snapshot:
    """The newest committed snapshot in `folder` of which all is readable, from number `newest` on
    if that is given. Says which newer ones are damaged."""
    events = _ask(build, folder, ["--committed", *([] if newest is None else
                                                   ["--snapshot", str(newest)])])
    for event in events:
        if isinstance(event, WarningEvent):
            console.note(f"warning: {event.message}")
    return [Snapshot(event.snapshot, event.clock)
            for event in events if isinstance(event, CommittedEvent)][-1]


def used_snapshot(build: Build, folder: RunFolder, console: Console) -> Snapshot:
    """The one to predict with: that of the run's own figures, if it has any."""
    return whole_snapshot(build, folder, console, snapshot_of_figures(folder))


def snapshot_of_figures(folder: RunFolder) -> int | None:
    """Number of the snapshot that the figures in metrics.json were made with; None: of the newest
    one, or there are none."""
    number = folder.find_json("metrics.json").get("train", {}).get("snapshot_used")
    return None if number is None else int(number)


def kept_snapshots(build: Build, folder: RunFolder) -> list[Snapshot]:
    """All committed snapshots that `folder` still has, oldest first; whole or not."""
    return kept_in(ask(build, PROGRAM, ["--run", str(folder.path), "--kept"]), "--kept")


def kept_in(answer: Answer, asked: str) -> list[Snapshot]:
    """The same, of a scheduler that has been asked so."""
    return [Snapshot(event.snapshot, event.clock)
            for event in _events_in(answer, asked) if isinstance(event, KeptEvent)]


def _ask(build: Build, folder: RunFolder, arguments: list[str]) -> list[Event]:
    """The events by which rubato-scheduler answers."""
    answer = ask(build, PROGRAM, ["--run", str(folder.path), *arguments])
    return _events_in(answer, arguments[0])


def _events_in(answer: Answer, asked: str) -> list[Event]:
    ending = answer.ending
    events = [event for event in map(parse_event, answer.stdout.splitlines()) if event is not None]
    if ending.exit_code == DONE and events:
        return events
    for event in events:
        if isinstance(event, ErrorEvent):
            raise Failure(event.message, ending.code)
    if ending.exit_code == DONE:
        raise Failure(f"{PROGRAM} {asked} did not answer; build again", FATAL)
    raise Failure(f"{PROGRAM} {asked} {ending.why()}", ending.code)
