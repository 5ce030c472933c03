"""What a staleness sweep measures, as values: the slowness it makes, a row per bound, the table.

Slowness is a wait (workers sleep), so that one machine can stand for several: every iteration takes
at least `floor_seconds`, longer than the work in it, and a slow one `factor` times that.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from rubato_cli.base import units
from rubato_cli.base.failure import Failure

BOUNDS = ("0", "1", "2", "4", "8", "16", "inf")
# Below it the start and the end of a run are too much of it.
ITERATIONS_MIN = 300
TARGET_MARGIN = 0.003  # of AUC, below where synchronous training ends


@dataclasses.dataclass(frozen=True)
class Slowness:
    """Worker 0 slow all the time (chance 0), or every worker now and then; factor 1: nobody."""

    floor_seconds: float
    factor: float = 1.0
    chance: float = 0.0
    length: int = 1

    @property
    def constant(self) -> bool:
        return self.factor > 1 and self.chance == 0

    def flags(self, seat: int) -> list[str]:
        """Flags of `rubato-worker train`."""
        flags = ["--floor-seconds", f"{self.floor_seconds:g}"]
        if self.constant and seat != 0:
            return flags
        if self.factor > 1:
            flags += ["--slow-factor", f"{self.factor:g}"]
        if self.chance > 0:
            flags += ["--slow-chance", f"{self.chance:g}", "--slow-length", str(self.length)]
        return flags

    def words(self) -> str:
        floor = units.duration(self.floor_seconds).replace(units.THIN, " ")
        if self.factor == 1:
            return f"equal workers, iterations of {floor}"
        if self.constant:
            return f"worker 0 always {self.factor:g}× slower, iterations of {floor}"
        return (f"hiccups: with chance {self.chance:g} the next "
                f"{units.plural(self.length, 'iteration')} of a worker "
                f"{'takes' if self.length == 1 else 'take'} {self.factor:g}× as long, "
                f"iterations of {floor}")


def parse_slowness(slow_worker: str | None, hiccups: str | None, floor_ms: str) -> Slowness:
    """From the command line; a sentence for what cannot be."""
    if slow_worker and hiccups:
        raise Failure("--slow-worker and --hiccups are two kinds of slowness; give one of them, "
                      "and run the bench once for each")
    floor = _number(floor_ms, "--floor-ms", "a number of milliseconds above 0, as 4", 0, 60_000)
    if slow_worker:
        factor = _number(slow_worker, "--slow-worker", "a factor above 1, as 3", 1, 1000)
        return Slowness(floor / 1000, factor)
    if not hiccups:
        return Slowness(floor / 1000)
    parts = hiccups.split(",")
    if len(parts) != 3:
        raise Failure(f"--hiccups {hiccups} is not CHANCE,FACTOR,LENGTH; write it as 0.05,3,4")
    chance = _number(parts[0], "--hiccups", "a chance between 0 and 1 first, as 0.05,3,4", 0, 1)
    factor = _number(parts[1], "--hiccups", "a factor above 1 second, as 0.05,3,4", 1, 1000)
    if not parts[2].strip().isdecimal() or int(parts[2]) < 1:
        raise Failure(f"--hiccups {hiccups}: the length '{parts[2]}' is no number of iterations; "
                      "write it as 0.05,3,4")
    return Slowness(floor / 1000, factor, chance, int(parts[2]))


def _number(text: str, flag: str, wanted: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low < value <= high:
        raise Failure(f"{flag}: '{text}' is not {wanted}")
    return value


@dataclasses.dataclass(frozen=True)
class Row:
    """One run of the sweep. Names are those of staleness.json."""

    staleness: int | str  # "inf"
    samples_per_second: float
    waiting_share: float  # of all workers' time
    seconds: float
    seconds_to_target: float | None  # None: no validation reached it
    validation_auc: float
    test_auc: float | None
    max_observed: int
    iterations: int


def row(bound: str, result: dict[str, Any], validations: Sequence[dict[str, Any]],
        target: float | None) -> Row:
    """From a run's metrics and validation events. Target None: this row's own final AUC less
    TARGET_MARGIN."""
    spent = [worker["seconds"] for worker in result["workers"]]
    whole = sum(sum(seconds.values()) for seconds in spent)
    final = float(result["validation"]["auc"])
    goal = final - TARGET_MARGIN if target is None else target
    return Row(
        staleness=bound if bound == "inf" else int(bound),
        samples_per_second=result["train"]["samples_per_second"],
        waiting_share=sum(seconds["wait"] for seconds in spent) / whole if whole > 0 else 0.0,
        seconds=result["train"]["seconds"],
        seconds_to_target=min((float(event["seconds"]) for event in validations
                               if event["auc"] >= goal), default=None),
        validation_auc=final,
        test_auc=result.get("test", {}).get("auc"),
        max_observed=result["staleness"]["max_observed"],
        iterations=min(int(worker["pushes"]) for worker in result["workers"]))


def epochs_needed(epochs: int, job: dict[str, Any]) -> int:
    """Data epochs that make at least ITERATIONS_MIN iterations."""
    each = int(job["iterations_per_epoch"])
    return max(epochs, math.ceil(ITERATIONS_MIN / each))


def table(rows: Sequence[Row], target: float) -> list[str]:
    """Lines of text."""
    head = ("s", "samples/s", "waiting", "seconds", f"to AUC {target:.4f}", "validation AUC",
            "test AUC", "max staleness", "iterations")
    cells = [head, *(_cells(one) for one in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(line, widths)) for line in cells]


def _cells(one: Row) -> tuple[str, ...]:
    reached = one.seconds_to_target
    return (str(one.staleness), f"{one.samples_per_second:,.0f}", f"{one.waiting_share:.1%}",
            f"{one.seconds:.2f}", units.ABSENT if reached is None else f"{reached:.2f} s",
            units.metric(one.validation_auc), units.metric(one.test_auc), str(one.max_observed),
            str(one.iterations))
