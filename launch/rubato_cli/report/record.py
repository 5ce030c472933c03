"""What a finished run left in its folder, read once for the report and never trusted.

  metrics.json             figures by name; the only file that must be there
  target.json              what these figures mean (files/target_metrics.py)
  evaluation.json          "test", "validation" {figures by name, and tables as the target has
                           them: roc [{fpr, tpr}], calibration [{rows, mean_predicted, observed}],
                           lift [{rows, lift, captured}]; the last two with positives where these
                           are counted, or calibration with the size of rows that are measured,
                           and lorenz [{size, actual}], shares; of classes, by their numbers,
                           confusion [{actual, predicted, rows}] and worst [{row, actual, predicted,
                           probability}]; of quantiles band [{first, last, low, high, q_LEVEL}] and
                           breaches [{row, label, quantile}]}, "oracle" the same of the truth of
                           generated data, "top_features" [{name, weight or importance}],
                           "worst_images" as worst, with {width, height, pixels}
  config.json              the resolved run file
  data/cleansing.json      "rows" {read, dropped_missing_label, dropped_ignored_label,
                           dropped_missing_time, train, validation, test}, "positives" {train,
                           validation, test} where they are counted, "columns" [{name, role,
                           missing, levels}], "warnings" [{sentence}], "inputs"
  telemetry/worker-N.jsonl progress and validation events (base/events.py)

Every part but metrics.json may be missing or of an older make (tree.py): the page says so.
"""

from __future__ import annotations

import dataclasses
import pathlib

from rubato_cli.base.events import ProgressEvent, ValidationEvent, timed_events_in
from rubato_cli.base.failure import Failure
from rubato_cli.files import target_metrics
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.files.target_metrics import TargetDescription
from rubato_cli.report.tree import Tree, as_number, number, records


@dataclasses.dataclass
class Record:
    """One run."""

    path: pathlib.Path
    metrics: Tree
    evaluation: Tree
    config: Tree
    cleansing: Tree
    # Worker -> [(seconds since the first start, loss, rows)], and the validation events by time,
    # their epochs counted from 1.
    progress: dict[str, list[tuple[float, float, float]]] = dataclasses.field(default_factory=dict)
    validation: list[ValidationEvent] = dataclasses.field(default_factory=list)
    target: TargetDescription = TargetDescription()

    @property
    def name(self) -> str:
        return self.path.resolve().name

    def metric(self, path: str) -> float | None:
        return number(self.metrics, path)

    @property
    def workers(self) -> list[Tree]:
        return records(self.metrics, "workers")

    @property
    def shards(self) -> list[Tree]:
        return records(self.metrics, "shards")


def read(path: str) -> Record:
    """The run in folder `path`; Failure if there is none, or none that finished."""
    folder = RunFolder(path)
    if not folder.path.is_dir():
        raise Failure(f"there is no folder {path}; name the --out folder of a `rubato train`")
    if not (folder.path / "metrics.json").exists() and (folder.path / "job.json").exists():
        raise Failure(f"{path} has no metrics.json, as its run did not finish; {folder.go_on}")
    record = Record(folder.path, folder.read_json("metrics.json"),
                    folder.find_json("evaluation.json"), folder.find_json("config.json"),
                    folder.find_json("data/cleansing.json"), target=target_metrics.find(folder))
    first: Times = []
    for seat, file in folder.workers():
        times = _read_telemetry(seat, file, record, first)
        first = first or times
    record.validation.sort(key=lambda event: event.seconds)
    return record


# [(time of day, seconds of training by then)]
Times = list[tuple[float, float]]


def _read_telemetry(seat: str, file: pathlib.Path, record: Record, first: Times) -> Times:
    """Takes the events of all starts of a worker, one after the other on one axis of time: that of
    the first worker, who is there as long as the run trains."""
    times: Times = []
    points: list[tuple[float, float, float]] = []
    before, newest = 0.0, 0.0  # end of the starts before this one; newest time of this one
    for now, event in timed_events_in(file):
        if isinstance(event, ProgressEvent):
            seconds, loss = as_number(event.seconds_since_start), as_number(event.loss)
            if seconds is None or loss is None:
                continue
            if seconds < newest or not points:
                before = max(before + newest, _seconds_at(now, first) - seconds)
            newest = seconds
            points.append((before + seconds, loss, as_number(event.rows) or 0.0))
            if now is not None:
                times.append((now, before + seconds))
        elif isinstance(event, ValidationEvent) and as_number(event.epoch) is not None:
            seconds = as_number(event.seconds)
            record.validation.append(dataclasses.replace(
                event, seconds=before + (newest if seconds is None else seconds),
                epoch=event.epoch + 1,  # people count from 1, as train.epoch_used does
                figures=_numbers(event.figures)))
    if points:
        record.progress[seat] = points
    return times


def _seconds_at(now: float | None, times: Times) -> float:
    """Of training; 0 where nobody knows."""
    if now is None or not times:
        return 0.0
    return min(times, key=lambda time: abs(time[0] - now))[1]


def _numbers(tree: Tree) -> dict[str, float | None]:
    return {name: as_number(value)
            for name, value in (tree.items() if isinstance(tree, dict) else ())}
