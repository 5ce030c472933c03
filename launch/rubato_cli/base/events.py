"""What a process of a fleet tells: JSON events, one a line, kept in its telemetry file.

Each class is a struct of common/telemetry/events.h, which says what its fields mean;
tests/launch/events_test.py holds both to the same names. A field that a line does not have keeps
its default.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Iterator
from typing import Any, ClassVar

KINDS: dict[tuple[str, str], type[Event]] = {}  # by name, and by role where that decides


class Told:
    """What a process told: an event, or an object in one."""

    @classmethod
    def of(cls, values: dict[str, Any]) -> Any:
        """From `values`, of which there may be others."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def told(self) -> dict[str, Any]:
        """Its fields, but for those that have no value."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value is not None}


class Event(Told):
    """One line. `kind` is what it calls itself, `roles` are those of the processes that tell it, if
    others mean something else by that name."""

    kind: ClassVar[str]
    roles: ClassVar[tuple[str, ...]] = ("",)

    def __init_subclass__(cls) -> None:
        KINDS.update({(cls.kind, role): cls for role in cls.roles})


_event = dataclasses.dataclass(frozen=True)


@_event
class WarningEvent(Event):
    kind = "warning"
    message: str = ""


@_event
class RefusedEvent(Event):
    kind = "refused"
    connections: int = 0
    messages: int = 0
    why: str = ""


@_event
class OrderedEvent(Event):
    kind = "ordered"
    order: str = ""
    key: str = ""
    accepted: bool = False
    why: str = ""


@_event
class ReadEvent(Event):
    kind = "read"
    place: int = 0
    life: int = 0
    key: str = ""
    replies: int = 0
    rows: int = 0
    bytes: int = 0


@_event
class KeyUseEvent(Event):
    kind = "key_use"
    role: str = ""
    key: str = ""
    messages: int = 0
    refused: int = 0
    beyond: int = 0
    taken_bytes: int = 0
    sent_bytes: int = 0


@_event
class ErrorEvent(Event):
    kind = "error"
    message: str = ""
    code: str = ""


@_event
class SignalEvent(Event):
    kind = "signal"
    name: str = ""
    count: int = 0


@_event
class ResolvedEvent(Event):
    kind = "resolved"
    values: list[dict[str, str]] = dataclasses.field(default_factory=list)


@_event
class LogEvent(Event):
    kind = "log"
    level: str = ""
    text: str = ""


@_event
class LinesDroppedEvent(Event):
    kind = "lines_dropped"
    lines: int = 0


@_event
class EndedEvent(Event):
    kind = "ended"
    code: int = 0
    peak_memory_bytes: int = 0
    cpu_seconds: float = 0.0


@_event
class ListeningEvent(Event):
    kind = "listening"
    address: str = ""


@_event
class ResumedEvent(Event):
    kind = "resumed"
    clock: int = 0


@_event
class ViewEvent(Event):
    kind = "view"
    min_clock: int = 0
    max_clock: int = 0
    committed: int = 0
    quarantined: tuple[int, ...] = ()


@_event
class CommittedEvent(Event):
    kind = "committed"
    snapshot: int = 0
    clock: int = 0


@_event
class KeptEvent(Event):
    kind = "kept"
    snapshot: int = 0
    clock: int = 0


@_event
class StartedEvent(Event):
    kind = "started"
    seat: int = 0
    life: int = 0
    clock: int = 0


@_event
class EvictedEvent(Event):
    kind = "evicted"
    seat: int = 0
    life: int = 0
    clock: int = 0
    replaced: bool = False
    why: str = ""


@_event
class QuarantinedEvent(Event):
    kind = "quarantined"
    seat: int = 0
    life: int = 0
    clock: int = 0
    why: str = ""


@_event
class TornEvent(Event):
    kind = "torn"
    seat: int = 0
    life: int = 0
    begin: int = 0
    end: int = 0
    lost: bool = False


@_event
class PossibleLossEvent(Event):
    kind = "possible_loss"
    life: int = 0


@_event
class ServingEvent(Event):
    kind = "serving"
    place: int = 0
    life: int = 0


@_event
class SilentEvent(Event):
    kind = "silent"
    place: int = 0
    why: str = ""


@_event
class FleetResumeEvent(Event):
    kind = "fleet_resume"
    clock: int = 0
    why: str = ""


@_event
class SchedulerDoneEvent(Event):
    kind, roles = "done", ("scheduler",)
    clock: int = 0
    snapshot: int = 0
    lost: int = 0


@_event
class ShardDone(Told):
    place: int = 0
    pushes: int = 0
    rows: int = 0
    rows_applied: int = 0
    pulls: int = 0
    duplicates_refused: int = 0
    nonfinite_refused: int = 0
    cuts: int = 0
    staleness_histogram: list[list[int]] | None = None
    influences: list[dict[str, Any]] = dataclasses.field(default_factory=list)


@_event
class ServerDoneEvent(Event):
    kind, roles = "done", ("server",)
    shards: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def each(self) -> list[ShardDone]:
        return [ShardDone.of(shard) for shard in self.shards]


@_event
class BegunEvent(Event):
    kind = "begun"
    life: int = 0
    clock: int = 0


@_event
class ProgressEvent(Event):
    kind = "progress"
    clock: int = 0
    epoch: int = 0
    rows: int = 0
    max_staleness: int = 0
    samples_per_second: float = 0.0
    seconds_since_start: float | None = None
    loss: float | None = None


@_event
class ValidationEvent(Event):
    kind = "validation"
    epoch: int = 0
    clock: int = 0
    seconds: float | None = None
    figures: dict[str, float | None] = dataclasses.field(default_factory=dict)


@_event
class WorkerDoneEvent(Event):
    kind, roles = "done", ("worker", "local")
    seat: int = 0
    rows: int = 0
    pushes: int = 0
    resent: int | None = None
    max_staleness: int = 0
    nonfinite: int | None = None
    clipped: int | None = None
    unprotected: int | None = None
    rows_pulled: int | None = None
    rows_cached: int | None = None
    bytes_pulled: int | None = None
    bytes_pushed: int | None = None
    samples_per_second: float | None = None
    seconds: dict[str, float] | None = None


@_event
class NoveltyEvent(Event):
    kind = "novelty"
    column: str = ""
    cells: int = 0
    levels: dict[str, Any] | None = None
    texts: dict[str, Any] | None = None
    outside: dict[str, Any] | None = None
    missing: dict[str, Any] | None = None
    unmatched: dict[str, Any] | None = None


@_event
class GpuEvent(Event):
    kind = "gpu"
    index: int = 0
    name: str = ""
    capability: str = ""
    memory_bytes: int = 0
    free_bytes: int = 0


def parse_event(line: bytes) -> Event | None:
    """The event of a line, None when it is none that the launcher knows."""
    return _event_of(_told(line))


def parse_told(line: bytes) -> tuple[str, Event | None]:
    """The same with the name of the process that tells it."""
    told = _told(line)
    return str(told.get("process", "")), _event_of(told)


def events_in(telemetry: pathlib.Path) -> Iterator[Event]:
    """Those of a file, whose lines may have been cut short: by a full disk, or as the process was
    killed."""
    for _, event in timed_events_in(telemetry):
        yield event


def timed_events_in(telemetry: pathlib.Path) -> Iterator[tuple[float | None, Event]]:
    """The same, each with the time of day in seconds at which it was told."""
    with telemetry.open("rb") as lines:
        for line in lines:
            told = _told(line)
            event = _event_of(told)
            if event is not None:
                millis = told.get("time_ms")
                yield millis / 1000 if isinstance(millis, int) else None, event


def _told(line: bytes) -> dict[str, Any]:
    """{} where it is no JSON object."""
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _event_of(told: dict[str, Any]) -> Event | None:
    name, role = str(told.get("event")), str(told.get("process", "")).split("-")[0]
    kind = KINDS.get((name, role)) or KINDS.get((name, ""))
    return kind.of(told) if kind else None
