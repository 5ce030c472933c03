#!/usr/bin/env python3
"""`rubato train --launcher slurm` on a Slurm of two nodes, with real processes: it trains as one
host does, and stops with a snapshot and goes on. Deaths, lost nodes and Ctrl-C: tests/slurm, by
hand."""

import signal
import unittest

from processes import wait_until
from slurm_fleet import LONG, SlurmFleetTest


class SlurmTest(SlurmFleetTest):
    def test_it_trains_as_one_host_does(self):
        alone = self.train_well("alone")
        metrics = self.end_well(self.submit("job"), "job")
        self.assertEqual(metrics["test"]["auc"], alone["test"]["auc"])
        self.assertEqual(metrics["train"]["rows"], alone["train"]["rows"])
        for part in ("workers", "shards"):
            self.assertEqual([of.get("pushes") for of in metrics[part]],
                             [of.get("pushes") for of in alone[part]])
        self.assertEqual(sorted(used["name"] for used in metrics["processes"]),
                         sorted(used["name"] for used in alone["processes"]))

    def test_what_ends_its_time_is_a_snapshot_and_another_turn(self):
        rubato, job = self.training("turns", "snapshot.every_clocks=50")
        self.cluster.call("scancel", "--batch", "--signal=TERM", job)
        metrics = self.end_well(rubato, "turns")
        self.assertIn("stopped with a snapshot at clock", self.log("turns"))
        self.assertGreater(metrics["train"]["resumed_from_clock"], 0)
        self.assertEqual(metrics["train"]["clock"], self.job("turns")["last_clock"])
        self.assertEqual(metrics["updates"]["lost"], 0)

    def test_usr1_is_a_snapshot_and_no_more(self):
        rubato, job = self.training("asked", "snapshot.every_clocks=1000000")
        before = len(self.events("asked", "scheduler-0", "committed"))
        self.cluster.call("scancel", "--batch", "--signal=USR1", job)
        wait_until(lambda: len(self.events("asked", "scheduler-0", "committed")) > before)
        metrics = self.end_well(rubato, "asked")
        self.assertEqual(metrics["train"]["resumed_from_clock"], 0)

    def test_what_sbatch_refuses_is_said_in_its_words(self):
        code, _, stderr = self.submit("nowhere", options=["--slurm-option=--partition=x"]).end()
        self.assertEqual(code, 2)
        self.assertIn("rubato: sbatch: invalid partition specified: x", stderr)
        self.assertFalse((self.path / "nowhere").exists())


if __name__ == "__main__":
    unittest.main()
