"""target.json of a run: what its model predicts, and the metrics that judge it.

`rubato-data prepare` writes it. The launcher knows a metric by this description alone, so a new
target needs no change here. Where a metric NAME stands among figures (test, validation, oracle of
metrics.json), these may stand beside it: NAME_low and NAME_high, its 95 % interval; constant_NAME,
what one prediction for all rows gets; NAME_error, the standard error of the difference of the two.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from rubato_cli.base import names, units
from rubato_cli.base.failure import FATAL, Failure
from rubato_cli.files.run_folder import RunFolder

FILE = "target.json"
BETTER = {"larger": 1, "smaller": -1, "": 0}
FORMATS = {"metric": units.metric, "number": units.amount, "percent": units.percent,
           "count": units.count}
DIFFERENCES = {"percent": units.points}  # of formats that write one in other words
PROGRESS, SUMMARY, REPORT = USES = ("progress", "summary", "report")


@dataclasses.dataclass(frozen=True)
class Metric:
    """One of them."""

    name: str  # of its figure, wherever figures are
    words: str  # for people, in the middle of a sentence
    better: str  # "larger", "smaller" or "": it judges nothing
    format: str  # "metric", "number", "percent"; "count": it counts rows, it does not judge a model
    use: str  # "progress": told at each validation, too; "summary": when a run ends; "report"

    @property
    def title(self) -> str:
        """Its words at the begin of a sentence."""
        return self.words[:1].upper() + self.words[1:]

    @property
    def counts(self) -> bool:
        return self.format == "count"

    def worth(self, value: float) -> float:
        """Of a figure: the larger, the better."""
        return BETTER[self.better] * value

    def text(self, value: float | None) -> str:
        """As a page writes it."""
        return FORMATS[self.format](value)

    def plain(self, value: float | None) -> str:
        """As a terminal does."""
        return units.plain(self.text(value))

    def difference(self, value: float) -> str:
        """Of two figures, as a page writes it."""
        return DIFFERENCES.get(self.format, self.text)(value)


@dataclasses.dataclass(frozen=True)
class TargetDescription:
    """What target.json says. Of an older run, which has none, it is empty: nothing is known of
    its figures."""

    kind: str = ""
    prediction: str = ""  # column that predicting adds
    chosen_by: str = ""  # name of the metric by which the best epoch is
    loss: str = ""  # name of the metric that is the training loss; "": none is
    metrics: tuple[Metric, ...] = ()  # in the order of presentation; the first one leads
    classes: tuple[str, ...] = ()  # names of those that are predicted, if they are several

    @property
    def lead(self) -> Metric:
        return self.metrics[0]

    @property
    def judge(self) -> Metric:
        """The one of `chosen_by`."""
        return next(metric for metric in self.metrics if metric.name == self.chosen_by)

    @property
    def loss_metric(self) -> Metric:
        """What training lowers; without a name if it is none of the metrics."""
        unnamed = Metric("", "loss", "smaller", "number", REPORT)
        return next((metric for metric in self.metrics if metric.name == self.loss), unnamed)

    @property
    def told(self) -> list[Metric]:
        """Those of each validation."""
        return [metric for metric in self.metrics if metric.use == PROGRESS]

    @property
    def judging(self) -> list[Metric]:
        return [metric for metric in self.metrics if not metric.counts]

    @property
    def counting(self) -> list[Metric]:
        return [metric for metric in self.metrics if metric.counts]


def read(folder: RunFolder) -> TargetDescription:
    """Of a run that is trained or was: Failure if it says nothing of its target."""
    target = find(folder)
    if not target.metrics:
        raise Failure(f"{folder.shown} has no {FILE}, so an older Rubato made it; train into a new "
                      "folder")
    return target


def find(folder: RunFolder) -> TargetDescription:
    """The same, empty for a run of an older make."""
    content = folder.find_json(FILE)
    return _described(content, folder) if content else TargetDescription()


def _described(content: dict[str, Any], folder: RunFolder) -> TargetDescription:
    target = TargetDescription(
        **_texts(content, ("kind", "prediction", "chosen_by", "loss"), folder, ""),
        metrics=tuple(_metric(item, folder, f"metric {number}: ")
                      for number, item in enumerate(_list(content, "metrics"), 1)),
        classes=tuple(names.shown(name) for name in _list(content, "classes")))
    told = [metric.name for metric in target.told if metric.better]
    _check(bool(told) and target.lead.name == told[0], folder,
           "its first metric is none that is told at each validation")
    _check(target.chosen_by in told, folder,
           f"\"chosen_by\": no metric '{target.chosen_by}' is told at each validation")
    _check(target.loss in ("", *told), folder,
           f"\"loss\": no metric '{target.loss}' is told at each validation")
    return target


def _list(content: dict[str, Any], name: str) -> list[Any]:
    found = content.get(name)
    return found if isinstance(found, list) else []


def _metric(item: Any, folder: RunFolder, where: str) -> Metric:
    metric = Metric(**_texts(item if isinstance(item, dict) else {},
                             [field.name for field in dataclasses.fields(Metric)], folder, where))
    for key, known in (("better", BETTER), ("format", FORMATS), ("use", USES)):
        value = getattr(metric, key)
        _check(value in known, folder, f"{where}nothing is known of \"{key}\": '{value}'")
    return metric


def _texts(content: dict[str, Any], keys: Any, folder: RunFolder, where: str) -> dict[str, str]:
    for key in keys:
        _check(isinstance(content.get(key), str), folder, f"{where}there is no text \"{key}\"")
    return {key: content[key] for key in keys}


def _check(holds: bool, folder: RunFolder, complaint: str) -> None:
    if not holds:
        raise Failure(f"{folder.path / FILE}: {complaint}; another Rubato wrote it: train into a "
                      "new folder", FATAL)
