#!/usr/bin/env python3
"""The launcher's patience (base/deadline.py, fleet/pulse.py), on a clock that the test moves."""

import os
import pathlib
import sys
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "launch"))

from rubato_cli.base.deadline import Deadline  # noqa: E402
from rubato_cli.fleet.pulse import Pulse, cpu_ticks  # noqa: E402


class DeadlineTest(unittest.TestCase):
    def test_time_that_the_launcher_slept_through_does_not_count(self):
        with mock.patch("time.monotonic") as clock:
            clock.return_value = 100.0
            deadline = Deadline(3.0)
            for now, over in ((101.0, False), (5000.0, False), (5001.5, False), (9000.0, False),
                              (9001.0, True)):
                clock.return_value = now
                self.assertEqual(deadline.over(), over, now)


class PulseTest(unittest.TestCase):
    def test_what_does_not_change_stands(self):
        with mock.patch("time.monotonic") as clock:
            clock.return_value = 0.0
            pulse = Pulse(3.0)
            for now, sign, stands in ((1.0, 5, False), (2.5, 5, False), (3.9, 5, False),
                                      (4.1, 5, True), (4.2, 6, False), (6.1, 6, False),
                                      (500.0, 6, False), (501.5, 6, True)):
                clock.return_value = now
                self.assertEqual(pulse.stands(sign), stands, now)

    def test_who_computes_is_seen_to(self):
        before = cpu_ticks(os.getpid())
        while cpu_ticks(os.getpid()) == before:
            pass
        self.assertEqual(cpu_ticks(1 << 30), 0)


if __name__ == "__main__":
    unittest.main()
