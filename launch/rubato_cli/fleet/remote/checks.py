"""Whether a fleet can be on its hosts, asked of all at once before anything is started: what is
wrong is said whole, by host, with what helps."""

from __future__ import annotations

import json
import os
import pathlib
import secrets
import select
from typing import Any

from rubato_cli.base.deadline import Deadline
from rubato_cli.base.failure import DONE, USAGE, Failure, StoppedBySignal
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.remote import run_files
from rubato_cli.fleet.remote.host_facts import facts
from rubato_cli.fleet.remote.remote_host import RemoteHost
from rubato_cli.fleet.remote.run_on_hosts import Call, run_on
from rubato_cli.fleet.stop_signals import StopSignals

SECONDS = 14.0
STEP_SECONDS = 0.1

Troubles = dict[str, str]  # host -> a sentence without its end


class Checks:
    """Of `hosts`, for a run whose folder is `folder` here. `shared`: and there as well."""

    def __init__(self, hosts: list[RemoteHost], folder: pathlib.Path, shared: bool,
                 stop: StopSignals) -> None:
        self._hosts = hosts
        self._folder = folder
        self._shared = shared
        self._stop = stop
        self.seeing: set[str] = set()  # hosts whose folder is the one of this host

    def check(self, build: Build, resume: bool) -> None:
        """Failure with all that is wrong."""
        fail_of(self.look(build, resume), [host.name for host in self._hosts])

    def look(self, build: Build, resume: bool) -> Troubles:
        """All that is wrong."""
        troubles = self._connect()
        troubles |= self._compare(build, [host for host in self._hosts
                                          if host.name not in troubles])
        troubles |= self._look_at_folders([host for host in self._hosts
                                           if host.name not in troubles], resume)
        return troubles

    def _connect(self) -> Troubles:
        deadline = Deadline(SECONDS)
        waiting = list(self._hosts)
        while waiting and not deadline.over():
            for host in waiting:
                host.look()
            waiting = [host for host in waiting if not host.facts and not host.trouble]
            if self._stop.count:
                raise StoppedBySignal(self._stop.number)
            select.select([*waiting, self._stop.wakeup], [], [], STEP_SECONDS)
        return {host.name: host.trouble or f"no answer within {SECONDS:.0f} s; is it overloaded?"
                for host in self._hosts if not host.facts}

    def _compare(self, build: Build, hosts: list[RemoteHost]) -> Troubles:
        own = facts(build)
        return {host.name: said for host in hosts
                for said in other_version(own, host.facts, host.path)}

    def _look_at_folders(self, hosts: list[RemoteHost], resume: bool) -> Troubles:
        there, up = run_files.nearest(self._folder)
        token = secrets.token_hex(8)
        mark = there / f"{run_files.TOKEN}{token}"
        try:
            mark.touch()
            answers = run_on(hosts, lambda host: Call("rubato", [
                "agent", "--inspect", host.out, "--token", token, "--up", str(up)]), self._stop)
        finally:
            mark.unlink(missing_ok=True)
        troubles = {}
        for host in hosts:
            answer = answers[host.name]
            if answer.ending.exit_code != DONE:
                troubles[host.name] = f"{host.out} cannot be looked at: {answer.ending.why()}"
                continue
            found = json.loads(answer.stdout)
            if found["sees"]:
                self.seeing.add(host.name)
            if why := self._folder_trouble(host, found, resume):
                troubles[host.name] = why
        return troubles

    def _folder_trouble(self, host: RemoteHost, found: dict[str, Any], resume: bool) -> str:
        if self._shared and not found["sees"]:
            return (f"{host.out} is not the folder {self._folder} of this host; mount it there, "
                    "name it with out= in the file of hosts, or leave data.shared out")
        if found["trouble"]:
            return f"the run's folder cannot be written: {found['trouble']}"
        if found["begun"] and not resume and not found["sees"]:
            return f"{host.out} is there already and not empty; choose another --out, or remove it"
        return ""


def fail_of(troubles: Troubles, names: list[str], code: int = USAGE) -> None:
    """Failure that says all of them; none where there are none."""
    if not troubles:
        return
    lines = [f"  {name}: {troubles[name]}" for name in names if name in troubles]
    raise Failure("\n".join([f"{len(lines)} of {len(names)} hosts cannot be used:", *lines]), code)


def compare_digests(hosts: list[RemoteHost], folder: pathlib.Path, stop: StopSignals) -> None:
    """Failure unless each host has prepared the very same."""
    own = run_files.digests(folder)
    answers = run_on(hosts, lambda host: Call("rubato", ["agent", "--digests", host.out]), stop)
    troubles = {}
    for name, answer in answers.items():
        if answer.ending.exit_code != DONE:
            troubles[name] = f"its data cannot be read: {answer.ending.why()}"
            continue
        theirs = json.loads(answer.stdout)
        other = sorted(file for file in own.keys() | theirs.keys()
                       if own.get(file) != theirs.get(file))
        if other:
            troubles[name] = (f"{', '.join(other)} of the run's folder differ from those of this "
                              "host; prepare both from the same data, with the same Rubato")
    fail_of(troubles, [host.name for host in hosts])


def inspect(out: str, token: str, up: int) -> dict[str, Any]:
    """What an agent says of the run's folder on its host."""
    folder = pathlib.Path(out)
    return {"trouble": run_files.trouble(folder), "begun": run_files.is_begun(folder),
            "sees": run_files.sees(folder, token, up) if os.path.isabs(out) else False}


def other_version(own: dict[str, Any], theirs: dict[str, Any], path: str) -> list[str]:
    """A sentence where another Rubato is in `path` there than here."""
    if _same(own, theirs):
        return []
    return [f"{path} is Rubato {theirs['version']} (programs {theirs['programs'][:12]}), and here "
            f"it is {own['version']} ({own['programs'][:12]}); install the same on both"]


def _same(own: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """A commit names all; where there is none, or more than it, the executables decide."""
    version = str(own["version"])
    named = "git" in version and "dirty" not in version
    return version == theirs["version"] and (named or own["programs"] == theirs["programs"])
