"""Validations that no worker made, from the snapshots that were cut for them.

Under best_epoch every epoch's end is committed. Seat 0 validates there; where its process died
between its last step and its validation, the others commit without it, and the next one begins
beyond that clock, which they have left behind. So is one missed that no launcher lived to hear of,
and so are those of a seat 0 in quarantine.
The snapshot holds exactly the weights that were to be validated.
"""

from __future__ import annotations

from typing import Any

from rubato_cli.files import target_metrics
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.run import validations
from rubato_cli.run.committed import Snapshot


def snapshots(folder: RunFolder, kept: list[Snapshot]) -> list[Snapshot]:
    """Those of `kept` that were cut at the end of an epoch which is not validated."""
    per_epoch = int(folder.read_json("job.json")["iterations_per_epoch"])
    made = {int(event["clock"]) for event in validations.read(folder)}
    return [snapshot for snapshot in kept
            if (snapshot.clock + 1) % per_epoch == 0 and snapshot.clock not in made]


def epoch(folder: RunFolder, snapshot: Snapshot) -> int:
    """That `snapshot` ends, from 0."""
    return snapshot.clock // int(folder.read_json("job.json")["iterations_per_epoch"])


def add(folder: RunFolder, snapshot: Snapshot, evaluation: dict[str, Any]) -> None:
    """Puts what the evaluation of `snapshot` found into its place in validations.json."""
    found = evaluation.get("validation", {})
    names = [metric.name for metric in target_metrics.read(folder).judging]
    figures = {name: found[name] for name in names if name in found}
    if figures:  # else there are no validation rows
        validations.put(folder, {"epoch": epoch(folder, snapshot), "clock": snapshot.clock,
                                 "figures": figures})
