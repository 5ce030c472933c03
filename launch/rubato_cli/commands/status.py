"""`rubato status DIR`: what a run is doing, or how it ended."""

from __future__ import annotations

import argparse
import json
import pathlib
import time
from typing import Any

from rubato_cli.base import units
from rubato_cli.base.events import CommittedEvent, Event, ProgressEvent, ViewEvent, parse_event
from rubato_cli.base.failure import DONE
from rubato_cli.commands.arguments import add_run
from rubato_cli.commands.session import Command, Session
from rubato_cli.files import target_metrics
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.report import summary
from rubato_cli.run import metrics
from rubato_cli.run.servers import has_servers

TAIL_BYTES = 1 << 16  # enough for the newest event of each kind


def _run(arguments: argparse.Namespace, session: Session) -> int:
    folder = RunFolder(arguments.dir)
    last_clock = int(folder.read_json("job.json")["last_clock"])
    owner = folder.owner()
    finished = metrics.of_finished(folder)
    config = folder.read_json("config.json")
    servers = has_servers(config)
    teller = "scheduler-0" if servers else "worker-0"
    events = _newest(folder.telemetry(teller))
    state = "running" if owner is not None else "finished" if finished else "stopped"
    committed = events.get(CommittedEvent, CommittedEvent()).clock
    document: dict[str, Any] = {
        "state": state, "process": owner, "last_clock": last_clock,
        # The last view may be older than the last commit.
        "min_clock": max(events.get(ViewEvent, ViewEvent()).min_clock, committed,
                         events.get(ProgressEvent, ProgressEvent()).clock),
        "committed_clock": committed if servers else None,
        "committed_seconds_ago": _age(folder.telemetry(teller)) if owner is not None else None}
    session.console.result(_lines(folder, config, document, finished), document)
    return DONE


def _lines(folder: RunFolder, config: dict[str, Any], document: dict[str, Any],
           finished: dict[str, Any]) -> list[str]:
    process = f" (process {document['process']})" if document["process"] is not None else ""
    servers = document["committed_clock"] is not None
    committed = f"committed to clock {document['committed_clock']}" if servers else "no servers"
    if document["committed_seconds_ago"] is not None:
        committed += f" {units.plain(units.duration(document['committed_seconds_ago']))} ago"
    lines = [f"{folder.shown}: {document['state']}{process}, clock {document['min_clock']} of "
             f"{document['last_clock']}, {committed}"]
    if document["state"] == "finished":
        lines += summary.lines(finished, config, target_metrics.read(folder))
    if document["state"] == "stopped":
        lines.append("go on with `rubato train` and --resume" if servers else
                     "without servers nothing was committed; train again, to another --out")
    return lines


def _age(path: pathlib.Path) -> float | None:
    """Seconds since the newest commit, None if there is none near the end of the file."""
    for line in reversed(_tail(path)):
        if isinstance(parse_event(line), CommittedEvent):
            return max(0.0, time.time() - float(json.loads(line).get("time_ms", 0)) / 1000)
    return None


def _newest(path: pathlib.Path) -> dict[type[Event], Any]:
    """The newest event of each kind near the end of a telemetry file."""
    events = filter(None, map(parse_event, _tail(path)))
    return {type(event): event for event in events}


def _tail(path: pathlib.Path) -> list[bytes]:
    if not path.exists():
        return []
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return file.read().splitlines()


COMMAND = Command("status", "say what a run is doing", add_run, _run)
