#!/usr/bin/env python3
"""Who is started again after a death, how often and how soon: the launcher against fakes."""

import json
import sys
import unittest

from fake_fleet import ROOT, FakeFleetTest

sys.path.insert(0, str(ROOT / "launch"))

from rubato_cli.fleet.restarts import Restarts  # noqa: E402


class RestartsOfOneProcessTest(unittest.TestCase):
    def test_no_more_than_the_budget_within_ten_minutes(self):
        restarts = Restarts(2)
        self.assertEqual(restarts.pause(0, 5), 0)
        self.assertEqual(restarts.pause(400, 400), 0)
        self.assertIsNone(restarts.pause(590, 190))
        self.assertTrue(restarts.spent)
        self.assertEqual(restarts.pause(601, 11), 0)
        self.assertEqual(restarts.used, 2)

    def test_starts_that_come_to_nothing_wait_ever_longer(self):
        restarts = Restarts(100)
        self.assertEqual([restarts.pause(now, 0.1) for now in range(6)],
                         [0.25, 0.5, 1, 2, 2, 2])
        self.assertEqual(restarts.pause(6, 1.5), 0)  # it had worked
        self.assertEqual(restarts.pause(7, 0.1), 0.25)

    def test_without_a_budget_nobody_is(self):
        restarts = Restarts(0)
        self.assertIsNone(restarts.pause(0, 5))
        self.assertFalse(restarts.spent)


class RestartTest(FakeFleetTest):
    def arguments(self, name):
        """Command lines of the processes of that name, in the order in which they were started."""
        lines = (self.out / "telemetry" / f"{name}.jsonl").read_text().splitlines()
        return [json.loads(line)["command"] for line in lines if '"launched"' in line]

    def test_each_is_followed_by_another_that_takes_its_place(self):
        code, _, stderr = self.train(restarts=3, fates={
            "scheduler": "kill once", "server-1": "kill once", "worker-0": "kill once"})
        self.assertEqual(code, 0, stderr)
        first, second = self.arguments("scheduler-0")
        self.assertNotIn("--restart", first)
        self.assertEqual(second, [*first, "--restart"])
        first, second = self.arguments("server-1")
        listen = first.index("--listen") + 1
        self.assertRegex(first.pop(listen), r"/train-server-1\.sock$")
        self.assertRegex(second.pop(listen), r"/train-server-1\.1\.sock$")
        self.assertEqual(first, second)
        self.assertEqual(*self.arguments("worker-0"))
        self.assertRegex(stderr, r"worker-0 was killed by signal 9 .*; it is started again "
                         r"\(1 of 3 times in ten minutes\)")
        deaths = json.loads((self.out / "metrics.json").read_text())["faults"]["deaths"]
        self.assertEqual(sorted(death["process"] for death in deaths),
                         ["scheduler-0", "server-1", "worker-0"])
        page = (self.out / "report.html").read_text()
        self.assertIn("Deaths, and what they cost", page)
        self.assert_nobody_left()

    def test_a_resumed_scheduler_that_dies_does_not_go_back_again(self):
        self.assertEqual(self.train(fates={"worker-0": "kill"})[0], 3)
        for mark in (self.out / "marks").glob("*"):
            mark.unlink()
        code, _, stderr = self.rubato("train", self.write_run(
            restarts=3, fates={"scheduler": "kill once"}), "--out", "out", "--resume")
        self.assertEqual(code, 0, stderr)
        first, second = self.arguments("scheduler-0")[-2:]
        self.assertIn("--resume", first)
        self.assertNotIn("--resume", second)
        self.assertIn("--restart", second)

    def test_a_spent_budget_ends_the_run(self):
        code, _, stderr = self.train(restarts=2, fates={"worker-1": "kill"})
        self.assertEqual(code, 3)
        self.assertEqual(len(self.arguments("worker-1")), 3)
        self.assertIn("within ten minutes it was started again 2 times, which is fleet.restarts; "
                      "its log is out/logs/worker-1.log", stderr.splitlines()[-1])
        self.assert_nobody_left()

    def test_what_would_only_happen_again_is_not_tried_again(self):
        for fate, code in (("error4", 4), ("abort", 4)):
            with self.subTest(fate):
                self.assertEqual(self.train(restarts=5, fates={"worker-0": fate})[0], code)
                self.assertEqual(len(self.arguments("worker-0")), 1)
                self.out.rename(self.path / f"was-{fate}")

    def test_an_evaluation_that_is_killed_is_begun_anew(self):
        code, _, stderr = self.train(restarts=3, fates={"evaluate": "kill once"})
        self.assertEqual(code, 0, stderr)
        self.assertRegex(stderr, r"evaluate-0 was killed by signal 9 .*; the evaluation is begun "
                         "anew")
        self.assert_nobody_left()


if __name__ == "__main__":
    unittest.main()
