#!/usr/bin/env python3
"""A node of Slurm is lost while a fleet trains: with all that ran on it, or to the others only, and
then what ran there lives on beside those that follow it. And what else of Slurm takes long. Root
only, and minutes: by hand, as tests/slurm."""

import os
import pathlib
import signal
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "launch")]
from processes import alive, read_until, wait_until  # noqa: E402 (needs the path)
from slurm_fleet import LONG, SlurmFleetTest, comm  # noqa: E402

SNAPSHOTS = "snapshot.every_clocks=50"
FLEET = ("bash", "rubato-server", "rubato-worker")  # the loop of a task, and what it runs


class SlurmNodesTest(SlurmFleetTest):
    long = ("train.epochs=800",)  # Slurm takes its time to notice

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.whole = cls().train_well("whole", *cls.long)

    def training(self, out, *settings):
        rubato, _ = super().training(out, SNAPSHOTS, *settings)
        wait_until(lambda: len(self.events(out, "scheduler-0", "committed")) >= 2)
        return rubato

    def check(self, rubato, out):
        """It was taken up again, and at s = 0 it ends as if nothing had been."""
        code, _, stderr = rubato.end()
        self.assertEqual(code, 0, f"{stderr}{self.log(out)}")
        self.assertIn("is queued again", stderr)
        metrics = self.metrics(out)
        self.assertGreater(metrics["train"]["resumed_from_clock"], 0)
        self.assertEqual(metrics["train"]["clock"], self.job(out)["last_clock"])
        self.assertEqual(metrics["updates"]["lost"], 0)
        self.assertAlmostEqual(metrics["test"]["auc"], self.whole["test"]["auc"], delta=1e-4)
        print(f"{out}: resumed from clock {metrics['train']['resumed_from_clock']}, AUC "
              f"{metrics['test']['auc']:.4f} (whole: {self.whole['test']['auc']:.4f}), lost "
              f"{metrics['updates']['lost']}", file=sys.stderr)

    def test_a_node_is_lost_with_all_on_it(self):
        for node in ("n2", "n1"):
            with self.subTest(node):
                rubato = self.training(node)
                self.cluster.lose_node(node)
                self.check(rubato, node)
                self.assert_nobody_left(node)
                self.cluster.find_node(node)

    def test_what_lives_on_a_lost_node_is_fenced_off(self):
        """Nobody tells it that its fleet is over, and it finds the next one: that listens where the
        last one did."""
        rubato = self.training("zombie", "fleet.port=17931")
        lost = [pid for node in ("n1", "n2") for pid in self.cluster.lose_sight_of_node(node)]
        for pid in lost:
            if not comm(pid).strip().startswith(FLEET):
                os.kill(pid, signal.SIGKILL)
        zombies = [pid for pid in lost if comm(pid).startswith(FLEET[1:])]
        self.assertEqual(len(zombies), 4)
        wait_until(lambda: "PENDING" in self.cluster.jobs().values())  # Slurm has noticed
        self.cluster.find_node("n1")
        self.check(rubato, "zombie")
        wait_until(lambda: not any(map(alive, lost)))
        self.assert_nobody_left("zombie")
        for name, taken in (("worker-0", "a newer process has taken seat 0"),
                            ("server-1", "a newer life has taken this place")):
            self.assertIn(taken, (self.path / "zombie" / "logs" / f"{name}.log").read_text())


class SlurmDeathsTest(SlurmFleetTest):
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

    def test_ctrl_c_twice_cancels_the_job(self):
        rubato, job = self.training("cancelled", "snapshot.every_clocks=50")
        for pid in self.cluster.tasks("n1"):  # nobody is left to make a snapshot
            os.kill(pid, signal.SIGSTOP)
        rubato.process.send_signal(signal.SIGINT)
        read_until("stopping", rubato.process.stderr)
        rubato.process.send_signal(signal.SIGINT)
        code, _, stderr = rubato.end()
        self.assertEqual(code, 130, stderr)
        self.assertIn(f"job {job} was cancelled; go on with `rubato train` and --resume", stderr)
        wait_until(lambda: not self.cluster.jobs())
        self.assert_nobody_left("cancelled")

    def test_who_dies_is_followed_by_another(self):
        for program in ("server", "worker"):
            rubato, _ = self.training(program, "snapshot.every_clocks=50")
            self.kill(program, program)
            metrics = self.end_well(rubato, program)
            self.assertEqual(metrics["train"]["resumed_from_clock"], 0)
            self.assertEqual(metrics["updates"]["lost"], 0)


if __name__ == "__main__":
    unittest.main()
