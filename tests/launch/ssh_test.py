#!/usr/bin/env python3
"""`rubato train --launcher ssh`: it trains to the scores of one host, and says what keeps it from
starting. What happens to hosts and links is in ssh_faults_test.py."""

import re
import shutil
import unittest

from ssh_fleet import ROOT, Rubato, SshFleetTest


class SshTest(SshFleetTest):
    def test_each_host_prepares_its_own_and_trains_to_the_scores_of_one(self):
        out = self.disk / "run"
        found = self.train_well(out)
        alone = self.path / "alone"
        code, _, stderr = Rubato(self.path, ["train", "run.toml", "--out", alone]).end()
        self.assertEqual(code, 0, stderr)
        self.assertEqual(found["test"], self.metrics(alone)["test"])
        self.assertEqual(found["updates"]["lost"], 0)
        self.assertEqual([self.hosts_of(out, name) for name in
                          ("scheduler-0", "server-0", "server-1")], [["one"], ["one"], ["two"]])
        # Two workers on two hosts: each is the first of its own.
        self.assertEqual([[value["value"] for value in self.events(out, f"worker-{seat}",
                                                                   "resolved")[0]["values"]
                           if value["name"] == "local rank"] for seat in (0, 1)], [["0"], ["0"]])
        # What they keep is where they are.
        self.assertFalse((out / "snapshots").exists())
        places = [re.findall(r"\d+-(\d+)-\d+", self.hosts.do(name, "ls", out / "snapshots"))
                  for name in ("one", "two")]
        self.assertEqual([sorted(set(found)) for found in places], [["0", "1"], ["2", "3"]])

    def test_hosts_that_share_the_folder_train_in_it_and_take_it_up_again(self):
        out = self.shared / "run"
        self.train_well(out, "data.shared=true")
        first = self.metrics(out)
        again = self.train_well(out, "data.shared=true", "train.epochs=3", resume=True)
        self.assertEqual(again["train"]["resumed_from_clock"], first["train"]["clock"])
        self.assertGreater(again["train"]["clock"], first["train"]["clock"])
        code, _, stderr = Rubato(self.path, ["predict", "--run", out, "--in", "few.csv", "--out",
                                             "scores.csv"]).end()
        self.assertEqual(code, 0, stderr)

    def test_a_run_that_is_spread_over_the_hosts_is_taken_up_where_it_lies(self):
        out = self.disk / "run"
        self.train_well(out)
        again = self.train_well(out, "train.epochs=3", resume=True)
        self.assertEqual(self.hosts_of(out, "server-1"), ["two"] * 2)
        straight = self.train_well(self.disk / "straight", "train.epochs=3")
        self.assertEqual(again["test"], straight["test"])

    def refused(self, out, *settings, **more):
        """(seconds, the sentence) of a start that cannot work."""
        code, stdout, stderr = self.train(out, *settings, **more)
        self.assertEqual((code, stdout), (2, ""), stderr)
        self.assertFalse((out / "job.json").exists())
        return stderr

    def test_what_is_wrong_with_the_hosts_is_said_at_once(self):
        self.write_hosts(one="slots=2 path=/nowhere", three=f"slots=2 out={self.disk}/none/run")
        self.hosts.unplug("two")
        self.hosts.do("three", "sh", "-c", f"mkdir -p {self.disk}/none/run; "
                      f"echo 1 >{self.disk}/none/run/mine")
        said = self.refused(self.disk / "run")
        self.assertIn("rubato: 3 of 3 hosts cannot be used:\n", said)
        self.assertRegex(said, "one: /nowhere/launch/rubato is not there .*; install the same "
                         "Rubato there, or set path= in the file of hosts\n")
        self.assertRegex(said, "two: ssh: connect to host .*; is the host up, and its sshd "
                         "reachable from here\\?\n")
        self.assertIn(f"three: {self.disk}/none/run is there already and not empty; choose another "
                      "--out, or remove it\n", said)

    def test_who_may_not_log_in_and_whose_key_is_unknown(self):
        config = self.hosts.folder / "ssh_config"
        config.write_text("Host one\n  PubkeyAuthentication no\nHost two\n  UserKnownHostsFile "
                          "/dev/null\nHost three\n  Port 23\n" + config.read_text())
        said = self.refused(self.disk / "run")
        self.assertRegex(said, "one: .*Permission denied.*ssh-copy-id one")
        self.assertRegex(said, "two: Host key verification failed; its host key is unknown")
        self.assertRegex(said, "three: .*Connection refused; no sshd listens there")

    def test_a_folder_that_is_not_shared_and_too_few_slots(self):
        said = self.refused(self.disk / "run", "data.shared=true")
        self.assertIn(f"one: {self.disk}/run is not the folder {self.disk}/run of this host", said)
        said = self.refused(self.disk / "run", "fleet.workers=5")
        self.assertIn("2 servers and 5 workers need 7 slots: one has 2, two has 2, three has 2; "
                      "give a host more slots, or add one", said)

    def test_another_version_and_other_data(self):
        other = self.path / "other"
        self.copy_installation(other)
        self.write_hosts(two=f"slots=2 path={other}")
        said = self.refused(self.disk / "run")
        self.assertIn(f"1 of 3 hosts cannot be used:\n  two: {other} is Rubato ", said)
        self.assertIn("; install the same on both", said)

    def test_other_data_are_named(self):
        book = self.path / "book.csv"
        self.hosts.do("two", "sh", "-c", f"sed '$d' {book} >/run/book.csv; "
                      f"mount --bind /run/book.csv {book}")
        code, _, stderr = self.train(self.disk / "run")
        self.assertEqual(code, 2)
        self.assertRegex(stderr, "two: data/.*train.rbd.* of the run's folder differ from those of "
                         "this host; prepare both from the same data")

    def copy_installation(self, folder):
        """One of another version."""
        folder.mkdir()
        shutil.copytree(ROOT / "launch", folder / "launch")
        (folder / "CMakeLists.txt").write_text("project(rubato VERSION 9.9.9)\n")


if __name__ == "__main__":
    unittest.main()
