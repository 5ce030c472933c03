"""A run whose fleets are on other hosts (fleet/remote): those are checked, and each that does not
share the run's folder prepares its own."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from rubato_cli.base.console import Console
from rubato_cli.base.failure import DONE, USAGE, Failure
from rubato_cli.files import target
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet import keys
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.question import Answer
from rubato_cli.fleet.remote import checks, host_file
from rubato_cli.fleet.remote import ssh
from rubato_cli.fleet.remote.checks import Checks
from rubato_cli.fleet.remote.hosts import Hosts
from rubato_cli.fleet.remote.remote_host import RemoteHost
from rubato_cli.fleet.remote.run_on_hosts import Call, run_on
from rubato_cli.fleet.stop_signals import StopSignals
from rubato_cli.run.committed import Snapshot, kept_in

KIND = "ssh"
FILE = "hosts.json"  # where scheduler and servers are: their snapshots may be there alone
NOT_SHARED = "hosts that do not share the run's folder (data.shared) cannot go back or change it"


@dataclasses.dataclass(frozen=True)
class HostsLost:
    """Why a fleet was ended: the next one is on others."""

    sentence: str


@dataclasses.dataclass(frozen=True)
class RemoteRun:
    """Of `folder` here. `own`: hosts with a folder of their own; `keyed`: those of them that have
    been given their keys."""

    hosts: Hosts
    folder: RunFolder
    stop: StopSignals
    console: Console
    own: list[RemoteHost] = dataclasses.field(default_factory=list)
    keyed: list[RemoteHost] = dataclasses.field(default_factory=list)

    def check(self, build: Build, config: dict[str, Any], resume: bool) -> None:
        """Failure with all that keeps the hosts from training the run; `config`: config.json."""
        if int(config["fleet"]["servers"]) == 0:
            raise Failure("fleet.servers = 0 trains in one process, which needs no hosts; use "
                          "launch.kind = \"local\"", USAGE)
        if not self.hosts.shared and float(config["train"]["rollback_above"]) > 0:
            raise Failure(f"train.rollback_above: {NOT_SHARED}", USAGE)
        checked = Checks(self.hosts.hosts, self.folder.path, self.hosts.shared, self.stop)
        checked.check(build, resume)
        self.own.extend(host for host in self.hosts.hosts if host.name not in checked.seeing)
        if resume and self.scattered:
            self.hosts.put(self.folder.find_json(FILE).get("hosts", {}))
        self.hosts.check_room(int(config["fleet"]["servers"]), int(config["fleet"]["workers"]))

    def prepare(self, flags: list[str]) -> None:
        """Those hosts do what has been done here, and come to the same."""
        text = (self.folder.path / "run.toml").read_text(encoding="utf-8")
        if self.own:
            names = ", ".join(host.name for host in self.own)
            self.console.note(f"preparing the run on {names}")
        answers = run_on(self.own, lambda host: Call(
            "rubato-data", ["prepare", "{agent}/run.toml", "--out", host.out, *flags],
            {"run.toml": text}), self.stop)
        checks.fail_of({name: _words(answer) for name, answer in answers.items()
                        if answer.ending.exit_code != DONE},
                       [host.name for host in self.hosts.hosts])
        checks.compare_digests(self.own, self.folder.path, self.stop)
        self.folder.write_json(FILE, {"hosts": self.hosts.placed()})

    def hand_out_keys(self, build: Build, fleet: dict[str, Any]) -> None:
        """To each host with a folder of its own the pairs of its roles, and the list, once; whoever
        is lost meanwhile needs none. `fleet`: config.json's section."""
        if not self.hosts.need_keys(fleet):
            return
        keys.ensure(build, self.folder.path)
        new = [host for host in self.own if host not in self.keyed and not host.lost]
        answers = run_on(new, lambda host: Call(
            "rubato", ["agent", "--agent-folder", "{agent}", "--take-keys",
                       f"{host.out}/{keys.FOLDER}"],
            keys.texts(self.folder.path, host.entry.roles)), self.stop)
        checks.fail_of({name: _words(answer) for name, answer in answers.items()
                        if answer.ending.exit_code != DONE},
                       [host.name for host in self.hosts.hosts])
        self.keyed.extend(new)

    @property
    def scattered(self) -> bool:
        """Whether the snapshots are not in the folder here."""
        return bool(self.own)

    @property
    def fixed(self) -> str:
        """Why there can be no more or fewer workers, "" if there can."""
        return NOT_SHARED if self.scattered else ""

    def can_move(self) -> bool:
        """Whether a host was lost with what a fleet needs, and the others have room for all."""
        config = self.folder.read_json("config.json")["fleet"]
        if not self.hosts.shared or not self.hosts.lost():
            return False
        try:
            self.hosts.next_fleet().check_room(int(config["servers"]), int(config["workers"]))
        except Failure:
            return False
        return True

    def kept(self) -> list[Snapshot]:
        """Committed, oldest first, as far as the scheduler knows: the images are where the servers
        are, and only they can tell whether they are whole."""
        host = self.hosts.host("scheduler-0")
        answer = run_on([host], lambda _: Call(
            "rubato-scheduler", ["--run", host.out, "--kept"]), self.stop)[host.name]
        return kept_in(answer, "--kept")

    def fetch(self, name: str, file: str) -> None:
        """`file` of the run's folder, which process `name` has written, into the one here."""
        host = self.hosts.host(name)
        if host not in self.own:
            return
        answer = run_on([host], lambda _: Call(
            "rubato", ["agent", "--show", f"{host.out}/{file}"]), self.stop)[host.name]
        if answer.ending.exit_code != DONE:
            raise Failure(f"{host.name}: {_words(answer)}", answer.ending.code)
        target.write(self.folder.path / file, answer.stdout.decode())


def open_run(config: dict[str, Any], folder: RunFolder, environment: Mapping[str, str],
             speech: tuple[StopSignals, Console]) -> RemoteRun:
    """With the hosts that `config` names; none is reached yet."""
    launch = config["launch"]
    reach = ssh.of(environment)
    hosts = [RemoteHost(entry, reach, float(launch["supervisor_seconds"]))
             for entry in host_file.read(str(launch["hosts"]))]
    for host in hosts:
        host.out = host.out or str(folder.path)
    return RemoteRun(Hosts(hosts, bool(config["data"]["shared"])), folder, *speech)


def host_setting(path: str) -> str:
    """For --set: the file of hosts that the command line names."""
    return f"launch.hosts={pathlib.Path(path).absolute()}"


def _words(answer: Answer) -> str:
    ending = answer.ending
    return ending.words.removeprefix("rubato-data: ") if ending.spoke else ending.why()
