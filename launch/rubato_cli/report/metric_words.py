"""What is true of one metric only, by its name. A metric that stands in none of these tables goes
without, or with the words that are true of all."""

from __future__ import annotations

from collections.abc import Callable

from rubato_cli.base import units
from rubato_cli.files.target_metrics import Metric, TargetDescription
from rubato_cli.report.record import Record
from rubato_cli.report.svg import Ticks, percent_ticks, tick_text
from rubato_cli.report.tree import Tree, dig


def explanation(metric: Metric, record: Record) -> str:
    """A sentence that says what its test figure means, "" where there is none."""
    return _EXPLANATIONS[metric.name](record) if metric.name in _EXPLANATIONS else ""


def best_possible(metric: Metric) -> str:
    """How the best possible figure is known."""
    return _BEST_POSSIBLE.get(metric.name, "known, as the data is generated")


def constant(metric: Metric, target: TargetDescription, config: Tree) -> str:
    """The prediction for all rows that a model is held to. `config`: as in config.json."""
    known = _CONSTANTS_OF_CLASSES if target.classes else _CONSTANTS
    return known.get(metric.name, "the best constant of the training rows") + unit(config)


def unit(config: Tree) -> str:
    """What makes a constant another number in each row, as words put in; "" where nothing does."""
    scaled = dig(config, "target.scale") or dig(config, "series.scale")
    return ", in the unit of each row," if scaled else ""


def ticks(metric: Metric) -> Ticks:
    """How an axis of its figures is written."""
    return percent_ticks if metric.format == "percent" else tick_text


def intervals(target: TargetDescription) -> str:
    """How the intervals of the leading metric are made, as a sentence begins; "" if that is not
    known."""
    return _INTERVALS.get(target.lead.name, "") if target.metrics else ""


def no_skill(metric: Metric, record: Record) -> float | None:
    """The test figure of predictions that know nothing of the row, None where it is unknown."""
    told = record.metric(f"test.constant_{metric.name}")
    return told if metric.name not in _NO_SKILL else _NO_SKILL[metric.name](record)


def count(metric: Metric, record: Record) -> str:
    """What is counted in the test rows, as it stands beside their number."""
    value = record.metric(f"test.{metric.name}")
    text = (units.percent(_share(metric.name, record)) if metric.name in _SHARES else
            units.count(value))
    return f"{text} {metric.words}"


def _share(name: str, record: Record) -> float | None:
    """Of the test rows."""
    rows, value = record.metric("test.rows"), record.metric(f"test.{name}")
    return value / rows if rows and value is not None else None


def _ranked(record: Record) -> str:
    auc = record.metric("test.auc")
    return "" if auc is None else (
        "Of a positive and a negative row drawn at random, the model gives the positive one the "
        f"higher risk {100 * auc:.0f} times in 100.")


def _missed(record: Record) -> str:
    distance, explained = record.metric("test.mae"), record.metric("test.r2")
    if distance is None or explained is None:
        return ""
    return (f"On average a label lies {units.amount(distance)} from what was predicted; the model "
            f"explains {units.percent(max(explained, 0.0))} of the variance of the labels.")


_EXPLANATIONS = {"auc": _ranked, "rmse": _missed}
_BEST_POSSIBLE = {"auc": "of the true probabilities of the generated data"}
_CONSTANTS = {"logloss": "the rate of the training rows",
              "poisson_deviance_x100": "the mean rate of the training rows",
              **dict.fromkeys(("gamma_deviance", "tweedie_deviance", "rmse"),
                              "the mean of the training rows"),
              "pinball": "the quantiles of the training rows"}
_CONSTANTS_OF_CLASSES = {"logloss": "the shares of the classes in the training rows",
                         "accuracy": "the most frequent class of the training rows"}
_INTERVALS = {"auc": "Intervals are DeLong’s; "}
_NO_SKILL: dict[str, Callable[[Record], float | None]] = {
    "pr_auc": lambda record: _share("positives", record)}
_SHARES = ("positives",)  # counts of rows
