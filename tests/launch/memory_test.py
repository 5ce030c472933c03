#!/usr/bin/env python3
"""Under a limit on memory every command ends, well or with one sentence that speaks of memory."""

import os
import resource
import subprocess
import sys
import unittest

from processes import DEADLINE_SECONDS, heed_signals
from real_fleet import BIN, ROOT, FleetTest

MIB = 1 << 20
# From too little to load a program to enough for a small fleet.
LIMITS_MIB = (64, 128, 192, 256, 384, 512, 768, 1024, 2048)
MODEL = ("model.kind=mlp", "train.epochs=1", "fleet.shards_per_server=1")


class MemoryTest(FleetTest):
    rows = 600

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lines = (cls.path / "book.csv").read_text().splitlines(True)
        (cls.path / "one.csv").write_text("".join(lines[:2]))

    def limited(self, mib, command):
        """(exit code, stderr) of `command`, whose processes may each map `mib` MiB."""
        def limit():
            heed_signals()
            resource.setrlimit(resource.RLIMIT_AS, (mib * MIB, mib * MIB))

        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   cwd=self.path, preexec_fn=limit,
                                   env={**os.environ, "RUBATO_BIN": str(BIN)})
        _, stderr = process.communicate(timeout=DEADLINE_SECONDS)
        return process.returncode, stderr

    def rubato(self, mib, *arguments):
        return self.limited(
            mib, [sys.executable, "-B", ROOT / "launch" / "rubato", *arguments, "--quiet"])

    def check(self, mib, code, stderr):
        if code == 0:
            return
        last = stderr.strip().splitlines()[-1] if stderr.strip() else ""
        self.assertIn(code, (3, 4), f"{mib} MiB: {stderr}")
        self.assertRegex(last.lower(), "memory|map segment", f"{mib} MiB, {code}: {stderr}")
        if "its log is" in last:
            self.assertTrue((self.path / last.rsplit("its log is ", 1)[1]).exists(), last)

    def test_training_and_predicting(self):
        sets = [word for setting in MODEL for word in ("--set", setting)]
        codes = {}
        for mib in LIMITS_MIB:
            with self.subTest(mib=mib):
                code, stderr = self.rubato(mib, "train", "run.toml", "--out", f"run-{mib}", *sets)
                codes[mib] = code
                self.check(mib, code, stderr)
                self.assert_nobody_left(f"run-{mib}")
        self.assertEqual(codes[max(LIMITS_MIB)], 0)
        self.assertNotEqual(codes[min(LIMITS_MIB)], 0)
        run = f"run-{max(LIMITS_MIB)}"
        for mib in LIMITS_MIB:
            with self.subTest(predict=mib):
                out = f"{mib}.csv"
                code, stderr = self.rubato(mib, "predict", "--run", run, "--in", "one.csv",
                                           "--out", out)
                self.check(mib, code, stderr)
                self.assertEqual((self.path / out).exists(), code == 0)

    # 256 MiB of weights, and as much for each push that is kept for replay.
    def test_a_run_that_cannot_fit_is_refused_before_it_starts(self):
        code, stderr = self.rubato(768, "train", "run.toml", "--out", "large", "--set",
                                   "train.epochs=1", "--set", "model.kind=mlp", "--set",
                                   "model.hidden=[8192, 8192]")
        self.assertEqual(code, 4, stderr)
        self.assertRegex(stderr.strip().splitlines()[-1],
                         r"one process of this run can need 1\.0 GiB of memory \(all together: "
                         r"weights .* MiB, .*\), and ulimit -v is 768 MiB; make the model or "
                         r"snapshot\.retention_hard_mib smaller")
        self.assertEqual(list((self.path / "large" / "telemetry").glob("worker*")), [])
        self.assert_nobody_left("large")
        # A scheduler that takes the place of none begins the run.
        code, stderr = self.limited(768, [BIN / "rubato-scheduler", "--run", "large", "--listen",
                                          "tcp://127.0.0.1:0", "--restart"])
        self.assertEqual(code, 4, stderr)
        self.assertIn("one process of this run can need 1.0 GiB of memory", stderr)

    def test_preparing(self):
        for mib in (32, 48, *LIMITS_MIB):
            with self.subTest(mib=mib):
                code, stderr = self.limited(
                    mib, [BIN / "rubato-data", "prepare", "run.toml", "--out",
                          f"prepared-{mib}"])
                if code != 127:  # the loader's own words: there is no program yet
                    self.check(mib, code, stderr)


if __name__ == "__main__":
    unittest.main()
