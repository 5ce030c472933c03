#!/usr/bin/env python3
"""Deterministic mode on real processes: one model, to the bit, for other timings, other numbers of
shards, and whoever was killed half-way."""

import os
import signal
import unittest

from processes import wait_until
from real_fleet import FleetTest

MODE = ("train.deterministic=true", "train.staleness=0", "train.epochs=40", "train.batch=32",
        "snapshot.every_clocks=200", "model.kind=mlp", "fleet.workers=3")
SHARDS = ((1, 1), (2, 2), (3, 1))  # servers, shards of each
# How many batches are pulled ahead decides when what travels, and must decide nothing else.
TIMINGS = (0, 4)


class DeterministicTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        run = cls("test_so_does_a_run_of_which_a_process_was_killed")
        run.train_well("first", *MODE)
        cls.first = run.digest("first")

    def digest(self, out):
        """SHA-256 of the model."""
        code, stdout, stderr = self.rubato("snapshot", "export", out, "--out",
                                           f"{out}.safetensors")
        self.assertEqual(code, 0, stderr)
        return stdout.split("sha256 ")[1].split()[0]

    def test_other_timings_and_other_numbers_of_shards_give_the_same_bits(self):
        for servers, each in SHARDS:
            for ahead in TIMINGS:
                out = f"{servers}-{each}-{ahead}"
                self.train_well(out, *MODE, f"fleet.servers={servers}",
                                f"fleet.shards_per_server={each}", f"train.prefetch={ahead}")
                self.assertEqual(self.digest(out), self.first, out)

    def test_so_does_a_run_of_which_a_process_was_killed(self):
        for role in ("server", "worker", "scheduler"):
            rubato = self.start(role, *MODE)
            wait_until(lambda: self.events(role, "scheduler-0", "committed")
                       or rubato.process.poll() is not None)
            os.kill(self.processes(role, role)[0], signal.SIGKILL)
            code, _, stderr = rubato.end()
            self.assertEqual(code, 0, stderr)
            self.assertEqual(len(self.metrics(role)["faults"]["deaths"]), 1)
            self.assertEqual(self.digest(role), self.first, role)
            self.assert_nobody_left(role)


if __name__ == "__main__":
    unittest.main()
