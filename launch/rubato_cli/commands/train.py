"""`rubato train RUN --out DIR`: prepare, train, evaluate, metrics.json, report.html."""

from __future__ import annotations

import argparse
from typing import Any

from rubato_cli.base import checkout
from rubato_cli.base.console import Console
from rubato_cli.base.failure import DONE
from rubato_cli.commands.arguments import add_settings, setting_flags
from rubato_cli.commands.session import Command, Session
from rubato_cli.files import target_metrics
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.sockets import SocketFolder
from rubato_cli.fleet.stop_signals import StopSignals
from rubato_cli.report import run_page, summary, verdict
from rubato_cli.run import data_tool, metrics, validations
from rubato_cli.run.committed import Snapshot, whole_snapshot
from rubato_cli.run.servers import need_servers
from rubato_cli.run.start import Start, train_and_evaluate


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="run file (TOML)")
    parser.add_argument("--out", required=True, metavar="DIR",
                        help="folder to write, new unless --resume")
    add_settings(parser)
    parser.add_argument("--resume", action="store_true",
                        help="go on from the last committed snapshot in DIR")


def _run(arguments: argparse.Namespace, session: Session) -> int:
    build, folder = session.build(), RunFolder(arguments.out)
    resumed = _resumed(build, folder, session.console) if arguments.resume else None
    clock = resumed.clock if resumed else 0
    with StopSignals() as stop:
        resume = ["--resume", "--committed", str(clock)] if arguments.resume else []
        data_tool.prepare(build, [arguments.run, "--out", str(folder.path),
                                  *setting_flags(arguments.set), *resume],
                          folder, stop, session.console)
        if not resumed:
            folder.lock()
        left = int(folder.read_json("job.json")["last_clock"]) - clock
        if left == 0 and (before := metrics.of_finished(folder)):
            return _show_again(folder, session.console, before)
        with SocketFolder() as sockets:
            trained = train_and_evaluate(session.console, Start(build, folder, stop, sockets),
                                         resumed, left)
    result = _write_results(folder, trained)
    session.console.result([*_summary(folder, result),
                            f"metrics: {arguments.out}/metrics.json",
                            f"report: {arguments.out}/report.html"], result)
    return DONE


def _resumed(build: Build, folder: RunFolder, console: Console) -> Snapshot | None:
    """What an earlier start left to go on from, in the folder that is ours from here on; None when
    there was no start."""
    if not any((folder.path / name).exists() for name in ("run.toml", "config.json")):
        return None
    need_servers(folder, "resume")
    folder.lock()
    return whole_snapshot(build, folder, console)


def _show_again(folder: RunFolder, console: Console, before: dict[str, Any]) -> int:
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


COMMAND = Command("train", "train the model of a run file", _add_arguments, _run)
