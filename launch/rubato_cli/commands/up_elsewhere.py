"""`rubato up` with a scheduler on another host: that host supervises, and this terminal only asks
for it. What is done there is the same `rubato up`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
from typing import Any

from rubato_cli.base import console
from rubato_cli.base.checkout import ROOT
from rubato_cli.base.failure import DONE, USAGE, Failure
from rubato_cli.commands.arguments import setting_flags
from rubato_cli.commands.session import Session
from rubato_cli.detached import record, survey
from rubato_cli.detached.elsewhere import Elsewhere
from rubato_cli.detached.record import Record
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.remote import checks, host_file, run_files, ssh


@dataclasses.dataclass(frozen=True)
class UpElsewhere:
    """On `host`, which is this very one if it is `here`. `out`: the run's folder there; `sees`:
    which is the one here."""

    host: Elsewhere
    here: bool
    out: str
    sees: bool
    arguments: argparse.Namespace
    session: Session

    def begin(self) -> int:
        """The exit code."""
        asked = self.arguments
        folder = RunFolder(asked.out)
        if not self.sees and run_files.is_begun(folder.path) and record.read(folder) is None:
            raise Failure(f"{folder.shown} is there already and not empty, and not of a fleet that "
                          f"host {self.host.host} supervises; choose another --out", USAGE)
        self.session.console.note(f"host {self.host.host} has the scheduler, so it supervises the "
                                  "fleet")
        code, said = self.host.ask([
            "up", str(pathlib.Path(asked.run).absolute()), "--out", self.out,
            *setting_flags(asked.set), *(["--resume"] if asked.resume else []), "--json",
            *(["--quiet"] if asked.quiet else [])], signals_bearable=1)
        if code != DONE:
            if asked.json:
                console.answer(json.dumps(said) + "\n")
            return code
        if not self.sees:
            folder.path.mkdir(parents=True, exist_ok=True)
            record.write(folder, Record(self.host.host, self.host.path, self.out))
        self._show(folder, said)
        return DONE

    def _show(self, folder: RunFolder, begun: dict[str, Any]) -> None:
        if "said" in begun:  # it has been through already
            self.session.console.result(begun["said"], begun)
            return
        self.session.console.result(
            [f"{folder.shown} trains: {begun['line']}",
             f"process {begun['process']} of host {self.host.host} supervises it in {self.out}, "
             f"and needs neither this terminal nor this host; `rubato status|logs|down "
             f"{folder.shown}` find it"], begun)


def find(arguments: argparse.Namespace, config: dict[str, Any], session: Session) -> UpElsewhere:
    """Failure with all that keeps the fleet from being there. `config`: of the run file,
    resolved."""
    launch = config["launch"]
    hosts = host_file.read(str(launch["hosts"]))
    first = next(entry for entry in hosts if "scheduler" in entry.roles)
    folder = RunFolder(arguments.out)
    host = Elsewhere(ssh.of(session.environment), first.name, first.path or str(ROOT))
    found = survey.ask(host, session.build(), survey.Plan(
        hosts, [pathlib.Path(arguments.run).absolute(), pathlib.Path(str(launch["hosts"]))],
        folder.path, bool(config["data"]["shared"]), arguments.resume,
        float(launch["supervisor_seconds"])))
    checks.fail_of(found.troubles, [entry.name for entry in hosts])
    return UpElsewhere(host, found.here, first.out or str(folder.path), found.sees, arguments,
                       session)
