"""Training without servers (fleet.servers = 0): one worker trains on its GPU and evaluates."""

from __future__ import annotations

import time
from typing import Any

from rubato_cli.base.console import Console
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.fleet import Fleet
from rubato_cli.run import metrics
from rubato_cli.run.history import History


def train(console: Console, folder: RunFolder, fleet: Fleet) -> dict[str, Any]:
    """Trains and evaluates the prepared run in `folder`; all of metrics.json but its "run"."""
    history = History.of(folder)
    progress = history.progress
    fleet.on_event = lambda child, event: progress.tell(child, event, console)
    begin = time.monotonic()
    worker = fleet.start("worker-0", "rubato-worker", ["local", "--run", str(folder.path)])
    fleet.may_end(worker, 0)
    while worker.running:
        fleet.step()
        console.live(progress.line())
    trained = metrics.collect(history, time.monotonic() - begin, fleet.usage())
    return metrics.finish(trained, folder.read_json("evaluation.json"),
                          {"train": {"epoch_used": progress.epochs}})
