"""`rubato up RUN --out DIR`: begins a fleet that trains on without this terminal."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Callable

from rubato_cli.base.console import Console
from rubato_cli.base.failure import DONE, USAGE, Failure
from rubato_cli.commands import train, up_elsewhere
from rubato_cli.commands.arguments import add_at
from rubato_cli.commands.session import Command, Session
from rubato_cli.detached import record
from rubato_cli.detached.record import Ending
from rubato_cli.detached.supervisor import STDIN, Supervisor
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.stop_signals import StopSignals

LAUNCHERS = (train.LOCAL, train.SSH)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    train.add_fleet(parser, LAUNCHERS)
    add_at(parser)


def _run(arguments: argparse.Namespace, session: Session) -> int:
    kind, config = train.resolve(arguments, session)
    if kind not in LAUNCHERS:
        raise Failure(f"launch.kind = \"{kind}\" is an engine whose fleets outlive a terminal by "
                      f"themselves; use `rubato train` with it, or one of {', '.join(LAUNCHERS)}")
    host = arguments.at
    if kind == train.SSH and not arguments.at:
        there = up_elsewhere.find(arguments, config, session)
        if not there.here:
            return there.begin()
        host = there.host.host
    return _begin(host, lambda of: train.train(kind, arguments, config, of), arguments, session)


def _begin(host: str, work: Callable[[Session], int], arguments: argparse.Namespace,
           session: Session) -> int:
    """Here, which ssh calls `host`."""
    folder = RunFolder(arguments.out)
    _check_alone(folder)

    def job(console: Console, prepared: Callable[[RunFolder], None], stop: StopSignals) -> int:
        return work(dataclasses.replace(session, console=console, prepared=prepared,
                                        stopping=lambda: contextlib.nullcontext(stop)))

    with StopSignals() as stop:
        supervisor = Supervisor(job, host)
        news = supervisor.wait(session.console, stop, STDIN if arguments.at else None)
    if isinstance(news, Ending):
        return _show_ending(folder, session.console, news)
    log = folder.files("", record.LOG).log
    session.console.result(
        [f"{folder.shown} trains: {news}",
         f"process {supervisor.process} supervises it, and outlives this terminal; `rubato "
         f"status|logs|down {folder.shown}` find it"],
        {"state": "training", "line": news, "host": host, "process": supervisor.process,
         "folder": str(folder.path), "log": str(log)})
    return DONE


def _check_alone(folder: RunFolder) -> None:
    found = record.read(folder)
    if found is not None and found.alive():
        raise Failure(f"{folder.shown}: a fleet trains there already, which process "
                      f"{found.process} supervises; `rubato status {folder.shown}` says how far it "
                      f"is, `rubato down {folder.shown}` stops it", USAGE)


def _show_ending(folder: RunFolder, console: Console, ending: Ending) -> int:
    """Of a fleet that never trained, or has been through when it was first heard."""
    if ending.code != DONE:
        raise Failure("\n".join(ending.said), ending.code)
    console.result(ending.said, {"state": "finished", "folder": str(folder.path),
                                 "exit_code": ending.code, "said": ending.said})
    return DONE


COMMAND = Command("up", "train with a fleet that outlives the terminal", _add_arguments, _run)
