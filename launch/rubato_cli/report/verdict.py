"""Whether a model is worth anything: its test figure beside that of one prediction for every row.

It goes by the metric that chooses the best epoch. A model that is worse by more than the standard
error of the difference is said to be so wherever its figures or its predictions are shown, with
what most likely made it so.
"""

from __future__ import annotations

import dataclasses

from rubato_cli.base import units
from rubato_cli.files.target_metrics import Metric, TargetDescription
from rubato_cli.report import metric_words
from rubato_cli.report.tree import Tree, number, records

HIGH = 2.0  # times the constant's loss: no model that learnt anything ends there


def worse_than_constant(metrics: Tree, config: Tree, validations: Tree,
                        target: TargetDescription) -> str:
    """A sentence, or "" for a model that is not. `metrics`, `config` and `validations` as in
    metrics.json, config.json and validations.json of the run."""
    judge, held = target.judge, _held(metrics, target.judge)
    if held is None or held.gain >= -held.error:
        return ""
    constant = metric_words.constant(judge, target, config)
    return (f"this model is worse than none{_but(metrics, target)}: its test {judge.words} is "
            f"{judge.plain(held.value)}, and predicting {constant} for every row has "
            f"{judge.plain(held.constant)} (standard error of the difference "
            f"{units.plain(judge.difference(held.error))}); "
            f"{_cause(config, held.constant, validations, judge)}")


def against_constant(metrics: Tree, config: Tree, target: TargetDescription) -> str:
    """By how much the leading figure of a model is better, as words that make a sentence; "" where
    it is worse, or where nothing is known of a constant's."""
    lead, held = target.lead, _held(metrics, target.lead)
    if held is None or held.gain < -held.error:
        return ""
    by = ("not better than" if held.gain <= held.error else
          f"{lead.difference(held.gain)} {'higher' if lead.better == 'larger' else 'lower'} than")
    constant = metric_words.constant(lead, target, config)
    return (f"test {lead.words} is {by} that of predicting {constant} for every row, "
            f"{lead.text(held.constant)} (standard error of the difference "
            f"{lead.difference(held.error)})")


def _but(metrics: Tree, target: TargetDescription) -> str:
    """What the figure that leads says to the contrary, if another one judges."""
    held = _held(metrics, target.lead)
    better = held is not None and held.gain > held.error and target.lead != target.judge
    return f" by its {target.judge.words}, though not by its {target.lead.words}" if better else ""


@dataclasses.dataclass(frozen=True)
class _Held:
    """A test figure held to that of a constant."""

    value: float
    constant: float
    error: float  # standard error of their difference
    gain: float  # > 0: the model is better


def _held(metrics: Tree, metric: Metric) -> _Held | None:
    value, constant, error = (number(metrics, f"test.{name}") for name in (
        metric.name, f"constant_{metric.name}", f"{metric.name}_error"))
    if value is None or constant is None or error is None:
        return None
    return _Held(value, constant, error, metric.worth(value) - metric.worth(constant))


def _cause(config: Tree, constant: float, validations: Tree, judge: Metric) -> str:
    cleanse = config.get("cleanse", {})
    if cleanse.get("class_weights") and not cleanse.get("correct_prior", True):
        return ("cleanse.correct_prior = false leaves its pd on the level of weighted classes; "
                "leave it true where pd must be a probability")
    rate, epochs = number(config, "optimizer.learning_rate"), number(config, "train.epochs")
    values = [float(event["figures"][judge.name])
              for event in records(validations, "validations", f"figures.{judge.name}")]
    if not values or (judge.better == "smaller" and 0 < HIGH * constant < values[-1]):
        return f"lower optimizer.learning_rate, which is {rate:g}"
    best = max(range(len(values)), key=lambda i: judge.worth(values[i]))
    rose, highest = ("rose", "highest") if judge.better == "larger" else ("fell", "lowest")
    if best + 1 == len(values) and len(values) > 1:
        return (f"its validation {judge.words} still {rose} in the last of {epochs:.0f} epochs: "
                f"raise train.epochs, or optimizer.learning_rate, which is {rate:g}")
    return (f"its validation {judge.words} was {highest} after epoch {best + 1} of {len(values)}, "
            f"at {judge.plain(values[best])}: the rows tell too little, or "
            f"optimizer.learning_rate, which is {rate:g}, is too high; try a lower one, "
            f"optimizer.l2, or model.kind = \"linear\"")
