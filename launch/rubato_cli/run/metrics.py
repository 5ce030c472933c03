"""metrics.json: what a finished run has to show, from the last events of its processes.

workers[i] and shards[i] are what workers and shards told when they were done, by the names of
common/telemetry/events.h: of a process that was started again, what the last one did. Of a worker
there is also what shards found of its gradients (influences()).
"faults" is there if something went wrong (run/faults.py).
evaluation.json has "test", "validation" and, for generated data, "oracle" by the names of
metrics.json, which takes its figures over. Its tables (curves, bins, features) stay there.
"constant" has by the same names what one prediction for all rows gets on the test rows.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from typing import Any

from rubato_cli.base.events import (Event, SchedulerDoneEvent, ServerDoneEvent, ShardDone,
                                    WorkerDoneEvent)
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.usage import Usage
from rubato_cli.run.history import History
from rubato_cli.run.progress import Progress
from rubato_cli.run.workers import read as read_workers


def collect(history: History, seconds: float, usage: dict[str, Usage]) -> dict[str, Any]:
    """The training part of metrics.json; evaluation is added by finish()."""
    folder, progress = history.folder, history.progress
    faults = history.faults.told(progress.last_clock, history.rollbacks.told())
    workers: list[WorkerDoneEvent] = _of(progress, WorkerDoneEvent)
    schedulers: list[SchedulerDoneEvent] = _of(progress, SchedulerDoneEvent)
    shards: list[ShardDone] = sorted(
        (shard for server in _of(progress, ServerDoneEvent) for shard in server.each()),
        key=lambda shard: shard.place)
    found = influences(shards)
    return {
        "train": _train(progress, workers, schedulers, seconds) | _workers(folder),
        "run": {"seed": folder.read_json("config.json")["train"]["seed"]},
        "staleness": {"bound": progress.staleness,
                      "max_observed": progress.max_staleness},
        "updates": {"lost": progress.lost,
                    "duplicates_refused": sum(shard.duplicates_refused for shard in shards)},
        "workers": [worker.told() | found.get(worker.seat, {}) for worker in workers],
        "shards": [shard.told() for shard in shards],
        "processes": _processes(usage),
        **({"faults": faults} if faults else {}),
    }


def influences(shards: list[ShardDone]) -> dict[int, dict[str, float]]:
    """By seat: `influence`, its part of the squares of all gradients, and `likeness`, the cosine
    between its gradients and those of the others; both of a sample (server/shard/influence.h)."""
    sums: dict[int, collections.Counter[str]] = {}
    for shard in shards:
        for of in shard.influences:
            sums.setdefault(int(of["seat"]), collections.Counter()).update(
                {name: float(of[name] or 0) for name in ("squared_norm", "dot", "own", "others")})
    whole = sum(of["squared_norm"] for of in sums.values())
    figures: dict[int, dict[str, float]] = {}
    for seat, of in sums.items():
        figures[seat] = {"influence": of["squared_norm"] / whole} if whole > 0 else {}
        if of["own"] > 0 and of["others"] > 0:
            figures[seat]["likeness"] = of["dot"] / math.sqrt(of["own"] * of["others"])
    return figures


def _processes(usage: dict[str, Usage]) -> list[dict[str, Any]]:
    """By name: a process may have been started again. Its peak memory starts from the launcher's
    own at fork."""
    return [{"name": name, **dataclasses.asdict(used)} for name, used in usage.items()]


def _train(progress: Progress, workers: list[WorkerDoneEvent],
           schedulers: list[SchedulerDoneEvent], seconds: float) -> dict[str, Any]:
    rows = progress.rows
    # Iterations only, without the start of the processes, when the workers say it: those of the
    # whole training, which a process that came later is not.
    if not progress.replaced:
        seconds = max((sum(worker.seconds.values()) for worker in workers if worker.seconds),
                      default=seconds)
    return {"seconds": seconds, "rows": rows,
            "samples_per_second": rows / seconds if seconds > 0 else 0.0,
            "clock": max((scheduler.clock for scheduler in schedulers),
                         default=progress.last_clock),
            "resumed_from_clock": progress.resumed_from}


def _workers(folder: RunFolder) -> dict[str, Any]:
    """How many, from which clock on. Without servers it is always one."""
    changes = read_workers(folder)
    return {"workers": changes} if changes else {}


def of_finished(folder: RunFolder) -> dict[str, Any]:
    """metrics.json of a run that is trained to its last clock and evaluated; {} of one that is not,
    or not since more epochs were asked for."""
    metrics = folder.find_json("metrics.json")
    last = int(folder.read_json("job.json")["last_clock"])
    return metrics if metrics and int(metrics["train"]["clock"]) >= last else {}


def finish(metrics: dict[str, Any], evaluation: dict[str, Any],
           more: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """`metrics` with the figures of the evaluation and with `more` keys put into its sections."""
    figures = {section: {name: value for name, value in content.items()
                         if not isinstance(value, list)}
               for section, content in evaluation.items() if isinstance(content, dict)}
    merged = dict(metrics)
    for source in (figures, more):
        for section, content in source.items():
            merged[section] = {**merged.get(section, {}), **content}
    return merged


def _of(progress: Progress, kind: type[Event]) -> list[Any]:
    """The last words of this kind, by the numbers of the processes."""
    names = sorted(progress.done, key=lambda name: int(name.rsplit("-", 1)[1]))
    return [progress.done[name] for name in names if isinstance(progress.done[name], kind)]
