#!/usr/bin/env python3
"""`rubato head --stay`: whoever starts it again and again finds a run that is finished, and trains
nothing."""

import unittest

from processes import read_until
from real_fleet import FleetTest, Rubato


class HeadStayTest(FleetTest):
    def test_a_finished_run_is_kept_until_a_stop_signal(self):
        code, _, stderr = self.rubato("train", "run.toml", "--out", "done")
        self.assertEqual(code, 0, stderr)
        head = Rubato(self.path, ["head", "run.toml", "--out", "done", "--stay"])
        read_until("finished; waiting to be ended", head.process.stderr)
        self.assertIsNone(head.process.poll())
        head.process.terminate()
        code, stdout, _ = head.end()
        self.assertEqual(code, 0)
        self.assertIn("this run is finished", stdout)


if __name__ == "__main__":
    unittest.main()
