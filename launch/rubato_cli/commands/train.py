"""`rubato train RUN --out DIR`: prepare, train, evaluate, metrics.json, report.html."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from typing import Any

from rubato_cli.base.console import Console
from rubato_cli.base.failure import DONE
from rubato_cli.commands import report
from rubato_cli.commands.session import Command, Session
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet import best_epoch, builds, data_tool, local, metrics
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.committed import Snapshot, kept_snapshots, whole_snapshot
from rubato_cli.fleet.fleet import Fleet
from rubato_cli.fleet.progress import Progress
from rubato_cli.fleet.serving import serve
from rubato_cli.fleet.sockets import Addresses, SocketFolder
from rubato_cli.fleet.stop_signals import StopSignals
from rubato_cli.fleet.training import Training
from rubato_cli.report import verdict


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="run file (TOML)")
    parser.add_argument("--out", required=True, metavar="DIR",
                        help="folder to write, new unless --resume")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="override a key of the run file; may be repeated")
    parser.add_argument("--resume", action="store_true",
                        help="go on from the last committed snapshot in DIR")


def _run(arguments: argparse.Namespace, session: Session) -> int:
    build = session.build()
    folder = RunFolder(arguments.out)
    resumed: Snapshot | None = None
    if arguments.resume and any(
            (folder.path / name).exists() for name in ("run.toml", "config.json")):
        local.refuse(folder, "resume")
        folder.lock()
        resumed = whole_snapshot(build, folder, session.console)
    committed = resumed.clock if resumed else 0
    overrides = [text for value in arguments.set for text in ("--set", value)]
    with StopSignals() as stop:
        data_tool.prepare(
            build, [arguments.run, "--out", str(folder.path), *overrides,
                    *(["--resume", "--committed", str(committed)] if arguments.resume else [])],
            folder, stop, session.console)
        if not resumed:
            folder.lock()
        left = int(folder.read_json("job.json")["last_clock"]) - committed
        if left == 0 and _is_finished(folder, session, committed):
            return DONE
        with SocketFolder() as sockets:
            parts = Parts(build, folder, stop, sockets)
            result = _train_and_evaluate(session.console, parts, resumed, left)
    result = metrics.finish(result, {}, {"run": {
        "version": builds.version(),
        "data_sha256": folder.read_json("data/cleansing.json").get("data_sha256", "")}})
    result["verdict"] = {"warning": verdict.worse_than_constant(
        result, folder.read_json("config.json"), folder.find_json(best_epoch.FILE))}
    folder.write_json("metrics.json", result)
    report.write(arguments.out)
    session.console.result([*metrics.summary(result), f"metrics: {arguments.out}/metrics.json",
                            f"report: {arguments.out}/report.html"], result)
    return DONE


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a start of a run is made of."""

    build: Build
    folder: RunFolder
    stop: StopSignals
    sockets: SocketFolder
    worker_flags: Callable[[int], list[str]] = lambda seat: []  # besides those of every training


def _is_finished(folder: RunFolder, session: Session, clock: int) -> bool:
    """Whether an earlier start has also evaluated what is committed at `clock`, the run's last.
    Only its page is made again when it is missing."""
    before = folder.find_json("metrics.json")
    if not before or int(before["train"]["clock"]) != clock:
        return False
    if not (folder.path / "report.html").exists():
        report.write(folder.shown)
    session.console.result([f"{folder.shown}: this run is finished (clock {clock}); nothing to do",
                            *metrics.summary(before)], before)
    return True


def _nothing_to_train(folder: RunFolder) -> dict[str, Any]:
    """The training part of metrics.json when an earlier start ended after its last commit."""
    progress = Progress(folder.read_json("config.json"), folder.read_json("job.json"))
    progress.resumed_from = progress.last_clock
    return metrics.collect(folder, progress, 0.0, [])


def _train_and_evaluate(console: Console, parts: Parts, resumed: Snapshot | None,
                        left: int) -> dict[str, Any]:
    if local.is_local(parts.folder.read_json("config.json")):
        with Fleet(parts.build, lambda name: parts.folder.files("", name), parts.stop) as fleet:
            return local.train(console, parts.folder, fleet)
    trained = train(console, parts, resumed) if left else _nothing_to_train(parts.folder)
    return evaluate(console, parts, trained)


def train(console: Console, parts: Parts, resumed: Snapshot | None) -> dict[str, Any]:
    """Trains the prepared run in parts.folder to its last clock; the training part of
    metrics.json."""
    folder = parts.folder
    with Fleet(parts.build, lambda name: folder.files("", name), parts.stop) as fleet:
        addresses = Addresses(folder.read_json("config.json")["fleet"], parts.sockets, "train")
        addresses.warn(console)
        training = Training(fleet, folder, console, parts.worker_flags)
        training.run(addresses, resumed)
    return metrics.collect(folder, training.progress, training.seconds, fleet.children)


def evaluate(console: Console, parts: Parts, trained: dict[str, Any]) -> dict[str, Any]:
    """Evaluates the snapshot that the run uses; `trained` with that makes metrics.json."""
    folder = parts.folder
    config = folder.read_json("config.json")
    wanted = None
    if config["train"]["best_epoch"]:
        wanted = best_epoch.snapshot(folder, kept_snapshots(parts.build, folder))
    used = whole_snapshot(parts.build, folder, console, wanted)
    per_epoch = int(folder.read_json("job.json")["iterations_per_epoch"])
    more: dict[str, dict[str, Any]] = {
        "train": {"epoch_used": (used.clock + 1) // per_epoch,
                  "snapshot_used": None if wanted is None else used.number},
        "validation": best_epoch.validation(folder, used.clock)}
    console.note("evaluating")
    with Fleet(parts.build, lambda name: folder.files("serve-", name), parts.stop) as fleet:
        serve(fleet, folder, Addresses(config["fleet"], parts.sockets, "serve"), used,
              ("evaluate", []), console)
    return metrics.finish(trained, folder.read_json("evaluation.json"), more)


COMMAND = Command("train", "train the model of a run file", _add_arguments, _run)
