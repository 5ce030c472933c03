"""`rubato bench staleness RUN --out DIR`: one training per staleness bound, all else the same.

Writes DIR/staleness.json and DIR/staleness.svg; the runs stay under DIR/runs (without their rows
and snapshots), so that `rubato report` and `rubato compare` can show each.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import pathlib
import shutil
from typing import Any

from rubato_cli.base import checkout
from rubato_cli.base.console import Console
from rubato_cli.base.failure import DONE, Failure
from rubato_cli.commands import slowness
from rubato_cli.commands.arguments import add_settings, setting_flags
from rubato_cli.commands.session import Command, Session
from rubato_cli.commands.slowness import Slowness
from rubato_cli.files import target_metrics
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.files.target import write
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.sockets import SocketFolder
from rubato_cli.fleet.stop_signals import StopSignals
from rubato_cli.report import record, staleness_figure
from rubato_cli.report.staleness_rows import (BOUNDS, MARGIN, MARGIN_SHARE, Row, Sweep, row, table,
                                              target_after)
from rubato_cli.run import data_tool, metrics
from rubato_cli.run.start import Start, evaluate, train

# Below it the start and the end of a run are too much of it.
ITERATIONS_MIN = 300


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("staleness",), help="what to measure")
    parser.add_argument("run_file", metavar="RUN", help="run file (TOML) with two or more workers")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write, new")
    parser.add_argument("--slow-worker", metavar="F",
                        help="worker 0 takes F times as long, always")
    parser.add_argument("--hiccups", metavar="P,F,L",
                        help="with chance P a worker's next L iterations take F times as long")
    parser.add_argument("--floor-ms", metavar="M", default="4",
                        help="no iteration is shorter (default 4), so that slowness is a wait and "
                        "not a fight for cores")
    parser.add_argument("--target", metavar="FIGURE", type=float,
                        help="validation figure to reach, of the metric that reports lead with "
                        f"(default: where s = 0 ends, less {MARGIN}, or, for a metric that is "
                        f"better when smaller, {100 * MARGIN_SHARE:g} %% of what s = 0 gains on a "
                        "constant)")
    add_settings(parser)


@dataclasses.dataclass
class _Sweep:
    """The parts that all runs share."""

    build: Build
    run_file: str
    path: pathlib.Path
    settings: list[str]
    slowness: Slowness
    stop: StopSignals
    console: Console


def _run(arguments: argparse.Namespace, session: Session) -> int:
    slow = slowness.parse(arguments.slow_worker, arguments.hiccups, arguments.floor_ms)
    out = pathlib.Path(arguments.out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Failure(f"{out} is there already and not empty; choose another --out")
    build = session.build()
    made = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    try:
        return _sweep(arguments, session.console, build, slow)
    finally:
        if made and not any(out.iterdir()):
            out.rmdir()


def _sweep(arguments: argparse.Namespace, console: Console, build: Build,
           slow: Slowness) -> int:
    with StopSignals() as stop:
        # Barriers that cut a snapshot would be measured instead of the bound.
        sweep = _Sweep(build, arguments.run_file, pathlib.Path(arguments.out),
                       [*arguments.set, "train.best_epoch=false"], slow, stop, console)
        return _show(sweep, _measure(sweep, arguments.target))


def _measure(sweep: _Sweep, target: float | None) -> Sweep:
    """A row per bound; the first gives the target unless that is given."""
    rows: list[Row] = []
    for bound in BOUNDS:
        sweep.console.note(f"s = {bound}")
        try:
            folder = _prepare(sweep, bound)
        except Failure:
            if not rows:  # there is nothing to keep, and the sentence names no log
                shutil.rmtree(sweep.path / "runs", ignore_errors=True)
            raise
        result = _train(sweep, folder)
        metric = target_metrics.read(folder).lead
        target = target_after(result, metric) if target is None else target
        rows.append(row(bound, result, record.read(str(folder.path)).validation, metric, target))
        for part in ("data", "snapshots"):
            shutil.rmtree(folder.path / part)
        sweep.console.note(f"  {rows[-1].samples_per_second:,.0f} samples/s, waiting "
                           f"{rows[-1].waiting_share:.1%}")
    assert target is not None
    return Sweep(pathlib.Path(sweep.run_file).stem, sweep.slowness.words(),
                 sweep.slowness.constant, metric, target, rows)


def _train(sweep: _Sweep, folder: RunFolder) -> dict[str, Any]:
    """The prepared run; its metrics.json."""
    quiet = Console(quiet=True)
    with SocketFolder() as sockets:
        start = Start(sweep.build, folder, sweep.stop, sockets, sweep.slowness.flags)
        trained = evaluate(quiet, start, train(quiet, start, None))
    result = metrics.finish(trained, {}, {"run": {"version": checkout.version()}})
    folder.write_json("metrics.json", result)
    return result


def _prepare(sweep: _Sweep, bound: str) -> RunFolder:
    """A run folder for `bound`, of enough iterations: the first one says how many they are."""
    folder = RunFolder(str(sweep.path / "runs" / f"s-{bound}"))
    _prepare_once(sweep, folder, bound)
    config, job = folder.read_json("config.json"), folder.read_json("job.json")
    epochs = int(config["train"]["epochs"])
    check_measurable(sweep.run_file, config)
    enough = epochs_needed(epochs, job)
    if enough > epochs:
        sweep.console.note(f"{enough} epochs instead of {epochs}: too few iterations")
        sweep.settings.append(f"train.epochs={enough}")
        shutil.rmtree(folder.path)
        _prepare_once(sweep, folder, bound)
    return folder


def check_measurable(run_file: str, config: dict[str, Any]) -> None:
    """Fails where the run has nothing that a sweep could measure."""
    workers = int(config["fleet"]["workers"])
    if workers < 2:
        raise Failure(f"{run_file} has {workers} worker, and nobody to wait for; add "
                      "--set fleet.workers=2")
    if not config["split"]["validation_percent"]:
        raise Failure(f"{run_file} keeps no rows for validation, so there is no time to a "
                      "target to measure; raise split.validation_percent")


def epochs_needed(epochs: int, job: dict[str, Any]) -> int:
    """Epochs that make at least ITERATIONS_MIN iterations."""
    each = int(job["iterations_per_epoch"])
    return max(epochs, math.ceil(ITERATIONS_MIN / each))


def _prepare_once(sweep: _Sweep, folder: RunFolder, bound: str) -> None:
    settings = setting_flags([*sweep.settings, f"train.staleness={bound}"])
    data_tool.prepare(sweep.build, [sweep.run_file, "--out", str(folder.path), *settings], folder,
                      sweep.stop, Console(quiet=True))


def _show(sweep: _Sweep, measured: Sweep) -> int:
    document = {"run": sweep.run_file, "version": checkout.version(),
                "metric": measured.metric.name, "target": measured.target,
                "slowness": {**dataclasses.asdict(sweep.slowness), "words": measured.slowness},
                "rows": [{**dataclasses.asdict(one), "bound": one.staleness}
                         for one in measured.rows]}
    RunFolder(str(sweep.path)).write_json("staleness.json", document)
    picture = sweep.path / "staleness.svg"
    write(picture, staleness_figure.figure(measured))
    sweep.console.result([f"{measured.name}: {measured.slowness}", *table(measured),
                          *([staleness_figure.NO_CURE] if measured.incurable else []),
                          f"figures: {sweep.path}/staleness.json", f"picture: {picture}"],
                         document)
    return DONE


COMMAND = Command("bench", "measure what staleness buys on this host", _add_arguments, _run)
