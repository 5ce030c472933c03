#!/usr/bin/env python3
"""The launcher's patience (launch/rubato_cli/base/deadline.py), on a clock that the test moves."""

import pathlib
import sys
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "launch"))

from rubato_cli.base.deadline import Deadline  # noqa: E402


class DeadlineTest(unittest.TestCase):
    def test_time_that_the_launcher_slept_through_does_not_count(self):
        with mock.patch("time.monotonic") as clock:
            clock.return_value = 100.0
            deadline = Deadline(3.0)
            for now, over in ((101.0, False), (5000.0, False), (5001.5, False), (9000.0, False),
                              (9001.0, True)):
                clock.return_value = now
                self.assertEqual(deadline.over(), over, now)


if __name__ == "__main__":
    unittest.main()
