#!/usr/bin/env python3
"""A real fleet that stands still as a whole for longer than a lease, as when the lid of a laptop is
closed or its container is frozen: nobody is evicted, and the run goes on."""

import os
import signal
import time
import unittest

from processes import wait_until
from real_fleet import FleetTest

LONG = ("train.epochs=60", "train.batch=32", "snapshot.every_clocks=300")
LEASE_SECONDS = 10.0  # SchedulerOptions::lease


class SleepTest(FleetTest):
    def signal(self, pids, number):
        for pid in pids:
            os.kill(pid, number)

    def test_a_fleet_that_slept_as_a_whole_goes_on(self):
        rubato = self.start("slept", *LONG)
        wait_until(lambda: self.events("slept", "scheduler-0", "committed")
                   or rubato.process.poll() is not None)
        self.assertIsNone(rubato.process.poll(), "it ended before its first snapshot")
        scheduler = self.processes("slept", "scheduler")
        others = [pid for pid in self.processes("slept") if pid not in scheduler]
        self.signal([rubato.process.pid, *others, *scheduler], signal.SIGSTOP)
        time.sleep(LEASE_SECONDS + 3)
        self.signal(scheduler, signal.SIGCONT)  # the one that others' silence matters to, alone
        time.sleep(1)
        self.signal([*others, rubato.process.pid], signal.SIGCONT)
        code, _, stderr = rubato.end()
        self.assertEqual(code, 0, stderr)
        self.assertEqual(self.metrics("slept")["train"]["clock"], self.job("slept")["last_clock"])
        log = (self.path / "slept" / "logs" / "scheduler-0.log").read_text()
        self.assertNotIn("evicted", log)
        self.assert_nobody_left("slept")


if __name__ == "__main__":
    unittest.main()
