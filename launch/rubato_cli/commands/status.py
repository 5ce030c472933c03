"""`rubato status DIR`: what a run is doing, or how it ended."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import time
from collections.abc import Iterator
from typing import Any

from rubato_cli.base import units
from rubato_cli.base.events import (CommittedEvent, FleetResumeEvent, ProgressEvent, ResumedEvent,
                                    ViewEvent, parse_event, parse_told)
from rubato_cli.base.failure import DONE
from rubato_cli.commands.arguments import add_at, add_run, speech_flags
from rubato_cli.commands.session import Command, Session
from rubato_cli.detached import elsewhere, record
from rubato_cli.files import target_metrics
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.report import summary
from rubato_cli.run import metrics, rollbacks, workers
from rubato_cli.run.servers import has_servers

TAIL_BYTES = 1 << 16  # enough for the newest view


def _run(arguments: argparse.Namespace, session: Session) -> int:
    folder = RunFolder(arguments.dir)
    if there := elsewhere.find(folder, arguments.at, session.environment):
        return there.host.do(["status", there.out, *speech_flags(arguments)])
    last_clock = int(folder.read_json("job.json")["last_clock"])
    owner = folder.owner()
    finished = metrics.of_finished(folder)
    config = folder.read_json("config.json")
    servers = has_servers(config)
    teller = "scheduler-0" if servers else "worker-0"
    state = "running" if owner is not None else "finished" if finished else "stopped"
    clock, committed = clocks(_tail(folder.telemetry(teller)))
    document: dict[str, Any] = {
        "state": state, "process": owner, "last_clock": last_clock, "min_clock": clock,
        "committed_clock": committed if servers else None,
        "committed_seconds_ago": age(folder.telemetry(teller)) if owner is not None else None,
        "quarantined": quarantined(_tail(folder.telemetry(teller))),
        "rollbacks": rollbacks.read(folder), "workers": workers.read(folder),
        "ended": _ended(folder) if state == "stopped" else None}
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
    else:
        lines += _troubles(document)
    if document["state"] == "stopped":
        said = document["ended"]["said"] if document["ended"] else []
        lines += said
        if not any("--resume" in line for line in said):
            lines.append(folder.go_on if servers else "without servers nothing was committed; "
                         "train again, to another --out")
    return lines


def _ended(folder: RunFolder) -> dict[str, Any] | None:
    """How a fleet that has outlived its terminal did."""
    found = record.read(folder)
    return dataclasses.asdict(found.told()) if found else None


def _troubles(document: dict[str, Any]) -> list[str]:
    """What the summary of a finished run says."""
    lines = summary.workers(document["workers"])
    lines += [f"worker {seat} trains nothing: its gradients were no numbers"
              for seat in document["quarantined"]]
    return lines + [f"went back to clock {rollback['clock']}, on with learning rate "
                    f"{rollback['learning_rate']:.4g}: {rollback['why']}"
                    for rollback in document["rollbacks"]]


def committed_clock(folder: RunFolder) -> int:
    """As far as its scheduler has told."""
    return clocks(_tail(folder.telemetry("scheduler-0")))[1]


def quarantined(lines: list[bytes]) -> list[int]:
    """Seats whose workers train nothing, as the newest view has them."""
    views = [event for event in map(parse_event, lines) if isinstance(event, ViewEvent)]
    return list(views[-1].quarantined) if views else []


def clocks(lines: list[bytes]) -> tuple[int, int]:
    """Of the slowest worker, and of the newest commit: a run goes on, and at times it goes back.
    `lines`: of a scheduler, or of the one worker of a run without."""
    clock = committed = 0
    for name, event in map(parse_told, lines):
        if name.startswith(("worker-", "server-")):
            continue  # the scheduler passes it on
        match event:
            case ResumedEvent() | FleetResumeEvent():
                clock = committed = event.clock
            case CommittedEvent():
                committed = event.clock
            case ViewEvent():
                clock, committed = event.min_clock, event.committed
            case ProgressEvent():
                clock = event.clock
        clock = max(clock, committed)  # the last view may be older than the last commit
    return clock, committed


def age(path: pathlib.Path) -> float | None:
    """Seconds since the newest commit, which may be hours ago; None if there is none."""
    for line in _from_the_end(path):
        if b'"committed"' in line and isinstance(parse_event(line), CommittedEvent):
            return max(0.0, time.time() - float(json.loads(line).get("time_ms", 0)) / 1000)
    return None


def _from_the_end(path: pathlib.Path) -> Iterator[bytes]:
    """The lines of a file, the last one first."""
    if not path.exists():
        return
    with open(path, "rb") as file:
        end, rest = file.seek(0, os.SEEK_END), b""
        while end > 0:
            begin = max(0, end - TAIL_BYTES)
            file.seek(begin)
            rest, *lines = (file.read(end - begin) + rest).split(b"\n")
            yield from reversed(lines)
            end = begin
        yield rest


def _tail(path: pathlib.Path) -> list[bytes]:
    if not path.exists():
        return []
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return file.read().splitlines()


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    add_at(parser)


COMMAND = Command("status", "say what a run is doing", _add_arguments, _run)
