"""`rubato rollback RUN N`: the run goes on from an earlier snapshot."""

from __future__ import annotations

import argparse
import contextlib
import json
import time

from rubato_cli.base import system_error
from rubato_cli.base.events import ResumedEvent
from rubato_cli.base.failure import DONE
from rubato_cli.commands.arguments import from_one
from rubato_cli.commands.session import Command, Session
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.run import snapshots
from rubato_cli.run.servers import need_servers
from rubato_cli.run.validations import Validations

# What tells of the weights that the run ended with.
OF_THE_END = ("metrics.json", "evaluation.json", "report.html")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="the --out folder of a `rubato train`")
    parser.add_argument("number", metavar="N", type=from_one,
                        help="a snapshot, as `rubato snapshot list` numbers them")


def _run(arguments: argparse.Namespace, session: Session) -> int:
    folder = RunFolder(arguments.run)
    need_servers(folder, "go back to")
    folder.read_json("config.json")  # or it is no run
    build = session.build()
    folder.lock(snapshots.OTHERWISE)
    document = snapshots.ask(build, folder, "rollback", "--snapshot", arguments.number)
    # All of this may be done again, if it is cut short.
    clock = int(document["clock"])
    Validations(folder, clock, session.console)
    _tell(folder, clock)
    document["removed"] = _forget_end(folder) if clock < _last_clock(folder) else []
    session.console.result(_lines(folder, document), document)
    return DONE


def _tell(folder: RunFolder, clock: int) -> None:
    """For `rubato status`, as the next scheduler will: this is where the run goes on from."""
    path = folder.telemetry("scheduler-0")
    with contextlib.suppress(OSError), open(path, "a", encoding="utf-8") as lines:
        lines.write(json.dumps({"time_ms": time.time_ns() // 1_000_000, "process": "rollback",
                                "event": ResumedEvent.kind, "clock": clock}) + "\n")


def _last_clock(folder: RunFolder) -> int:
    return int(folder.read_json("job.json")["last_clock"])


def _forget_end(folder: RunFolder) -> list[str]:
    removed = [name for name in OF_THE_END if (folder.path / name).exists()]
    for name in removed:
        with system_error.about(folder.path / name):
            (folder.path / name).unlink()
    return removed


def _lines(folder: RunFolder, document: dict[str, object]) -> list[str]:
    lines = [f"{folder.shown}: back at snapshot {document['number']}, clock {document['clock']}"]
    if aside := document["set_aside"]:
        lines.append(f"set aside, never to be used again: {_listed(aside)}; `rubato snapshot "
                     "prune` removes them")
    if removed := document["removed"]:
        lines.append(f"removed, as they told of later weights: {_listed(removed)}")
    return [*lines, folder.go_on]


def _listed(items: object) -> str:
    return ", ".join(map(str, items)) if isinstance(items, list) else str(items)


COMMAND = Command("rollback", "let a run go on from an earlier snapshot", _add_arguments, _run)
