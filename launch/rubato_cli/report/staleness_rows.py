"""What a staleness sweep measures, as values: a row per bound, and their table."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from rubato_cli.base import text_table, units
from rubato_cli.base.events import ValidationEvent
from rubato_cli.files.target_metrics import Metric

BOUNDS = ("0", "1", "2", "4", "8", "16", "inf")
# How far short of where synchronous training ends the target is: of a share, which is better when
# larger, so much; of any other metric, which has a unit, this share of what was gained on a
# constant. An AUC of 0.8 gains 0.3 on a constant: the two are alike.
MARGIN = 0.003
MARGIN_SHARE = 0.01


@dataclasses.dataclass(frozen=True)
class Row:
    """One run of the sweep. Names are those of staleness.json."""

    staleness: int | str  # "inf"
    samples_per_second: float
    waiting_share: float  # of all workers' time
    seconds: float
    seconds_to_target: float | None  # None: no validation reached it
    validation: float
    test: float | None
    max_observed: int
    iterations: int


@dataclasses.dataclass(frozen=True)
class Sweep:
    """All runs, and what they had in common."""

    name: str  # of what was trained
    slowness: str  # in words
    incurable: bool  # one worker was slow all the time
    metric: Metric  # that all figures are of
    target: float  # validation figure to reach
    rows: Sequence[Row]


def target_after(result: dict[str, Any], metric: Metric) -> float:
    """What a run reached by its metrics, less the margin."""
    final = float(result["validation"][metric.name])
    if metric.better == "larger":
        return final - MARGIN
    constant = result["validation"].get(f"constant_{metric.name}")
    gained = constant - final if constant is not None and constant > final else abs(final)
    return final + MARGIN_SHARE * gained


def row(bound: str, result: dict[str, Any], validations: Sequence[ValidationEvent],
        metric: Metric, target: float) -> Row:
    """From a run's metrics and validation events."""
    spent = [worker["seconds"] for worker in result["workers"]]
    whole = sum(sum(seconds.values()) for seconds in spent)
    reached = [event.seconds for event in validations
               if (value := event.figures.get(metric.name)) is not None
               and metric.worth(value) >= metric.worth(target)]
    return Row(
        staleness=bound if bound == "inf" else int(bound),
        samples_per_second=result["train"]["samples_per_second"],
        waiting_share=sum(seconds["wait"] for seconds in spent) / whole if whole > 0 else 0.0,
        seconds=result["train"]["seconds"],
        seconds_to_target=min(reached, default=None),
        validation=float(result["validation"][metric.name]),
        test=result.get("test", {}).get(metric.name),
        max_observed=result["staleness"]["max_observed"],
        iterations=min(int(worker["pushes"]) for worker in result["workers"]))


def table(sweep: Sweep) -> list[str]:
    """Lines of text."""
    words = sweep.metric.words
    head = ("s", "samples/s", "waiting", "seconds",
            f"to {words} {sweep.metric.plain(sweep.target)}", f"validation {words}",
            f"test {words}", "max staleness", "iterations")
    return text_table.lines([head, *(_cells(one, sweep.metric) for one in sweep.rows)])


def _cells(one: Row, metric: Metric) -> tuple[str, ...]:
    reached = one.seconds_to_target
    return (str(one.staleness), f"{one.samples_per_second:,.0f}", f"{one.waiting_share:.1%}",
            f"{one.seconds:.2f}", units.ABSENT if reached is None else f"{reached:.2f} s",
            metric.plain(one.validation), metric.plain(one.test), str(one.max_observed),
            str(one.iterations))
