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
    """A snapshot by its number, with the data epoch it ends (both from 0 on and as events say)."""

    data_epoch: int
    snapshot: int
    auc: float
    logloss: float


def choose(folder: RunFolder) -> Chosen | None:
    """The data epoch with the best validation log loss, and the snapshot cut at its end: the first
    commit at or after the clock of the validation. Reads the telemetry of all starts of the run, as
    the best epoch may lie before a resume. None when nothing was validated."""
    validations: dict[int, Event] = {}
    commits: dict[int, int] = {}
    for event in _events(folder.path / "telemetry"):
        if event.get("event") == "validation":
            validations[int(event["data_epoch"])] = event  # a repeated epoch: the newest counts
        elif event.get("event") == "committed":
            commits[int(event["clock"])] = int(event["epoch"])
    for event in sorted(validations.values(), key=lambda event: float(event["logloss"])):
        clocks = [clock for clock in commits if clock >= int(event["clock"])]
        if clocks:
            return Chosen(int(event["data_epoch"]), commits[min(clocks)], float(event["auc"]),
                          float(event["logloss"]))
    return None


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
