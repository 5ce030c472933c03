"""A `rubato train --launcher ssh` on three hosts of the network of tests/faults/ssh_hosts.py."""

import os
import pathlib
import re
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent / "launch"), str(TESTS / "faults")]

from hosts import NoHosts  # noqa: E402 (needs the path)
from processes import wait_until  # noqa: E402
from real_fleet import BIN, ROOT, FleetTest, Rubato  # noqa: E402
from ssh_hosts import SshHosts  # noqa: E402

NAMES = ("one", "two", "three")


class SshFleetTest(FleetTest):
    """Their disk is seen as DISK by each of them, and as an empty folder here; what is in SHARED is
    the same for all."""

    def setUp(self):
        self.disk, self.shared = self.path / f"{self._testMethodName}.disk", self.path / "shared"
        keys = self.path / f"{self._testMethodName}.keys"
        for folder in (self.disk, self.shared, keys):
            folder.mkdir(exist_ok=True)
        try:
            self.hosts = SshHosts(NAMES, keys, {ROOT, BIN, self.path}, [self.disk])
        except NoHosts as why:
            self.skipTest(str(why))
        self.addCleanup(self.hosts.close)
        self.file = self.path / f"{self._testMethodName}.hosts"
        self.write_hosts()

    def write_hosts(self, **more):
        """A line each; `more`: what stands in that of a host, in place of its slots. They are met
        by name, but for the last."""
        last = NAMES[-1]
        self.file.write_text("".join(
            f"{name} {f'address={self.hosts.address(name)} ' if name == last else ''}"
            f"{more.get(name, 'slots=2')}\n" for name in NAMES))

    def start(self, out, *settings, resume=False, run="run.toml"):
        sets = [word for setting in settings for word in ("--set", setting)]
        os.environ["RUBATO_SSH"] = self.hosts.ssh
        command = SshRubato(self.hosts, self.path, [
            "train", run, "--out", out, "--launcher", "ssh", "--hosts", self.file,
            *sets, *(["--resume"] if resume else [])])
        self.addCleanup(command.process.stdout.close)
        self.addCleanup(command.process.stderr.close)
        return command

    def assert_nobody_left(self, _out):
        for name in NAMES:
            wait_until(lambda name=name: self.hosts.processes(name, "rubato") == [])

    def hosts_of(self, out, name):
        """Those that process `name` has listened on, by its telemetry."""
        addresses = {self.hosts.address(host): host for host in NAMES} | {
            host: host for host in NAMES}
        return [addresses[re.search(r"//(.*):", event["address"])[1]]
                for event in self.events(out, name, "listening")
                if name.startswith(event["process"])]  # others tell theirs to the scheduler


class SshRubato(Rubato):
    """A `rubato` in the network of the hosts."""

    def __init__(self, hosts, folder, arguments):
        self.hosts = hosts
        super().__init__(folder, arguments)

    def _command(self, arguments):
        return self.hosts.on_hub(super()._command(arguments))
