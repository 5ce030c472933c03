#!/usr/bin/env python3
"""`rubato train --launcher slurm` on a Slurm of two nodes, with real processes: it trains as one
host does, stops with a snapshot and goes on, and whoever dies is followed by another. What is lost
with a node: tests/slurm, by hand."""

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

    def test_ctrl_c_is_a_snapshot_and_the_end(self):
        rubato, _ = self.training("stopped", "snapshot.every_clocks=50")
        rubato.process.send_signal(signal.SIGINT)
        code, _, stderr = rubato.end()
        self.assertEqual(code, 75, stderr)
        self.assertIn("rubato: stopped with a snapshot at clock", stderr)
        self.assertEqual(self.cluster.jobs(), {})
        self.assert_nobody_left("stopped")
        metrics = self.end_well(self.submit("stopped", *LONG, resume=True), "stopped")
        self.assertGreater(metrics["train"]["resumed_from_clock"], 0)

    def test_usr1_is_a_snapshot_and_no_more(self):
        rubato, job = self.training("asked", "snapshot.every_clocks=1000000")
        before = len(self.events("asked", "scheduler-0", "committed"))
        self.cluster.call("scancel", "--batch", "--signal=USR1", job)
        wait_until(lambda: len(self.events("asked", "scheduler-0", "committed")) > before)
        metrics = self.end_well(rubato, "asked")
        self.assertEqual(metrics["train"]["resumed_from_clock"], 0)

    def test_who_dies_is_followed_by_another(self):
        for program in ("server", "worker"):
            rubato, _ = self.training(program, "snapshot.every_clocks=50")
            self.kill(program, program)
            metrics = self.end_well(rubato, program)
            self.assertEqual(metrics["train"]["resumed_from_clock"], 0)
            self.assertEqual(metrics["updates"]["lost"], 0)

    def test_what_sbatch_refuses_is_said_in_its_words(self):
        code, _, stderr = self.submit("nowhere", options=["--slurm-option=--partition=x"]).end()
        self.assertEqual(code, 2)
        self.assertIn("rubato: sbatch: invalid partition specified: x", stderr)
        self.assertFalse((self.path / "nowhere").exists())


if __name__ == "__main__":
    unittest.main()
