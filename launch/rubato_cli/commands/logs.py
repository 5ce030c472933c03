"""`rubato logs DIR [PROCESS]`: the last lines of the log of a process, wherever that is."""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Callable

from rubato_cli.base.events import EndedEvent, parse_told
from rubato_cli.base.failure import DONE, USAGE, Failure
from rubato_cli.commands.arguments import add_at, add_run, speech_flags
from rubato_cli.commands.session import Command, Session
from rubato_cli.detached import elsewhere, log_view, record
from rubato_cli.detached.elsewhere import Elsewhere
from rubato_cli.files.log_tail import LogTail
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.remote import remote_log, ssh


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    parser.add_argument("process", metavar="PROCESS", nargs="?", default=record.LOG,
                        help="such as server-0 (default: who supervises the fleet)")
    parser.add_argument("-f", "--follow", action="store_true",
                        help="and what comes, until the process ends")
    parser.add_argument("--lines", type=log_view.lines, default=log_view.LINES, metavar="N",
                        help=f"how many of the last (default: {log_view.LINES})")
    add_at(parser)


def _run(arguments: argparse.Namespace, session: Session) -> int:
    folder = RunFolder(arguments.dir)
    if arguments.follow and arguments.json:
        raise Failure("--json is one document, and --follow has no end; leave one of them out")
    flags = ["--lines", str(arguments.lines), *(["--follow"] if arguments.follow else []),
             *speech_flags(arguments)]
    if there := elsewhere.find(folder, arguments.at, session.environment):
        return there.host.do(["logs", there.out, arguments.process, *flags])
    path = _find(folder, arguments.process)
    over = _end_of(folder, arguments)
    if path.suffix == remote_log.SUFFIX:
        at = remote_log.read(path)
        there_too = Elsewhere(ssh.of(session.environment), at.host, at.path)
        return there_too.do(["agent", "--tail", at.log, *flags], over)
    log_view.show(path, arguments, over if arguments.follow else None)
    return DONE


def _find(folder: RunFolder, name: str) -> pathlib.Path:
    """Its log, or the file that says where that is: what is newer."""
    found = sorted((path for path in folder.path.glob("logs/*")
                    if path.suffix in (".log", remote_log.SUFFIX)),
                   key=lambda path: path.stat().st_mtime)
    logs = {path.stem: path for path in found}
    if name not in logs:
        folder.read_json("config.json")  # or it is no run
        raise Failure(f"{folder.shown} has no log of '{name}'; it has those of "
                      f"{', '.join(sorted(logs)) or 'nobody'}", USAGE)
    return logs[name]


def _end_of(folder: RunFolder, arguments: argparse.Namespace) -> Callable[[], bool]:
    """Whether the process writes no more, or nobody is there to read it."""
    found = record.read(folder)

    def over() -> bool:
        if arguments.at and log_view.stdin_is_over():
            return True
        if arguments.process == record.LOG:
            return found is None or not found.alive()
        return folder.owner() is None or _has_ended(folder, arguments.process)

    return over


def _has_ended(folder: RunFolder, name: str) -> bool:
    """Whether that is the last thing that it has told."""
    path = folder.telemetry(name)
    if not path.exists():
        return False
    tail = LogTail(path, 1)
    try:
        return isinstance(parse_told(tail.read())[1], EndedEvent)
    finally:
        tail.close()


COMMAND = Command("logs", "show the log of a run's process", _add_arguments, _run)
