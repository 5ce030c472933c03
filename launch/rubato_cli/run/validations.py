"""validations.json: what was validated at the end of each epoch, over all starts of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rubato_cli.base import system_error
from rubato_cli.base.console import Console
from rubato_cli.base.events import ValidationEvent
from rubato_cli.base.failure import Failure
from rubato_cli.files.run_folder import RunFolder

FILE = "validations.json"
# All of it is written anew each time: it rests so many times as long as that took, and so costs 2 %
# of the time at most.
RESTS = 49


class Validations:
    """Are on disk soon after they are heard of, or, as a full disk must not end a training, as soon
    as they can be: at the latest at the end of the `with` block."""

    def __init__(self, folder: RunFolder, resumed_clock: int, console: Console,
                 now: Callable[[], float] = time.monotonic) -> None:
        """Goes on from what is there, but for what an earlier start validated beyond
        `resumed_clock`: those weights were never committed, or are lost. `now`: in seconds."""
        self._folder = folder
        self._console = console
        self._now = now
        self._rests_until = 0.0
        self._unwritten = False  # the file lacks something
        self._refusal: OSError | None = None  # of the newest write
        self._warned = False
        self._events = [event for event in read(folder) if int(event["clock"]) <= resumed_clock]
        self._write()

    @property
    def made(self) -> list[dict[str, Any]]:
        """So far, whether they are on disk or not."""
        return self._events

    def take(self, event: ValidationEvent) -> None:
        # A start from the snapshot that was cut for a validation makes that validation again.
        self._events = [before for before in self._events if int(before["clock"]) < event.clock]
        self._events.append({"epoch": event.epoch, "clock": event.clock,
                             "figures": event.figures})
        self._unwritten = True
        self.look()

    def look(self) -> None:
        """Writes what is not written, if it is time to. To be called again and again."""
        if not self._unwritten or self._now() < self._rests_until:
            return
        self._try_to_write()
        if self._refusal and not self._warned:
            self._warned = True
            self._console.note(f"warning: {self._folder.path / FILE} not written, training goes "
                               f"on: {system_error.why(self._refusal)}")

    def go_back(self, clock: int) -> None:
        """The fleet has: what was validated beyond `clock` will be again, with other weights."""
        self._events = [event for event in self._events if int(event["clock"]) <= clock]
        self._try_to_write()

    def __enter__(self) -> Validations:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Failure if something is still not written, unless a worse one is on its way."""
        if self._unwritten:
            self._try_to_write()
        if self._refusal and kind is None:
            raise Failure(f"{self._folder.path / FILE}: {system_error.why(self._refusal)}",
                          system_error.failure(self._refusal).code) from self._refusal

    def _try_to_write(self) -> None:
        try:
            self._write()
            self._refusal = None
        except OSError as error:
            self._refusal = error
        self._unwritten = self._refusal is not None

    def _write(self) -> None:
        began = self._now()
        try:
            self._folder.write_json(FILE, {"validations": self._events})
        finally:
            ended = self._now()
            self._rests_until = ended + RESTS * (ended - began)


def put(folder: RunFolder, made: dict[str, Any]) -> None:
    """`made`, later than the training, among those of its run."""
    folder.write_json(FILE, {"validations": sorted([*read(folder), made],
                                                   key=lambda event: int(event["clock"]))})


def read(folder: RunFolder) -> list[dict[str, Any]]:
    return list(folder.find_json(FILE).get("validations", []))
