#!/usr/bin/env python3
"""What stops a run: one signal, to whichever of its processes and however it comes, is one stop
with a snapshot; a second one stops at once; what was ignored stays so. With fake executables."""

import os
import pty
import signal
import sys
import unittest

from fake_fleet import ROOT, FakeFleetTest
from processes import DEADLINE_SECONDS, STOP_SIGNALS, read_until, signal_all, wait_until

sys.path.insert(0, str(ROOT / "launch"))
from rubato_cli.fleet.stop_signals import StopSignals  # noqa: E402

SLOW_COMMIT = {"scheduler": "slow"}


def ignore_signals():
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


class StopTest(FakeFleetTest):
    def stopped(self, process, code, part):
        _, stderr = process.communicate(timeout=DEADLINE_SECONDS)
        self.assertEqual(process.returncode, code, stderr)
        self.assertIn(part, stderr)
        self.assert_nobody_left()

    def test_one_signal_to_all_processes_is_one(self):
        process = self.start_slow()
        signal_all(process.pid, self.pids(), signal.SIGTERM)
        self.stopped(process, 75, "stopped with a snapshot at clock 20")

    def test_a_second_one_to_all_stops_at_once(self):
        process = self.start_slow(fates=SLOW_COMMIT)
        signal_all(process.pid, self.pids(), signal.SIGTERM)
        read_until("stopping", process.stderr)
        signal_all(process.pid, self.pids(), signal.SIGTERM)
        self.stopped(process, 143, "stopped at once")

    def test_a_signal_to_any_process_stops_the_run(self):
        for number, name in enumerate(("worker-1", "server-0", "scheduler")):
            with self.subTest(name):
                process = self.start_slow()
                os.kill(int((self.out / "marks" / f"pid-{name}").read_text()), signal.SIGTERM)
                self.stopped(process, 75, "stopped with a snapshot at clock 20")
                self.out.rename(self.path / f"was-{number}")

    def test_a_hang_up_with_a_signal_is_one(self):
        for number in range(2):
            with self.subTest(number):
                process = self.start_slow()
                for one in (signal.SIGHUP, signal.SIGTERM)[::1 - 2 * number]:
                    signal_all(process.pid, self.pids(), one)
                self.stopped(process, 75, "stopped with a snapshot at clock 20")
                self.out.rename(self.path / f"was-{number}")

    def test_what_comes_when_a_stopped_run_is_over_changes_nothing(self):
        before = signal.getsignal(signal.SIGTERM)
        self.addCleanup(signal.signal, signal.SIGTERM, before)
        with StopSignals():
            pass
        self.assertEqual(signal.getsignal(signal.SIGTERM), before)
        with StopSignals() as stop:
            os.kill(os.getpid(), signal.SIGTERM)
        self.assertEqual(stop.count, 1)
        self.assertEqual(signal.getsignal(signal.SIGTERM), signal.SIG_IGN)

    def test_a_hang_up_is_never_the_second_signal(self):
        process = self.start_slow(fates=SLOW_COMMIT)
        process.send_signal(signal.SIGTERM)
        read_until("stopping", process.stderr)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGHUP)
        self.assertIn("running", self.rubato("status", "out")[1])
        process.send_signal(signal.SIGTERM)
        self.stopped(process, 143, "stopped at once")

    def test_what_was_ignored_stays_ignored(self):
        process = self.start_slow({"preexec_fn": ignore_signals})
        for number in STOP_SIGNALS:
            process.send_signal(number)
        self.assertIn("running", self.rubato("status", "out")[1])
        # The launcher sees nothing, and its children's own handlers go on.
        os.kill(int((self.out / "marks" / "pid-worker-0").read_text()), signal.SIGTERM)
        self.stopped(process, 75, "stopped with a snapshot at clock 20")

    def test_a_closed_terminal_stops_with_a_snapshot(self):
        launcher, terminal = pty.fork()
        if launcher == 0:
            try:
                os.chdir(self.path)
                process = self.start("train", self.write_run(fates={
                    "worker-0": "slow", "worker-1": "slow"}), "--out", "out", stdout=None,
                    stderr=None)
                os.waitpid(process.pid, 0)  # reaped by whoever adopts it, when this one is gone
            finally:
                os._exit(0)
        wait_until(lambda: (self.out / "marks" / "progress-worker-1").exists())
        os.close(terminal)  # SIGHUP, and every write to it fails
        os.waitpid(launcher, 0)
        self.assert_nobody_left()
        wait_until(lambda: "stopped" in self.rubato("status", "out")[1])
        self.assertTrue((self.out / "committed").exists(), "stopped without its snapshot")


if __name__ == "__main__":
    unittest.main()
