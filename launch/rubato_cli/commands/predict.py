"""`rubato predict --run DIR --in X.csv --out Y.csv`: the prediction beside each row of X."""

from __future__ import annotations

import argparse
import contextlib
import math
import pathlib
from collections.abc import Iterator
from typing import Any

from rubato_cli.base.console import Console
from rubato_cli.base.failure import DONE, USAGE, Failure
from rubato_cli.commands.session import Command, Session
from rubato_cli.files.process_files import ProcessFiles
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.files.scratch import ScratchFolder, temporary_folder
from rubato_cli.files.target import Target
from rubato_cli.fleet.child_failure import ChildFailure
from rubato_cli.fleet.fleet import Fleet
from rubato_cli.fleet.places import LocalPlaces
from rubato_cli.fleet.sockets import LOOPBACK, Addresses, SocketFolder
from rubato_cli.fleet.stop_signals import StopSignals
from rubato_cli.report.tree import dig
from rubato_cli.run.committed import used_snapshot
from rubato_cli.run.servers import need_servers
from rubato_cli.run.serving import Serving


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", required=True, metavar="DIR", help="folder of a finished run")
    parser.add_argument("--in", dest="source", required=True, metavar="X.csv",
                        help="rows to score; needs no label column")
    parser.add_argument("--out", required=True, metavar="Y.csv",
                        help="the same rows with a column of predictions; written when all is "
                        "done")
    parser.add_argument("--max-unknown", metavar="SHARE", type=_share, default=1.0,
                        help="write nothing if training never saw more than this share of a "
                        "column's values, as in 0.05 or 5%%")
    parser.add_argument("--max-drift", metavar="PSI", type=_index,
                        help="write nothing if a column's values are spread otherwise than in "
                        "training by a population stability index above this, as in 0.25")
    parser.add_argument("--device", metavar="DEVICE",
                        help="cpu, cuda or cuda:N, instead of what the run trained on")


def _share(text: str) -> float:
    number = text.strip().removesuffix("%")
    try:
        share = float(number) / (1 if number == text.strip() else 100)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is no share from 0 to 1; say 0.05, or 5%")
    return share


def _index(text: str) -> float:
    try:
        index = float(text)
    except ValueError:
        index = -1.0
    if not 0.0 <= index < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no population stability index; say 0.25")
    return index


def _run(arguments: argparse.Namespace, session: Session) -> int:
    source, out = pathlib.Path(arguments.source), pathlib.Path(arguments.out).absolute()
    _check_files(source, out)
    folder = RunFolder(arguments.run)
    need_servers(folder, "predict with")
    config = folder.read_json("config.json")
    warning = dig(folder.find_json("metrics.json"), "verdict.warning")
    if warning:
        session.console.note(f"warning: {warning}")
    build = session.build()
    snapshot = used_snapshot(build, folder, session.console)
    with Target(out) as target:
        with Logs(out.parent) as logs, _plain_words(source), StopSignals() as stop, \
                SocketFolder() as sockets, Fleet(LocalPlaces(build), logs.files, stop) as fleet:
            # All of it is on this host, wherever the run was trained.
            addresses = Addresses({**config["fleet"], **LOOPBACK}, sockets, "serve")
            addresses.warn(session.console)
            novelties = Serving(fleet, folder, session.console).run(
                addresses, snapshot, "predict", _flags(arguments, source, target))
        target.publish()
        _show(arguments.out, target, novelties, session.console)
    return DONE


def _check_files(source: pathlib.Path, out: pathlib.Path) -> None:
    if not source.is_file():
        raise Failure(f"there is no file {source}; check --in")
    if out.exists() and out.samefile(source):
        raise Failure(f"{out} is the file to score; choose another --out")


def _flags(arguments: argparse.Namespace, source: pathlib.Path, target: Target) -> list[str]:
    """Those of `rubato-worker predict`."""
    device = ["--device", arguments.device] if arguments.device else []
    return ["--in", str(source.absolute()), "--out", str(target.draft), "--max-unknown",
            str(arguments.max_unknown),
            *([] if arguments.max_drift is None else ["--max-drift", str(arguments.max_drift)]),
            *device]


def _show(shown: str, target: Target, novelties: list[dict[str, Any]], console: Console) -> None:
    if target.is_stdout:
        console.note(f"wrote {shown}")
    else:
        console.result([f"wrote {shown}"],
                       {"out": str(pathlib.Path(shown).absolute()), "novelties": novelties})


@contextlib.contextmanager
def _plain_words(source: pathlib.Path) -> Iterator[None]:
    """Of a failure that is the file's or the command line's: what the reader said, without the
    process and the log that are of no concern then."""
    try:
        yield
    except ChildFailure as failure:
        named = failure.said.startswith(f"{source.absolute()}:")
        if not failure.said or not (named or failure.code == USAGE):
            raise
        raise Failure(failure.said.replace(str(source.absolute()), str(source), 1),
                      failure.code) from failure


class Logs:
    """Logs and telemetry of a fleet that reads a run, which may be read-only or somebody else's:
    they are outside of it, and stay only if a sentence names them."""

    def __init__(self, otherwise: pathlib.Path) -> None:
        """In the folder for temporary files, or in `otherwise` if there is none."""
        self._scratch = ScratchFolder(temporary_folder(otherwise))

    def files(self, name: str) -> ProcessFiles:
        begin = self._scratch.path / name
        return ProcessFiles(begin.with_suffix(".jsonl"), begin.with_suffix(".log"))

    def __enter__(self) -> Logs:
        return self

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        if isinstance(error, ChildFailure):
            self._scratch.keep()
        self._scratch.remove()


COMMAND = Command("predict", "score the rows of a CSV with a trained run", _add_arguments, _run)
