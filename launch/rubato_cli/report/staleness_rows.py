"""What a staleness sweep measures, as values: a row per bound, and their table."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from rubato_cli.base import text_table, units
from rubato_cli.base.events import ValidationEvent

BOUNDS = ("0", "1", "2", "4", "8", "16", "inf")
TARGET_MARGIN = 0.003  # of AUC, below where synchronous training ends


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


@dataclasses.dataclass(frozen=True)
class Sweep:
    """All runs, and what they had in common."""

    name: str  # of what was trained
    slowness: str  # in words
    incurable: bool  # one worker was slow all the time
    target: float  # validation AUC to reach
    rows: Sequence[Row]


def row(bound: str, result: dict[str, Any], validations: Sequence[ValidationEvent],
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
        seconds_to_target=min((event.seconds for event in validations
                               if (event.figures.get("auc") or -1.0) >= goal), default=None),
        validation_auc=final,
        test_auc=result.get("test", {}).get("auc"),
        max_observed=result["staleness"]["max_observed"],
        iterations=min(int(worker["pushes"]) for worker in result["workers"]))


def table(sweep: Sweep) -> list[str]:
    """Lines of text."""
    head = ("s", "samples/s", "waiting", "seconds", f"to AUC {sweep.target:.4f}", "validation AUC",
            "test AUC", "max staleness", "iterations")
    return text_table.lines([head, *(_cells(one) for one in sweep.rows)])


def _cells(one: Row) -> tuple[str, ...]:
    reached = one.seconds_to_target
    return (str(one.staleness), f"{one.samples_per_second:,.0f}", f"{one.waiting_share:.1%}",
            f"{one.seconds:.2f}", units.ABSENT if reached is None else f"{reached:.2f} s",
            units.metric(one.validation_auc), units.metric(one.test_auc), str(one.max_observed),
            str(one.iterations))
