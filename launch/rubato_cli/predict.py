"""`rubato predict --run DIR --in X.csv --out Y.csv`: a column `pd` beside each row of X."""

from __future__ import annotations

import argparse
import os
import pathlib

from rubato_cli import local
from rubato_cli.failure import DONE, Failure
from rubato_cli.fleet import Fleet
from rubato_cli.run_folder import RunFolder
from rubato_cli.serving import serve
from rubato_cli.session import Command, Session
from rubato_cli.sockets import Addresses, SocketFolder
from rubato_cli.stop_signals import StopSignals


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", required=True, metavar="DIR", help="folder of a finished run")
    parser.add_argument("--in", dest="source", required=True, metavar="X.csv",
                        help="rows to score; needs no label column")
    parser.add_argument("--out", required=True, metavar="Y.csv",
                        help="the same rows with a column `pd`; written when all is done")
    parser.add_argument("--device", metavar="DEVICE",
                        help="cpu, cuda or cuda:N, instead of what the run trained on")


def _run(arguments: argparse.Namespace, session: Session) -> int:
    source, target = pathlib.Path(arguments.source), pathlib.Path(arguments.out).absolute()
    if not source.is_file():
        raise Failure(f"there is no file {source}; check --in")
    if target.exists() and target.samefile(source):
        raise Failure(f"{target} is the file to score; choose another --out")
    if target.is_dir():
        raise Failure(f"{target} is a folder; name a file in it as --out")
    if not target.parent.is_dir():
        raise Failure(f"there is no folder {target.parent}; make it, or choose another --out")
    folder = RunFolder(arguments.run)
    local.refuse(folder, "predict with")
    config = folder.read_json("config.json")
    # The weights that the run's own figures were made with.
    snapshot = folder.find_json("metrics.json").get("train", {}).get("snapshot_used")
    # The suffix stays: the worker refuses one that promises compression.
    part = target.with_name(f".rubato-{os.getpid()}-{target.name}")
    prefix = f"predict-{os.getpid()}-"  # two predictions from one run at once do not clash
    build = session.build()
    try:
        with StopSignals() as stop, SocketFolder() as sockets, \
                Fleet(build, lambda name: folder.files(prefix, name), stop) as fleet:
            serve(fleet, folder, Addresses(config["fleet"], sockets, "serve"), snapshot,
                  ("predict", ["--in", str(source.absolute()), "--out", str(part),
                               *(["--device", arguments.device] if arguments.device else [])]),
                  session.console)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
        part.with_name(f"{part.name}.part").unlink(missing_ok=True)  # of a worker that was killed
    for child in fleet.children:  # of a failure they are kept: its sentence names them
        child.files.telemetry.unlink(missing_ok=True)
        child.files.log.unlink(missing_ok=True)
    session.console.result([f"wrote {arguments.out}"], {"out": str(target)})
    return DONE


COMMAND = Command("predict", "score the rows of a CSV with a trained run", _add_arguments, _run)
