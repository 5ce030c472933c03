"""What went wrong while a run trained, and what it has cost: "faults" of metrics.json."""

from __future__ import annotations

import dataclasses
import statistics
from typing import Any

from rubato_cli.base.events import (EvictedEvent, Event, FleetResumeEvent, PossibleLossEvent,
                                    StartedEvent, TornEvent)


@dataclasses.dataclass
class Death:
    """Of a process that was followed by another. `back_seconds`: until that did its work, None if
    it never did."""

    process: str
    why: str
    clock: int  # of the slowest worker, when it was noticed
    back_seconds: float | None = None


class Faults:
    """Takes what the launcher sees and the scheduler tells. Iterations have the numbers [begin,
    end); those of a worker are its own."""

    def __init__(self) -> None:
        self.deaths: list[Death] = []
        self._torn: dict[int, TornEvent] = {}  # by life
        self._possible_losses: set[int] = set()  # lives
        self._resumes: list[FleetResumeEvent] = []
        self._evicted: dict[int, EvictedEvent] = {}  # by seat, until the next life begins there
        self._evictions = 0
        self._skipped: list[dict[str, int]] = []
        self._repeated: list[dict[str, int]] = []

    def take(self, event: Event) -> None:
        match event:
            case EvictedEvent():
                self._evictions += 0 if event.replaced else 1
                self._evicted[event.seat] = event
            case StartedEvent():
                self._follow(event)
            case TornEvent():
                self._torn[event.life] = event
            case PossibleLossEvent():
                self._possible_losses.add(event.life)
            case FleetResumeEvent():
                self._resumes.append(event)
                self._evicted.clear()  # all are trained again from there

    def _follow(self, started: StartedEvent) -> None:
        """A worker begins where the fleet is, not where the one before it was."""
        evicted = self._evicted.pop(started.seat, None)
        if evicted is None:
            return
        begin, end = sorted((evicted.clock, started.clock))
        if begin < end:
            rows = self._skipped if evicted.clock < started.clock else self._repeated
            rows.append({"seat": started.seat, "begin": begin, "end": end})

    def told(self) -> dict[str, Any]:
        """As metrics.json has it; {} if nothing went wrong."""
        if not (self.deaths or self._evictions or self._torn or self._resumes):
            return {}
        back = [death.back_seconds for death in self.deaths if death.back_seconds is not None]
        return {
            "deaths": [dataclasses.asdict(death) for death in self.deaths],
            "evictions": self._evictions,
            "recovery_seconds": {"median": statistics.median(back), "max": max(back)} if back
            else None,
            "fleet_resumes": [event.told() for event in self._resumes],
            "torn": [event.told() for event in self._torn.values()],
            "possible_losses": sorted(self._possible_losses),
            "skipped": self._skipped,
            "repeated": self._repeated,
        }
