"""What the events of a training fleet add up to, and the one line that says it."""

from __future__ import annotations

import collections
import time
from typing import Any

from rubato_cli.base import units
from rubato_cli.base.console import Console
from rubato_cli.base.events import (CommittedEvent, Event, LogEvent, ProgressEvent, RefusedEvent,
                                    ResumedEvent, SchedulerDoneEvent, ServerDoneEvent,
                                    ValidationEvent, ViewEvent, WarningEvent, WorkerDoneEvent)
from rubato_cli.files import target_metrics
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.files.target_metrics import TargetDescription
from rubato_cli.fleet.teller import Teller
from rubato_cli.run.servers import has_servers

RATE_SECONDS = 10.0  # window for the speed that the ETA is made of
OLD_SNAPSHOT_SECONDS = 60


class Progress:
    """Takes events as they come. Knows the newest state of workers, views, commits, validation."""

    def __init__(self, config: dict[str, Any], job: dict[str, Any],
                 target: TargetDescription) -> None:
        self._told = target.told
        self.last_clock = int(job["last_clock"])
        self.epochs = int(config["train"]["epochs"])
        # Without servers a step sees all steps before it.
        self.staleness = config["train"]["staleness"] if has_servers(config) else 0
        self.done: dict[str, Event] = {}
        self.commits: list[CommittedEvent] = []
        self._committed_at = time.monotonic()  # or since when nothing is
        self.resumed_from = 0
        self._validated = -1  # epoch
        self._warned: dict[str, str] = {}  # by process: what it has warned of last
        self._workers: dict[str, ProgressEvent] = {}
        self.max_staleness = 0
        self.replaced = False  # by another process, a worker's that had trained
        self._trained: dict[str, tuple[Teller, int]] = {}  # by the newest of a name: rows
        self._earlier_rows = 0  # by those before it
        self._earlier_lost = 0  # updates, by the fleets before this one
        self._view: ViewEvent | None = None
        self._clocks: collections.deque[tuple[float, int]] = collections.deque()

    @classmethod
    def of(cls, folder: RunFolder) -> Progress:
        """Of the prepared run in `folder`."""
        return cls(folder.read_json("config.json"), folder.read_json("job.json"),
                   target_metrics.read(folder))

    def take(self, teller: Teller, event: Event) -> str:
        """Takes one event; returns a line worth logging, or ""."""
        match event:
            case ProgressEvent():
                self._workers[teller.name] = event
                self._count(teller, event)
            case ViewEvent():
                self._view = event
            case SchedulerDoneEvent() | ServerDoneEvent() | WorkerDoneEvent():
                self.done[teller.name] = event
                if isinstance(event, WorkerDoneEvent):
                    self._count(teller, event)
            case ResumedEvent():
                self._end_fleet(teller)
                self.resumed_from = event.clock
                self._validated = -1
                self._clocks.clear()
                self._workers.clear()  # some seats may be gone
                self._view = None
                if self.resumed_from == 0:
                    return "nothing was committed: this run starts over"
                return f"resumed from clock {self.resumed_from}"
            case WarningEvent():
                return self._warning(teller, event.message)
            case LogEvent(level="warning") if not self._workers:
                return self._warning(teller, event.text)  # it may be why nobody begins
            case RefusedEvent():
                why = f" (the last: {event.why})" if event.why else ""
                return (f"{teller.name} has refused "
                        f"{units.plural(event.connections, 'connection')} and "
                        f"{units.plural(event.messages, 'message')} of those whose keys are not "
                        f"good for that{why}")
            case CommittedEvent():
                self.commits.append(event)
                self._committed_at = time.monotonic()
            case ValidationEvent():
                self._validated = event.epoch
                figures = ", ".join(f"{metric.words} {metric.plain(event.figures.get(metric.name))}"
                                    for metric in self._told)
                return f"epoch {event.epoch + 1}: validation {figures}"
        return ""

    @property
    def rows(self) -> int:
        """Trained on, by all processes, also those that died: as far as they told."""
        return self._earlier_rows + sum(rows for _, rows in self._trained.values())

    @property
    def lost(self) -> int:
        """Updates, by all fleets: each scheduler tells of its own."""
        return self._earlier_lost + sum(event.lost for event in self.done.values()
                                        if isinstance(event, SchedulerDoneEvent))

    def tell(self, teller: Teller, event: Event, console: Console) -> None:
        """Takes it and notes such a line."""
        line = self.take(teller, event)
        if line:
            console.note(line)

    def line(self) -> str:
        """The live line, "" before the first iteration of an epoch: one of an epoch whose end has
        been told would come too late."""
        events = self._workers.values()
        if all(event.epoch <= self._validated for event in events):
            return ""
        # As the shards saw it at one moment; what the workers said last is of different ones.
        clocks = ([self._view.min_clock, self._view.max_clock] if self._view else
                  [event.clock for event in events])
        low, high = min(clocks), max(clocks)
        epoch = max(event.epoch for event in events)
        # A loss that is no number is null; the worker then ends by itself, and says why.
        losses = [event.loss for event in events if event.loss is not None]
        loss = f"loss {sum(losses) / len(losses):.4f}  " if losses else ""
        rate = sum(event.samples_per_second for event in events)
        return (f"epoch {min(epoch + 1, self.epochs)}/{self.epochs}  {loss}"
                f"{rate:,.0f} samples/s  clock {low}-{high} of {self.last_clock}  "
                f"s={self.staleness}  ETA {self._eta(low)}{self._out()}{self._age()}")

    def _warning(self, teller: Teller, text: str) -> str:
        """Each once: a process may tell it and write it into its log."""
        if text == self._warned.get(teller.name):
            return ""
        self._warned[teller.name] = text
        return f"{teller.name}: {text}"

    def _out(self) -> str:
        """How many workers train nothing."""
        out = len(self._view.quarantined) if self._view else 0
        return f"  {out} in quarantine" if out else ""

    def _count(self, teller: Teller, event: ProgressEvent | WorkerDoneEvent) -> None:
        """A process tells of all its rows; the next one of its name begins at 0."""
        before, rows = self._trained.get(teller.name, (teller, 0))
        if before is not teller or event.rows < rows:
            self._earlier_rows += rows
            self.replaced = True
        self._trained[teller.name] = teller, event.rows
        self.max_staleness = max(self.max_staleness, event.max_staleness)

    def _age(self) -> str:
        """Of the newest snapshot, where one is overdue: what a crash of all would cost."""
        seconds = int(time.monotonic() - self._committed_at)
        if self._view is None or seconds < OLD_SNAPSHOT_SECONDS:
            return ""
        return f"  last snapshot {seconds // 60}:{seconds % 60:02d} ago"

    def _end_fleet(self, scheduler: Teller) -> None:
        """`scheduler` is that of the next one, and tells in its turn when it is done."""
        done = self.done.pop(scheduler.name, None)
        if isinstance(done, SchedulerDoneEvent):
            self._earlier_lost += done.lost

    def _eta(self, clock: int) -> str:
        now = time.monotonic()
        self._clocks.append((now, clock))
        while now - self._clocks[0][0] > RATE_SECONDS:
            self._clocks.popleft()
        begin, first = self._clocks[0]
        if clock <= first:
            return "-"
        left = (self.last_clock - clock) * (now - begin) / (clock - first)
        return f"{int(left) // 60}:{int(left) % 60:02d}"
