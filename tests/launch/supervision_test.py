#!/usr/bin/env python3
"""Real fleets that live through the death of a process, or its silence, and tell of it."""

import os
import re
import signal
import unittest

from processes import processes_that_name, wait_until
from real_fleet import FleetTest

# Some seconds long. At s = 0 steps come in seat order: who dies, but for a worker, changes nothing.
LONG = ("train.epochs=100", "train.batch=32", "snapshot.every_clocks=200")
# For who is stopped. On a busy machine others may be silent for so long as well, and are replaced.
SHORT_LEASE = "fleet.lease_seconds=2"


class SupervisionTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.whole = cls("train_well").train_well("whole", *LONG)

    def hit(self, out, role, number, *more):
        """A run of which, once it has committed something, a process gets signal `number`; its
        metrics and what the launcher said."""
        rubato = self.start(out, *LONG, *more)
        wait_until(lambda: self.events(out, "scheduler-0", "committed")
                   or rubato.process.poll() is not None)
        os.kill(self.processes(out, role)[0], number)
        return self.ends_well(out, rubato)

    def ends_well(self, out, rubato):
        code, _, stderr = rubato.end()
        self.assertEqual(code, 0, stderr)
        self.assert_nobody_left(out)
        return self.metrics(out), stderr

    def check_as_if_nothing_had_been(self, metrics):
        self.assertEqual(metrics["train"]["clock"], self.whole["train"]["clock"])
        self.assertEqual(metrics["updates"]["lost"], 0)
        for field in ("auc", "logloss"):
            self.assertAlmostEqual(metrics["test"][field], self.whole["test"][field], delta=1e-6)

    def check_told(self, metrics, stderr, role, why):
        """One death is told of, and that its successor works."""
        faults = metrics["faults"]
        self.assertEqual(len(faults["deaths"]), 1, stderr)
        death = faults["deaths"][0]
        self.assertRegex(death["process"], rf"^{role}-\d$")
        self.assertRegex(death["why"], why)
        self.assertGreater(death["back_seconds"], 0)
        self.assertEqual(faults["recovery_seconds"]["max"], death["back_seconds"])
        self.assertRegex(stderr, rf"(?m)^{role}-\d {why}.*; it is started again \(1 of 10 times "
                         r"in ten minutes\)$")
        self.assertRegex(stderr, rf"(?m)^{role}-\d is back after \d+\.\d s, at clock \d+$")
        starts = {process["name"]: process["starts"] for process in metrics["processes"]}
        self.assertEqual(starts.pop(death["process"]), 2)
        self.assertEqual(set(starts.values()), {1})

    def test_a_quiet_run_tells_of_no_faults(self):
        self.assertNotIn("faults", self.whole)

    def test_a_killed_server_loads_and_is_given_again_what_it_lacks(self):
        metrics, stderr = self.hit("server", "server", signal.SIGKILL)
        self.check_told(metrics, stderr, "server", r"was killed by signal 9 \(SIGKILL\)")
        self.check_as_if_nothing_had_been(metrics)

    def test_a_killed_scheduler_goes_on_from_its_state(self):
        metrics, stderr = self.hit("scheduler", "scheduler", signal.SIGKILL)
        self.check_told(metrics, stderr, "scheduler", r"was killed by signal 9 \(SIGKILL\)")
        self.check_as_if_nothing_had_been(metrics)

    def test_a_killed_worker_comes_back_at_the_clock_of_the_fleet(self):
        metrics, stderr = self.hit("worker", "worker", signal.SIGKILL)
        self.check_told(metrics, stderr, "worker", r"was killed by signal 9 \(SIGKILL\)")
        self.assertEqual(metrics["train"]["clock"], self.whole["train"]["clock"])
        self.assertEqual(metrics["faults"]["evictions"], 0)  # its seat came back before its lease
        self.assertAlmostEqual(metrics["test"]["logloss"], self.whole["test"]["logloss"],
                               delta=0.01)

    def check_told_among_others(self, metrics, stderr, role, why):
        deaths = [death["why"] for death in metrics["faults"]["deaths"]
                  if death["process"].startswith(role) and death["back_seconds"]]
        self.assertTrue(any(re.match(why, death) for death in deaths), stderr)
        self.assertRegex(stderr, rf"(?m)^{role}-\d {why}; it is started again ")
        self.assertRegex(stderr, rf"(?m)^{role}-\d is back after ")

    def test_who_says_nothing_for_a_lease_is_killed_and_followed(self):
        for role, why in (("server", r"is of no use \(shard \d has said nothing for 2 s\)"),
                          ("scheduler", "has told nothing for 2 s"),
                          ("worker", r"is out of the fleet \(seat \d: no heartbeat\)")):
            with self.subTest(role):
                metrics, stderr = self.hit(f"silent-{role}", role, signal.SIGSTOP, SHORT_LEASE)
                self.check_told_among_others(metrics, stderr, role, f"{why} and was killed")
                self.assertEqual(metrics["train"]["clock"], self.whole["train"]["clock"])

    def test_who_stands_still_before_it_has_come_to_work_is_killed_and_followed(self):
        rubato = self.start("idle", *LONG, SHORT_LEASE)
        wait_until(lambda: self.processes("idle", "worker") or rubato.process.poll() is not None)
        os.kill(self.processes("idle", "worker")[0], signal.SIGSTOP)
        metrics, stderr = self.ends_well("idle", rubato)
        self.check_told_among_others(metrics, stderr, "worker", (
            "(has not come to work and does nothing,|is out of the fleet .*) and was killed"))
        self.assertEqual(len(metrics["workers"]), 2)

    def test_a_spent_budget_ends_the_run(self):
        rubato = self.start("spent", *LONG, "train.epochs=1000", "fleet.restarts=1")
        for starts in (1, 2):
            wait_until(lambda: len(self.events("spent", "worker-0", "begun")) >= starts)
            first = set(processes_that_name("--seat\x000"))
            os.kill(first.intersection(self.processes("spent", "worker")).pop(), signal.SIGKILL)
        code, _, stderr = rubato.end()
        self.assertEqual(code, 3, stderr)
        self.assertRegex(stderr.splitlines()[-1],
                         r"^rubato: worker-0 was killed by signal 9 .*; within ten minutes it was "
                         r"started again 1 times, which is fleet.restarts; its log is ")
        self.assert_nobody_left("spent")


if __name__ == "__main__":
    unittest.main()
