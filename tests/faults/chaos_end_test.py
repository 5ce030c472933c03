#!/usr/bin/env python3
"""Nothing of a fleet under chaos outlives the script, however that ends: no process, and so no
network and no mount; its folder goes with the next start."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests/launch"))
from processes import processes_that_name, wait_until  # noqa: E402 (needs the path)

BIN = pathlib.Path(os.environ.get("RUBATO_BIN", ROOT / "build" / "release" / "bin"))


class ChaosEndTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="r-")
        self.addCleanup(self._folder.cleanup)
        self.path = pathlib.Path(self._folder.name)

    def start(self, rounds):
        return subprocess.Popen(
            [sys.executable, "-B", HERE / "chaos.py", "--bin", BIN, "--rounds", str(rounds)],
            env=os.environ | {"TMPDIR": str(self.path)}, stdout=subprocess.DEVNULL)

    def test_a_killed_script_leaves_nothing(self):
        script = self.start(1000)
        wait_until(lambda: list(self.path.glob("rubato-chaos-*/pushes/*")))
        self.assertTrue(processes_that_name(str(self.path)))
        script.send_signal(signal.SIGKILL)
        self.assertEqual(script.wait(), -signal.SIGKILL)
        wait_until(lambda: not processes_that_name(str(self.path)))
        mounts = pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8")
        self.assertNotIn(str(self.path), mounts)
        self.assertEqual(self.start(1).wait(), 0)
        self.assertEqual(list(self.path.glob("rubato-chaos-*")), [])


if __name__ == "__main__":
    unittest.main()
