"""What every way to train has: the run is prepared, trained, evaluated, and shown."""

from __future__ import annotations

import argparse
from typing import Any

from rubato_cli.base import checkout
from rubato_cli.base.console import Console
from rubato_cli.base.failure import DONE
from rubato_cli.commands.arguments import setting_flags
from rubato_cli.commands.session import Session
from rubato_cli.files import target_metrics
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.sockets import SocketFolder
from rubato_cli.report import run_page, summary, verdict
from rubato_cli.run import data_tool, metrics, validations, workers
from rubato_cli.run.committed import Snapshot
from rubato_cli.run.engine import Engine
from rubato_cli.run.remote_run import open_run
from rubato_cli.run.servers import need_servers
from rubato_cli.run.start import Start, train_and_evaluate


def train(arguments: argparse.Namespace, session: Session, engine: Engine | None) -> int:
    """Prepares, trains and evaluates. `engine`: who starts servers and workers, if not this
    process."""
    build, folder = session.build(), RunFolder(arguments.out)
    with session.stopping() as stop, SocketFolder() as sockets:
        start = Start(build, folder, stop, sockets, engine=engine)
        return _train(arguments, session, start)


def train_on_hosts(arguments: argparse.Namespace, config: dict[str, Any],
                   session: Session) -> int:
    """The same on other hosts. `config`: as `rubato-data config` prints it."""
    build, folder = session.build(), RunFolder(arguments.out)
    with session.stopping() as stop, SocketFolder() as sockets:
        remote = open_run(config, folder, session.environment, (stop, session.console))
        with remote.hosts:
            remote.check(build, config, arguments.resume)
            start = Start(build, folder, stop, sockets, remote=remote)
            return _train(arguments, session, start)


def _train(arguments: argparse.Namespace, session: Session, start: Start) -> int:
    folder, console = start.folder, session.console
    resumed = prepare(arguments, start, console)
    session.prepared(folder)
    clock = resumed.clock if resumed else 0
    left = int(folder.read_json("job.json")["last_clock"]) - clock
    if left == 0 and (before := metrics.of_finished(folder)):
        return show_again(folder, console, before)
    trained = train_and_evaluate(console, start, resumed, left)
    show(folder, console, _write_results(folder, trained))
    return DONE


def prepare(arguments: argparse.Namespace, start: Start, console: Console) -> Snapshot | None:
    """The run in its folder, which is this process's from here on; what to go on from."""
    folder = start.folder
    resumed = _resumed(start, console) if arguments.resume else None
    clock = resumed.clock if resumed else 0
    resume = ["--resume", "--committed", str(clock)] if arguments.resume else []
    data_tool.prepare(start.build, [arguments.run, "--out", str(folder.path),
                                    *setting_flags(arguments.set), *resume],
                      folder, start.stop, console)
    if not resumed:
        folder.lock()
    if start.remote:
        start.remote.prepare(resume)
    return resumed


def _resumed(start: Start, console: Console) -> Snapshot | None:
    """What an earlier start left to go on from, in the folder that is ours from here on; None when
    there was no start."""
    folder = start.folder
    if not any((folder.path / name).exists() for name in ("run.toml", "config.json")):
        return None
    need_servers(folder, "resume")
    if not (folder.path / workers.FILE).exists():
        return None  # it was prepared, and nothing began
    folder.lock()
    return start.whole_snapshot(console)


def show(folder: RunFolder, console: Console, result: dict[str, Any]) -> None:
    """`result`: metrics.json of a run that has just been trained."""
    console.result([*_summary(folder, result), f"metrics: {folder.shown}/metrics.json",
                    f"report: {folder.shown}/report.html"], result)


def show_again(folder: RunFolder, console: Console, before: dict[str, Any]) -> int:
    """What an earlier start has trained and evaluated. Only its page is made again when it is
    missing."""
    if not (folder.path / "report.html").exists():
        run_page.write(folder.shown)
    console.result([f"{folder.shown}: this run is finished (clock {before['train']['clock']}); "
                    "nothing to do", *_summary(folder, before)], before)
    return DONE


def _summary(folder: RunFolder, result: dict[str, Any]) -> list[str]:
    return summary.lines(result, folder.read_json("config.json"), target_metrics.read(folder))


def _write_results(folder: RunFolder, trained: dict[str, Any]) -> dict[str, Any]:
    """metrics.json, which is returned, and the page."""
    result = metrics.finish(trained, {}, {"run": {
        "version": checkout.version(),
        "data_sha256": folder.read_json("data/cleansing.json").get("data_sha256", "")}})
    result["verdict"] = {"warning": verdict.worse_than_constant(
        result, folder.read_json("config.json"), folder.find_json(validations.FILE),
        target_metrics.read(folder))}
    folder.write_json("metrics.json", result)
    run_page.write(folder.shown)
    return result
