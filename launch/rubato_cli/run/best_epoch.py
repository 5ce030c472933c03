"""Which committed snapshot a run's figures and predictions come from."""

from __future__ import annotations

from rubato_cli.files import target_metrics
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.run import validations
from rubato_cli.run.committed import Snapshot


def snapshot(folder: RunFolder, kept: list[Snapshot]) -> int | None:
    """Number of the one of `kept` that was cut at the end of the epoch with the best
    validation figure, at the clock of the validation: others hold other weights. None when
    nothing was validated."""
    judge = target_metrics.read(folder).judge
    numbers = {snapshot.clock: snapshot.number for snapshot in kept}
    validated = [(event["figures"].get(judge.name), int(event["clock"]))
                 for event in validations.read(folder)]
    best = max(((judge.worth(value), numbers[clock]) for value, clock in validated
                if value is not None and clock in numbers),
               key=lambda worth_and_number: worth_and_number[0], default=None)
    return best[1] if best else None


def validation(folder: RunFolder, clock: int) -> dict[str, float]:
    """What was validated with the weights of `clock`, {} if nothing was. The iteration of a
    validation changes no weights."""
    for event in validations.read(folder):
        if int(event["clock"]) in (clock, clock - 1):
            return dict(event["figures"])
    return {}
