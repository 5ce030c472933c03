#!/usr/bin/env python3
"""`rubato status`: what it makes of a scheduler's telemetry, of which it reads the end."""

import json
import pathlib
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "launch"))

from rubato_cli.commands import status  # noqa: E402


def line(event, **fields):
    return json.dumps({"time_ms": 0, "process": "scheduler", "event": event, **fields}).encode()


def view(clock, committed):
    return line("view", min_clock=clock, max_clock=clock, committed=committed)


def commit(clock, **fields):
    return line("committed", snapshot=1, clock=clock, **fields)


class ClocksTest(unittest.TestCase):
    def test_a_run_goes_on(self):
        self.assertEqual(status.clocks([]), (0, 0))
        self.assertEqual(status.clocks([view(30, 20), view(40, 20)]), (40, 20))
        self.assertEqual(status.clocks([view(40, 20), commit(50)]), (50, 50))
        self.assertEqual(status.clocks([line("progress", clock=7)]), (7, 0))

    def test_a_commit_far_back_is_in_each_view(self):
        self.assertEqual(status.clocks([view(900, 20)]), (900, 20))

    def test_a_run_goes_back(self):
        before = [view(90, 80), commit(90)]
        for name in ("resumed", "fleet_resume"):
            self.assertEqual(status.clocks([*before, line(name, clock=60)]), (60, 60))
            self.assertEqual(status.clocks([*before, line(name, clock=60), view(61, 60)]),
                             (61, 60))


class AgeTest(unittest.TestCase):
    def age(self, *lines):
        with tempfile.TemporaryDirectory(prefix="status-test-") as folder:
            path = pathlib.Path(folder) / "scheduler-0.jsonl"
            path.write_bytes(b"".join(each + b"\n" for each in lines))
            return status.age(path)

    def test_the_newest_commit_is_found_however_long_ago_it_was(self):
        now = time.time_ns() // 1_000_000
        commits = [commit(10, time_ms=now - 9_000_000), commit(20, time_ms=now - 7_200_000)]
        for views in (0, 1, 2000, 5000):
            age = self.age(*commits, *[view(30, 20)] * views)
            self.assertAlmostEqual(age, 7200, delta=100)

    def test_without_a_commit_there_is_none(self):
        self.assertIsNone(self.age(*[view(30, 0)] * 2000))
        self.assertIsNone(status.age(pathlib.Path("no such file")))


if __name__ == "__main__":
    unittest.main()
