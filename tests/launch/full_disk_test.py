#!/usr/bin/env python3
"""A run whose disk is full for a while: it trains on without snapshots, and commits again as soon
as there is room. Who dies meanwhile comes back then: no life begins that is not on disk. Needs a
small file system of its own, which only root can mount."""

import contextlib
import os
import signal
import subprocess
import unittest

from processes import wait_until
from real_fleet import FleetTest


class FullDiskTest(FleetTest):
    def setUp(self):
        self.disk = self.path / "disk"
        self.disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", self.disk],
                                 check=False, capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"no small file system to fill: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=True)

    def fill(self):
        with open(self.disk / "fill", "wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
                file.flush()

    def committed(self):
        return [event["clock"] for event in self.events("disk/run", "scheduler-0", "committed")]

    def said(self, rubato, words):
        """Reads what it says until it says that."""
        for line in rubato.process.stderr:
            if words in line:
                return line
        raise AssertionError(f"it ended without a word of '{words}'")

    def kill_one(self, role):
        os.kill(self.processes("disk/run", role)[0], signal.SIGKILL)

    def test_it_trains_on_and_recovers_by_itself(self):
        rubato = self.start("disk/run", "train.epochs=100000", "train.batch=32",
                            "snapshot.every_clocks=100")
        wait_until(self.committed)
        self.fill()
        self.assertIn("No space left on device", self.said(rubato, "nothing can be committed"))
        self.kill_one("scheduler")
        self.said(rubato, "scheduler-0 is back after")
        self.said(rubato, "validation")
        for role in ("server", "worker"):
            self.kill_one(role)
            self.said(rubato, "it is started again")
        before = len(self.committed())
        (self.disk / "fill").unlink()
        self.said(rubato, "is back after")
        self.said(rubato, "is back after")
        wait_until(lambda: len(self.committed()) > before + 2)
        rubato.process.send_signal(signal.SIGTERM)
        code, _, stderr = rubato.end()
        self.assertEqual(code, 75, stderr)
        self.assert_nobody_left("disk/run")


if __name__ == "__main__":
    unittest.main()
