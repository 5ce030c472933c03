#!/usr/bin/env python3
"""`rubato up --launcher ssh`: the scheduler's host supervises, and from a terminal elsewhere its
fleet is begun, looked at and stopped."""

import json
import os
import unittest

from processes import read_until, wait_until
from ssh_fleet import SshFleetTest, SshRubato


class SshUpTest(SshFleetTest):
    def begin(self, *words):
        """A command on the hub."""
        os.environ["RUBATO_SSH"] = self.hosts.ssh
        return SshRubato(self.hosts, self.path, words)

    def say(self, *words):
        """(exit code, stdout, stderr) of one."""
        code, stdout, stderr = self.begin(*words).end()
        self.assertNotIn("Traceback", stderr)
        return code, stdout, stderr

    def begin_up(self, out):
        return self.begin("up", "run.toml", "--out", out, "--launcher", "ssh", "--hosts",
                          self.file, "--set", "train.epochs=1000", "--set", "train.batch=1")

    def up(self, out):
        return self.begin_up(out).end()

    def test_the_host_of_the_scheduler_supervises(self):
        out = self.disk / "run"
        code, stdout, stderr = self.up(out)
        self.assertEqual(code, 0, stderr)
        self.assertRegex(stdout, rf"process \d+ of host one supervises it in {out}, and needs "
                         "neither this terminal nor this host")
        self.assertEqual([path.name for path in out.iterdir()], ["supervisor.json"])
        code, _, stderr = self.up(out)
        self.assertEqual(code, 2)
        self.assertIn(f"one: a fleet trains in {out} already", stderr)
        code, stdout, stderr = self.say("status", out, "--json")
        self.assertEqual((code, json.loads(stdout)["state"]), (0, "running"), stderr)
        code, _, stderr = self.say("report", out)
        self.assertEqual(code, 2)
        self.assertIn(f"the run of {out} is on host one, in {out}; say it there", stderr)
        follower = self.begin("logs", out, "worker-0", "-f")
        read_until("worker-0 info: run", follower.process.stdout)
        code, stdout, stderr = self.say("down", out)
        self.assertEqual(code, 0, stderr)
        self.assertRegex(stdout, r"stopped with a snapshot at clock \d+; go on with")
        self.assertEqual(follower.end()[0], 0)
        self.assert_nobody_left(out)

    def test_what_it_lacks_is_said_with_what_it_sees_of_others(self):
        self.hosts.do("two", "sh", "-c", "kill $(pidof sshd)")
        self.hosts.do("one", "sh", "-c", f"echo >/run/none; mount --bind /run/none {self.file}")
        code, stdout, stderr = self.up(self.disk / "run")
        self.assertEqual((code, stdout), (2, ""), stderr)
        self.assertIn("rubato: 2 of 3 hosts cannot be used:\n", stderr)
        self.assertIn(f"one: {self.file} is not the same there as here; copy it\n", stderr)
        self.assertRegex(stderr, r"two: as one sees it: ssh: connect to host .*; no sshd listens")
        self.hosts.do("one", "sh", "-c", "kill $(pidof sshd)")
        code, _, stderr = self.up(self.disk / "run")
        self.assertEqual(code, 3)
        self.assertRegex(stderr, r"\nrubato: one: ssh: connect to host .*; no sshd listens")
        self.assertEqual(stderr.count("connect to host"), 1)

    def test_who_does_not_wait_until_it_trains_leaves_nothing(self):
        book = self.path / "book.csv"  # on host two there is never anything in it
        self.hosts.do("two", "sh", "-c", f"mkfifo /run/book; mount --bind /run/book {book}")
        command = self.begin_up(self.disk / "run")
        wait_until(lambda: self.hosts.processes("two", "rubato-data"))
        command.process.terminate()
        code, stdout, stderr = command.end()
        self.assertEqual((code, stdout), (130, ""), stderr)
        self.assert_nobody_left(self.disk / "run")


if __name__ == "__main__":
    unittest.main()
