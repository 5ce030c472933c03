"""How many workers a run has, and had: workers.json, and what changes them while it trains.

Each fleet has the number that config.json says. To change it is to end the fleet with a snapshot,
to prepare the run again and to begin the next fleet from there: an iteration trains the same rows
whoever shares them (worker/spec/batch_order.h). Until each worker of the new fleet has trained the
way back is open: a number that turns out not to work (memory, open files, a GPU) is refused, and
the run goes on.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from rubato_cli.base import units
from rubato_cli.base.console import Console
from rubato_cli.base.failure import Failure
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.builds import Build
from rubato_cli.run import data_tool
from rubato_cli.run.committed import Snapshot, whole_snapshot
from rubato_cli.run.wishes import Wishes

FILE = "workers.json"
AT_THE_END = "training has come to its last clock"


@dataclasses.dataclass(frozen=True)
class OtherWorkers:
    """Why a fleet was ended: the next one is to have so many. `refused`: why these are not those
    that were asked for."""

    workers: int
    refused: str = ""


class Workers:
    """Of the run that this launcher trains."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._wishes = Wishes(folder)
        self._before: int | None = None  # until all workers of a changed number have trained
        self._clock = 0  # where the newest fleet began

    @property
    def now(self) -> int:
        return int(self._folder.read_json("config.json")["fleet"]["workers"])

    def begin(self, clock: int) -> None:
        """Another fleet is about to begin, at `clock`."""
        self._clock = clock
        changes = [change for change in read(self._folder) if int(change["clock"]) < clock]
        if not changes or int(changes[-1]["workers"]) != self.now:
            changes.append({"clock": clock, "workers": self.now})
        self._folder.write_json(FILE, {"workers": changes})

    def trained(self) -> None:
        """All its workers have, and so what an iteration needs is there."""
        if self._before is not None:
            self._before = None
            self._wishes.fulfil(self._clock)

    def wanted(self) -> OtherWorkers | None:
        """As often as you like, once a fleet has begun: what that is to be ended for."""
        workers = self._wishes.look()
        if workers is None:
            return None
        if workers == self.now:
            self._wishes.refuse(f"there are {workers} workers already")
            return None
        return OtherWorkers(workers)

    def decline(self, why: str) -> None:
        """What is wanted cannot be: the fleet stays."""
        self._wishes.refuse(why)

    def stay(self, why: str) -> OtherWorkers:
        """The next fleet is as this one, or as the one before it if this one has not come to train.
        """
        return OtherWorkers(self._before or self.now, why)

    @property
    def on_trial(self) -> bool:
        """Whether a changed number has yet to prove that it works."""
        return self._before is not None

    def change(self, build: Build, to: OtherWorkers, console: Console) -> Snapshot:
        """Prepares the next fleet; what that trains on from."""
        snapshot = whole_snapshot(build, self._folder, console)
        before = self.now
        try:
            if to.workers != before:
                data_tool.set_workers(build, self._folder, to.workers, snapshot.clock)
        except Failure as failure:
            if to.refused:
                raise
            to = self.stay(failure.sentence)
        if to.refused:
            self._before = None
            self._wishes.refuse(to.refused)
            console.note(f"{to.refused}; going on with {units.plural(to.workers, 'worker')} from "
                         f"clock {snapshot.clock}")
        else:
            self._before = self._before or before
            console.note(f"workers: {before} -> {to.workers} from clock {snapshot.clock} on")
        return snapshot

    def close(self, why: str = AT_THE_END) -> None:
        """Nothing is to be changed any more: who asks, or waits, is told why."""
        self._wishes.take()
        self._wishes.refuse(why)


def read(folder: RunFolder) -> list[dict[str, Any]]:
    """[{"clock", "workers"}]: so many from that clock on."""
    return list(folder.find_json(FILE).get("workers", []))
