"""`rubato train RUN --out DIR --launcher slurm`: a job that trains, submitted and followed."""

from __future__ import annotations

import argparse
import pathlib
from typing import Any

from rubato_cli.base import console
from rubato_cli.base.checkout import ROOT
from rubato_cli.base.failure import DONE, Failure
from rubato_cli.commands import own_training
from rubato_cli.commands.session import Session
from rubato_cli.files import target
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.sockets import SocketFolder
from rubato_cli.fleet.stop_signals import StopSignals
from rubato_cli.run import metrics
from rubato_cli.run.start import Start
from rubato_cli.slurm import calls, script
from rubato_cli.slurm.follow import Follower


def run(arguments: argparse.Namespace, config: dict[str, Any], session: Session) -> int:
    """`config`: of the run file, resolved."""
    build, folder = session.build(), RunFolder(arguments.out)
    job = _job(arguments, config, build, folder)
    if arguments.dry_run:
        console.answer(script.render(job))
        return DONE
    calls.check(script.render(job))  # before anything is read
    with StopSignals() as stop, SocketFolder() as sockets:
        own_training.prepare(arguments, Start(build, folder, stop, sockets), session.console)
    if before := metrics.of_finished(folder):
        return own_training.show_again(folder, session.console, before)
    folder.unlock()  # the head's from here on
    path = folder.path / script.FILE
    target.write(path, script.render(job))
    number = calls.submit(path)
    session.console.note(f"job {number} is submitted, with {path}")
    with StopSignals(hang_up=False) as stop:
        Follower(number, folder, session.console, stop).run()
    own_training.show(folder, session.console, folder.read_json("metrics.json"))
    return DONE


def _job(arguments: argparse.Namespace, config: dict[str, Any], build: Build,
         folder: RunFolder) -> script.FleetJob:
    fleet, launch = config["fleet"], config["launch"]
    if int(fleet["servers"]) == 0:
        raise Failure("fleet.servers = 0 trains in one process, which is no fleet; submit "
                      "`rubato train` itself with sbatch, or use servers")
    options = script.Options(
        all=(*launch["slurm"], *arguments.slurm_option),
        servers=(*launch["slurm_servers"], *arguments.slurm_servers_option),
        workers=(*launch["slurm_workers"], *arguments.slurm_workers_option))
    return script.FleetJob(
        folder=folder.path, rubato=ROOT / "launch" / "rubato",
        programs=pathlib.Path(build.folder).resolve(), servers=int(fleet["servers"]),
        workers=int(fleet["workers"]), restarts=int(fleet["restarts"]), options=options)
