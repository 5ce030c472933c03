#!/usr/bin/env python3
"""Hosts by ssh: each has a name, a /tmp and a disk of its own, can be unplugged and lost, and none
leaves anything behind."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent / "launch"), str(TESTS / "launch")]
from hosts import NoHosts  # noqa: E402 (needs the path)
from processes import wait_until  # noqa: E402
from ssh_hosts import SshHosts  # noqa: E402

NAMES = ["one", "two"]


class SshHostsTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="ssh-hosts-")
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name)
        for folder in ("keys", "disk", "shared"):
            (self.path / folder).mkdir()
        try:
            self.hosts = SshHosts(NAMES, self.path / "keys", [self.path / "shared"],
                                  [self.path / "disk"])
        except NoHosts as why:
            self.skipTest(str(why))
        self.addCleanup(self.hosts.close)

    def ssh(self, name, command):
        """(exit code, stdout, stderr) of a login."""
        done = subprocess.run(
            self.hosts.on_hub([*self.hosts.ssh.split(), "-o", "BatchMode=yes", "-o",
                               "ConnectTimeout=5", name, command]),
            check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr

    def test_a_login_sees_that_host_and_no_other(self):
        code, out, error = self.ssh("one", f"hostname; echo 1 >{self.path}/disk/mine; echo 1 "
                                    f">{self.path}/shared/ours; echo 1 >/tmp/mine")
        self.assertEqual((code, out), (0, "one\n"), error)
        _, out, _ = self.ssh("two", f"hostname; ls {self.path}/disk {self.path}/shared; ls /tmp")
        self.assertEqual(out.split(), ["two", f"{self.path}/disk:", f"{self.path}/shared:", "ours",
                                       self.path.name])
        self.assertEqual(os.listdir(self.path / "disk"), [])

    def test_an_unplugged_host_is_back_when_it_is_plugged_in(self):
        self.hosts.unplug("one")
        self.assertEqual(self.ssh("one", "true")[0], 255)
        self.assertEqual(self.ssh("two", "true"), (0, "", ""))
        self.hosts.plug_in("one")
        wait_until(lambda: self.ssh("one", "true")[0] == 0)  # whom nobody found is sought again

    def test_all_that_runs_on_a_lost_host_ends(self):
        self.assertEqual(self.ssh("one", "setsid sleep 12345 >/dev/null 2>&1 </dev/null &")[0], 0)
        self.assertEqual(self.hosts.processes("one", "sleep"), ["sleep 12345"])
        self.assertEqual(self.hosts.processes("two", "sleep"), [])
        self.hosts.lose("one")
        self.assertEqual(self.ssh("one", "true")[0], 255)
        self.assertEqual(self.ssh("two", "true"), (0, "", ""))

    def test_nothing_is_left_of_them(self):
        folder = str(self.path / "keys")
        self.hosts.close()
        left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
        self.assertNotIn(folder, left.stdout)


if __name__ == "__main__":
    unittest.main()
