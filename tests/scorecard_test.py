#!/usr/bin/env python3
"""The scorecard judges by the median, and the benchmarks that it names are there."""

import collections
import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))

from scorecard import Bench, Row, Sample, all_rows, line  # noqa: E402 (needs the path)

BIN = pathlib.Path(os.environ.get("RUBATO_BIN", ROOT / "build" / "release" / "bin"))


class Asked(Bench):
    """Notes what a row asks for, and measures nothing."""

    def __init__(self):
        super().__init__(BIN, ROOT, quick=True)
        self.benchmarks = []

    def google(self, program, name):
        self.benchmarks.append((program, name))
        return collections.defaultdict(lambda: 1.0)

    def run(self, *words):
        raise Unmeasured

    def once(self, name, make):
        raise Unmeasured


class Unmeasured(Exception):
    pass


def samples(*values, valid=True):
    return [Sample(value, f"{value}", valid) for value in values]


class ScorecardTest(unittest.TestCase):
    def test_the_median_decides(self):
        least = Row("r", "b", 0.8, None)
        self.assertEqual(least.verdict(samples(0.1, 0.8, 0.9)), "PASS")
        self.assertEqual(least.verdict(samples(0.79, 0.1, 0.9)), "SHORT")
        most = Row("r", "b", 0.8, None, most=True)
        self.assertEqual(most.verdict(samples(0.1, 0.8, 0.9)), "PASS")
        self.assertEqual(most.verdict(samples(0.81, 0.1, 0.9)), "SHORT")

    def test_samples_that_are_not_valid_do_not_count(self):
        row = Row("r", "b", 0.8, None)
        self.assertEqual(row.verdict(samples(0.9, 0.9) + samples(0.1, valid=False)), "PASS")
        self.assertEqual(row.verdict(samples(0.9) + samples(0.1, valid=False)), "INVALID")

    def test_a_line_has_figure_ratio_and_target(self):
        told = line(Row("dense push", "raw ZeroMQ", 0.8, None), samples(0.5, 0.7, 0.6))
        self.assertRegex(told, r"^dense push +0.6 +0.60 \[0.50-0.70\] +>= 0.8 raw ZeroMQ +SHORT$")

    def test_every_benchmark_that_it_names_is_there(self):
        asked = Asked()
        rows = list(all_rows())
        self.assertEqual(len({row.name for row in rows}), len(rows))
        for row in rows:
            try:
                row.measure(asked)
            except Unmeasured:
                continue
        known = {program: subprocess.run([BIN / program, "--benchmark_list_tests"], check=True,
                                         capture_output=True, text=True).stdout.splitlines()
                 for program, _ in asked.benchmarks}
        self.assertGreater(len(asked.benchmarks), 30)
        for program, name in asked.benchmarks:
            self.assertIn(name, known[program])


if __name__ == "__main__":
    unittest.main()
