"""What went wrong while a run trained, and what it has cost: "faults" of metrics.json."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

from rubato_cli.base.events import (EvictedEvent, Event, FleetResumeEvent, PossibleLossEvent,
                                    QuarantinedEvent, StartedEvent, TornEvent)


@dataclasses.dataclass
class Death:
    """Of a process that was followed by another. `back_seconds`: until that did its work, None if
    it never did."""

    process: str
    why: str
    clock: int  # of the slowest worker, when it was noticed
    back_seconds: float | None = None


Span = dict[str, int]  # "seat" and its iterations ["begin", "end")


@dataclasses.dataclass
class Quarantine:
    """Of a worker's life: its iterations [begin, end) were empty. `end`: None while it lasts."""

    seat: int
    begin: int
    end: int | None
    why: str


class Faults:
    """Takes what the launcher sees and the scheduler tells. Iterations have the numbers [begin,
    end); those of a worker are its own."""

    def __init__(self) -> None:
        self.deaths: list[Death] = []
        self._torn: dict[int, TornEvent] = {}  # by life
        self._possible_losses: set[int] = set()  # lives
        self._resumes: list[FleetResumeEvent] = []
        self._seats = 0
        self._quarantined: dict[int, Quarantine] = {}  # by life
        self._evictions = 0
        self._empty: dict[int, int] = {}  # seats where nobody trains, and from which iteration on
        self._skipped: list[Span] = []
        self._repeated: list[Span] = []

    def begin(self, seats: int, clock: int) -> None:
        """A fleet of so many workers begins at `clock`: the first one of this start of the run, or
        the next."""
        self._seats = seats
        self._begin_at(clock)

    def take(self, event: Event) -> None:
        match event:
            case EvictedEvent():
                self._evictions += 0 if event.replaced else 1
                # Where nobody trained, a life has ended that never began.
                self._empty.setdefault(event.seat, event.clock)
                if (over := self._quarantined.get(event.life)) is not None:
                    over.end = max(over.begin, event.clock)
            case QuarantinedEvent():
                self._quarantined.setdefault(
                    event.life, Quarantine(event.seat, event.clock, None, event.why))
            case StartedEvent() if event.seat in self._empty:
                # A worker begins where the fleet is, not where the one before it was.
                end = self._empty.pop(event.seat)
                self._skipped += _span(event.seat, end, event.clock)
                self._repeated += _span(event.seat, event.clock, end)
            case TornEvent():
                self._torn[event.life] = event
            case PossibleLossEvent():
                self._possible_losses.add(event.life)
            case FleetResumeEvent():
                self._resumes.append(event)
                self._begin_at(event.clock)

    def _begin_at(self, clock: int) -> None:
        """All seats train from `clock` on, whatever was trained beyond it before. Who was missing
        before it has missed that."""
        for seat, since in self._empty.items():
            self._skipped += _span(seat, since, clock)
        self._empty = {seat: clock for seat in range(self._seats)}
        self._skipped = _before(clock, self._skipped)
        self._repeated = _before(clock, self._repeated)
        for quarantine in self._quarantined.values():
            quarantine.end = clock if quarantine.end is None else min(quarantine.end, clock)

    def told(self, last_clock: int,
             rollbacks: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
        """As metrics.json has it when the run has come to `last_clock`; {} if nothing went wrong.
        `rollbacks`: run/rollbacks.py."""
        skipped = self._skipped + [span for seat, clock in sorted(self._empty.items())
                                   for span in _span(seat, clock, last_clock)]
        quarantined = self._quarantines(last_clock)
        if not (self.deaths or self._evictions or self._torn or self._resumes or skipped
                or quarantined or rollbacks):
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
            "skipped": skipped,
            "repeated": self._repeated,
            "quarantined": quarantined,
            "rollbacks": list(rollbacks),
        }

    def _quarantines(self, last_clock: int) -> list[dict[str, Any]]:
        """Those that kept a worker from training anything that counts."""
        ended = [dataclasses.replace(quarantine, end=last_clock) if quarantine.end is None
                 else quarantine for quarantine in self._quarantined.values()]
        return [dataclasses.asdict(quarantine) for quarantine in ended
                if quarantine.end is not None and quarantine.end > quarantine.begin]


def _span(seat: int, begin: int, end: int) -> list[Span]:
    return [{"seat": seat, "begin": begin, "end": end}] if begin < end else []


def _before(clock: int, spans: list[Span]) -> list[Span]:
    return [part for span in spans
            for part in _span(span["seat"], span["begin"], min(span["end"], clock))]
