"""metrics.json: what a finished run has to show, from the last events of its processes.

Fields of "done" events (others are kept, under workers[i] and shards[i]):
  worker     seat, rows, pushes, resent, max_staleness, lost, samples_per_second, bytes_pulled,
             bytes_pushed, seconds: {compute, wait, pull, push, other}, which add up to the time
             from its first iteration to its last
  server     shards: list of {place, pushes, rows, duplicates_refused, staleness_histogram:
             [[staleness, pushes], ...]}
  scheduler  clock, epoch, lost
evaluation.json has "test", "validation" and, for generated data, "oracle" by the names of
metrics.json, which takes its figures over. Its tables (curves, bins, features) stay there.
"""

from __future__ import annotations

from typing import Any

from rubato_cli.base.events import Event
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.child import Child
from rubato_cli.run.progress import Progress


def collect(folder: RunFolder, progress: Progress, seconds: float,
            children: list[Child]) -> dict[str, Any]:
    """The training part of metrics.json; evaluation is added by finish()."""
    workers, schedulers = _of(progress, "worker"), _of(progress, "scheduler")
    shards = sorted((shard for server in _of(progress, "server")
                     for shard in server.get("shards", [])),
                    key=lambda shard: int(shard.get("place", 0)))
    return {
        "train": _train(progress, workers, schedulers, seconds),
        "run": {"seed": folder.read_json("config.json")["train"]["seed"]},
        "staleness": {"bound": progress.staleness,
                      "max_observed": max((int(worker.get("max_staleness", 0))
                                           for worker in workers), default=0)},
        "updates": {"lost": _sum(workers, "lost") + _sum(schedulers, "lost"),
                    "duplicates_refused": _sum(shards, "duplicates_refused")},
        "workers": workers,
        "shards": shards,
        # Peak resident set as the kernel counts it; it starts from the launcher's own at fork.
        "processes": [{"name": child.name, "peak_memory_bytes": child.peak_memory_bytes,
                       "cpu_seconds": child.cpu_seconds} for child in children],
    }


def _train(progress: Progress, workers: list[Event], schedulers: list[Event],
           seconds: float) -> dict[str, Any]:
    rows = _sum(workers, "rows")
    # Iterations only, without the start of the processes, when the workers say it.
    seconds = max((sum(worker["seconds"].values()) for worker in workers if "seconds" in worker),
                  default=seconds)
    return {"seconds": seconds, "rows": rows,
            "samples_per_second": rows / seconds if seconds > 0 else 0.0,
            "clock": max((int(s["clock"]) for s in schedulers if "clock" in s),
                         default=progress.last_clock),
            "resumed_from_clock": progress.resumed_from}


def of_finished(folder: RunFolder) -> dict[str, Any]:
    """metrics.json of a run that is trained to its last clock and evaluated; {} of one that is not,
    or not since more data epochs were asked for."""
    metrics = folder.find_json("metrics.json")
    last = int(folder.read_json("job.json")["last_clock"])
    return metrics if metrics and int(metrics["train"]["clock"]) >= last else {}


def finish(metrics: dict[str, Any], evaluation: dict[str, Any],
           more: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """`metrics` with the figures of the evaluation and with `more` keys put into its sections."""
    figures = {section: {name: value for name, value in content.items()
                         if not isinstance(value, (list, dict))}
               for section, content in evaluation.items() if isinstance(content, dict)}
    merged = dict(metrics)
    for source in (figures, more):
        for section, content in source.items():
            merged[section] = {**merged.get(section, {}), **content}
    return merged


def _of(progress: Progress, role: str) -> list[Event]:
    events = {name: event for name, event in progress.done.items()
              if name.startswith(f"{role}-")}
    return [{key: value for key, value in events[name].items() if key != "event"}
            for name in sorted(events, key=lambda name: int(name.rsplit("-", 1)[1]))]


def _sum(events: list[Event], field: str) -> int:
    return sum(int(event.get(field, 0)) for event in events)
