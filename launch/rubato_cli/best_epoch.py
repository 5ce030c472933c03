"""Which committed snapshot a run's figures and predictions come from."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Iterator

from rubato_cli.child import Event
from rubato_cli.run_folder import RunFolder


@dataclasses.dataclass(frozen=True)
class Chosen:
    """What was validated at the end of a data epoch (counted from 1, as people do), and the
    snapshot that holds those weights; None: the last one of the run."""

    data_epoch: int
    snapshot: int | None
    auc: float
    logloss: float


def last(folder: RunFolder) -> Chosen | None:
    """The last data epoch. None when nothing was validated."""
    validations, _ = _read(folder)
    return _chosen(validations[max(validations)], None) if validations else None


def best(folder: RunFolder) -> Chosen | None:
    """The data epoch with the best validation log loss, and the snapshot cut at its end, at
    the clock of the validation: other commits hold other weights, and servers do not keep them.
    Reads the telemetry of all starts of the run, as the best epoch may lie before a resume. None
    when nothing was validated."""
    validations, commits = _read(folder)
    for event in sorted(validations.values(), key=lambda event: float(event["logloss"])):
        snapshot = commits.get(int(event["clock"]))
        if snapshot is not None:
            return _chosen(event, snapshot)
    return None


def _chosen(event: Event, snapshot: int | None) -> Chosen:
    return Chosen(int(event["data_epoch"]) + 1, snapshot, float(event["auc"]),
                  float(event["logloss"]))


def _read(folder: RunFolder) -> tuple[dict[int, Event], dict[int, int]]:
    """The newest validation of each data epoch, and snapshot numbers by clock. An earlier start may
    have gone further, with weights that were never committed, than the run now goes."""
    last_clock = int(folder.read_json("job.json")["last_clock"])
    validations: dict[int, Event] = {}
    commits: dict[int, int] = {}
    for event in _events(folder.path / "telemetry"):
        if event.get("event") == "validation" and int(event["clock"]) < last_clock:
            validations[int(event["data_epoch"])] = event
        elif event.get("event") == "committed":
            commits[int(event["clock"])] = int(event["epoch"])
    return validations, commits


def _events(telemetry: pathlib.Path) -> Iterator[Event]:
    for pattern in ("worker-*.jsonl", "scheduler-*.jsonl"):
        for path in sorted(telemetry.glob(pattern)):
            with open(path, encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if '"validation"' not in line and '"committed"' not in line:
                        continue
                    try:
                        event = json.loads(line)
                    except ValueError:
                        continue  # the process died while it wrote this line
                    if isinstance(event, dict):
                        yield event
