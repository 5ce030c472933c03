"""`rubato status DIR`: what a run is doing, or how it ended."""

from __future__ import annotations

import argparse
import pathlib
from typing import Any

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
        "committed_clock": committed if servers else None}
    session.console.result(_lines(folder, config, document, finished), document)
    return DONE


def _lines(folder: RunFolder, config: dict[str, Any], document: dict[str, Any],
           finished: dict[str, Any]) -> list[str]:
    process = f" (process {document['process']})" if document["process"] is not None else ""
    servers = document["committed_clock"] is not None
    committed = f"committed to clock {document['committed_clock']}" if servers else "no servers"
    lines = [f"{folder.shown}: {document['state']}{process}, clock {document['min_clock']} of "
             f"{document['last_clock']}, {committed}"]
    if document["state"] == "finished":
        lines += summary.lines(finished, config, target_metrics.read(folder))
    if document["state"] == "stopped":
        lines.append("go on with `rubato train` and --resume" if servers else
                     "without servers nothing was committed; train again, to another --out")
    return lines


def _newest(path: pathlib.Path) -> dict[type[Event], Any]:
    """The newest event of each kind near the end of a telemetry file."""
    if not path.exists():
        return {}
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        lines = file.read().splitlines()
    events = filter(None, map(parse_event, lines))
    return {type(event): event for event in events}


COMMAND = Command("status", "say what a run is doing", add_run, _run)
