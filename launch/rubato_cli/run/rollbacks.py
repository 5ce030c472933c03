"""rollbacks.json: how often a run has gone back to its best epoch by itself, in all its starts."""

from __future__ import annotations

from typing import Any

from rubato_cli.base.console import Console
from rubato_cli.base.events import ValidationEvent
from rubato_cli.base.failure import FATAL, Failure
from rubato_cli.files import target_metrics
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.builds import Build
from rubato_cli.run import best_epoch, snapshots
from rubato_cli.run.committed import Snapshot, kept_snapshots
from rubato_cli.run.validations import Validations

FILE = "rollbacks.json"
MOST = 3


class RanAway(Failure):
    """Training did, and the run file asks to go back. `clock`: of the validation that shows it;
    None: a process of the fleet found it."""

    def __init__(self, sentence: str, clock: int | None = None) -> None:
        super().__init__(sentence, FATAL)
        self.clock = clock


class Rollbacks:
    """Of one run. Each lowers the learning rate by train.rollback_rate."""

    def __init__(self, folder: RunFolder) -> None:
        config = folder.read_json("config.json")
        self._folder = folder
        self._above = float(config["train"]["rollback_above"])
        self._rate = float(config["train"]["rollback_rate"])
        self._learning_rate = float(config["optimizer"]["learning_rate"])
        self._made = read(folder)

    @property
    def asked_for(self) -> bool:
        """Whether the run file does."""
        return self._above > 0

    @property
    def factor(self) -> float:
        """Of the learning rate, by now."""
        return float(self._made[-1]["factor"]) if self._made else 1.0

    def told(self) -> list[dict[str, Any]]:
        """As metrics.json has them."""
        return [dict(rollback) for rollback in self._made]

    def check(self, event: ValidationEvent, made: list[dict[str, Any]]) -> None:
        """RanAway if its loss is no number, or too far above the best one so far, of those
        `made`."""
        metric = _loss_of(self._folder)
        if not self.asked_for or metric is None:
            return
        before = [float(loss) for validated in made
                  if int(validated["clock"]) < event.clock
                  and (loss := validated["figures"].get(metric.name)) is not None]
        loss = event.figures.get(metric.name)
        told = f"epoch {event.epoch + 1}: validation {metric.words} is {metric.plain(loss)}"
        if loss is None:
            raise RanAway(told, event.clock)
        if before and loss > (best := min(before)) + (self._above - 1) * abs(best):
            raise RanAway(f"{told}, and {metric.plain(best)} was the best before", event.clock)

    def go_back(self, build: Build, why: RanAway, console: Console) -> Snapshot:
        """To the best epoch before, or to the beginning where there is none: what to train on from.
        Failure if that has been done often enough."""
        rate = self._learning_rate * self.factor
        if len(self._made) >= MOST:
            raise Failure(f"{why.sentence}; the run has gone back {MOST} times already, and its "
                          f"learning rate is down to {rate:.4g}: lower optimizer.learning_rate, "
                          "or look at the data", FATAL)
        if why.clock is not None:
            Validations(self._folder, why.clock - 1, console)
        to = self._good(build)
        Validations(self._folder, to.clock, console)
        factor = self.factor * self._rate
        self._made.append({"why": why.sentence, "snapshot": to.number, "clock": to.clock,
                           "factor": factor, "learning_rate": self._learning_rate * factor})
        self._folder.write_json(FILE, {"rollbacks": self._made})
        console.note(f"{why.sentence}; going back to clock {to.clock}, learning rate {rate:.4g} -> "
                     f"{rate * self._rate:.4g} ({len(self._made)} of {MOST} times)")
        return to

    def _good(self, build: Build) -> Snapshot:
        kept = [snapshot for snapshot in kept_snapshots(build, self._folder) if snapshot.number]
        number = best_epoch.snapshot(self._folder, kept) or 0
        if kept:
            snapshots.ask(build, self._folder, "rollback", "--snapshot", number)
        return next((snapshot for snapshot in kept if snapshot.number == number), Snapshot(0, 0))


def read(folder: RunFolder) -> list[dict[str, Any]]:
    return list(folder.find_json(FILE).get("rollbacks", []))


def _loss_of(folder: RunFolder) -> target_metrics.Metric | None:
    """What training lowers, if it is told at each validation; or the smaller-is-better metric that
    the best epoch is chosen by."""
    target = target_metrics.read(folder)
    metric = target.loss_metric if target.loss else target.judge
    return metric if metric.better == "smaller" else None
