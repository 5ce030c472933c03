"""`rubato down DIR`: stops a fleet of `rubato up` with a snapshot, and says how it has ended."""

from __future__ import annotations

import argparse
import select
import signal

from rubato_cli.base.failure import DONE, STOPPED, USAGE, Failure, StoppedBySignal
from rubato_cli.commands.arguments import add_at, add_run, speech_flags
from rubato_cli.commands.session import Command, Session
from rubato_cli.detached import elsewhere, log_view, record
from rubato_cli.detached.record import Record
from rubato_cli.detached.supervisor import ASK, AT_ONCE
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.stop_signals import StopSignals

STEP_SECONDS = 0.1


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    parser.add_argument("--now", action="store_true", help="without a snapshot")
    add_at(parser)


def _run(arguments: argparse.Namespace, session: Session) -> int:
    folder = RunFolder(arguments.dir)
    if there := elsewhere.find(folder, arguments.at, session.environment):
        return there.host.do(["down", there.out, *(["--now"] if arguments.now else []),
                              *speech_flags(arguments)])
    found = _find(folder)
    found.check_own("which process to stop")
    with found.opened() as process:
        if process is not None:
            wanted = AT_ONCE if arguments.now else (ASK,)
            for number in wanted:
                signal.pidfd_send_signal(process, number)
            session.console.note(f"process {found.process} is asked to stop" + (
                " at once" if arguments.now else " with a snapshot; `rubato down --now` stops "
                "without"))
            _wait(process, bool(arguments.at))
    return _tell(folder, session, arguments.now)


def _find(folder: RunFolder) -> Record:
    found = record.read(folder)
    if found is not None:
        return found
    folder.read_json("config.json")  # or it is no run
    owner = folder.owner()
    raise Failure(
        f"{folder.shown} is not of a `rubato up`" + ("" if owner is None else
            f": `kill -INT {owner}` stops the `rubato train` there with a snapshot"), USAGE)


def _wait(process: int, asked: bool) -> None:
    """`asked`: by another host, as long as stdin lasts."""
    with StopSignals() as stop:
        ready: list[int] = []
        while not ready:
            ready, _, _ = select.select([process, stop.wakeup], [], [], STEP_SECONDS)
            if asked and log_view.stdin_is_over():
                break
        if process not in ready:
            raise StoppedBySignal(stop.number, "not waiting any more; the fleet stops by itself")


def _tell(folder: RunFolder, session: Session, at_once: bool) -> int:
    """`at_once`: it need not have a snapshot."""
    ending = _find(folder).told()
    stops = (STOPPED, *(128 + number for number in AT_ONCE)) if at_once else (STOPPED,)
    if ending.code not in (DONE, *stops):
        raise Failure("\n".join(ending.said), ending.code)
    session.console.result(ending.said, {
        "state": "finished" if ending.code == DONE else "stopped", "exit_code": ending.code,
        "folder": str(folder.path), "said": ending.said})
    return DONE


COMMAND = Command("down", "stop a fleet of `rubato up` with a snapshot", _add_arguments, _run)
