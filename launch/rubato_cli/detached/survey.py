"""Whether a fleet can be supervised by the host of its scheduler: asked of that host by a terminal
elsewhere, before anything is begun. It looks at all the others as a launcher there would, and so
all that is wrong is said at once."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
import secrets
from typing import Any

from rubato_cli.base.failure import DONE, USAGE, Failure
from rubato_cli.detached import record
from rubato_cli.detached.elsewhere import Elsewhere
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.remote import checks, run_files
from rubato_cli.fleet.remote.checks import Checks
from rubato_cli.fleet.remote.host_facts import facts
from rubato_cli.fleet.remote.host_file import HostEntry
from rubato_cli.fleet.remote.hosts import Hosts
from rubato_cli.fleet.remote.remote_host import RemoteHost
from rubato_cli.fleet.remote.ssh import Ssh
from rubato_cli.fleet.stop_signals import StopSignals


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be begun. `files`: that have to be there as they are here; `out`: the run's
    folder, here; `lease`: of agents, in seconds."""

    hosts: list[HostEntry]
    files: list[pathlib.Path]
    out: pathlib.Path
    shared: bool
    resume: bool
    lease: float


@dataclasses.dataclass(frozen=True)
class Found:
    """`here`: it is this very host; `sees`: its folder of the run is the one here."""

    here: bool
    sees: bool = False
    troubles: dict[str, str] = dataclasses.field(default_factory=dict)


def ask(there: Elsewhere, build: Build, plan: Plan) -> Found:
    """Failure where it cannot be asked; its code where it has said why."""
    folder, up = run_files.nearest(plan.out)
    token = secrets.token_hex(8)
    mark = folder / f"{run_files.TOKEN}{token}"
    question = {"machine": record.machine(), "facts": facts(build), "token": token, "up": up,
                "files": {str(path): _digest(path) for path in plan.files},
                "hosts": [dataclasses.asdict(host) for host in plan.hosts], "out": str(plan.out),
                "shared": plan.shared, "resume": plan.resume, "lease": plan.lease}
    try:
        mark.touch()
        code, said = there.ask(["agent", "--survey", json.dumps(question)])
    finally:
        mark.unlink(missing_ok=True)
    if code != DONE:
        raise Failure(f"{there.host} cannot say whether it could supervise the fleet (exit code "
                      f"{code})", USAGE)
    return Found(**said)


def answer(question: dict[str, Any], at: str, build: Build, ssh: Ssh) -> Found:
    """On that host, which ssh calls `at`."""
    if question["machine"] == record.machine():
        return Found(here=True)
    entries = [HostEntry(**{**entry, "roles": tuple(entry["roles"])})
               for entry in question["hosts"]]
    out = next(entry.out for entry in entries if entry.name == at) or str(question["out"])
    before = record.read(RunFolder(out))
    if before is not None and before.alive():
        return Found(False, troubles={at: f"a fleet trains in {out} already, which process "
                                      f"{before.process} supervises; `rubato down` stops it"})
    with StopSignals() as stop, Hosts(
            [RemoteHost(entry, ssh, float(question["lease"])) for entry in entries],
            bool(question["shared"])) as hosts:
        for host in hosts.hosts:
            host.out = host.out or out
        looked = Checks(hosts.hosts, pathlib.Path(out), hosts.shared, stop)
        troubles = {name: trouble if name == at else f"as {at} sees it: {trouble}"
                    for name, trouble in looked.look(build, bool(question["resume"])).items()}
    own = [*_own_troubles(question, build), *filter(None, [troubles.get(at)])]
    return Found(False, run_files.sees(pathlib.Path(out), question["token"], question["up"]),
                 troubles | ({at: "; ".join(own)} if own else {}))


def _own_troubles(question: dict[str, Any], build: Build) -> list[str]:
    """What it lacks itself, in comparison with who asks."""
    troubles = checks.other_version(question["facts"], facts(build), str(build.folder))
    for name, digest in question["files"].items():
        path = pathlib.Path(name)
        if not path.is_file():
            troubles.append(f"{name} is not there; nothing is copied by itself, so copy it")
        elif _digest(path) != digest:
            troubles.append(f"{name} is not the same there as here; copy it")
    return troubles


def _digest(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
