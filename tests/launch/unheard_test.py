#!/usr/bin/env python3
"""Nobody hears: a full disk, a reader that has gone or a closed descriptor behind standard error
costs no run; behind standard output only what is written there. Nor does a full disk under what was
validated, which is written once there is room. With fake executables."""

import json
import os
import signal
import subprocess
import sys
import unittest

from fake_fleet import ROOT, FakeFleetTest
from processes import DEADLINE_SECONDS, read_until, wait_until

sys.path.insert(0, str(ROOT / "launch"))

from rubato_cli.files.run_folder import RunFolder  # noqa: E402


class UnheardTest(FakeFleetTest):
    def gone(self):
        """The write end of a pipe that nobody reads."""
        read, write = os.pipe()
        os.close(read)
        self.addCleanup(os.close, write)
        return write

    def full(self):
        full = open("/dev/full", "w", encoding="utf-8")
        self.addCleanup(full.close)
        return full

    def end(self, *arguments, **streams):
        process = self.start(*arguments, **streams)
        stdout, stderr = process.communicate(timeout=DEADLINE_SECONDS)
        self.assertNotIn("Traceback", stderr or "")
        self.assertNotIn("Exception", stderr or "")
        return process.returncode, stdout, stderr

    def test_training_goes_on_unheard(self):
        for name, stderr in (("full", self.full()), ("gone", self.gone())):
            with self.subTest(name):
                code, stdout, _ = self.end("train", self.write_run(), "--out", name, stderr=stderr)
                self.assertEqual(code, 0)
                self.assertIn("test AUC 0.7500", stdout)

    def test_a_closed_standard_error_is_no_file_of_the_run(self):
        code, stdout, _ = self.end("train", self.write_run(), "--out", "out", stderr=None,
                                   preexec_fn=lambda: os.close(2))
        self.assertEqual(code, 0)
        self.assertTrue(stdout.startswith("trained 200 rows"), stdout)
        for file in self.out.rglob("*"):
            if file.is_file():
                self.assertNotIn("using RUBATO_BIN", file.read_text(), file)

    def test_a_reader_that_has_seen_enough_is_no_failure(self):
        self.assertEqual(self.train()[0], 0)
        for arguments in (("status", "out"), ("status", "out", "--json"), ("report", "out"),
                          ("compare", "out", "out"), ("--help",), ("--version",)):
            with self.subTest(arguments):
                code, _, stderr = self.end(*arguments, stdout=self.gone())
                self.assertEqual((code, stderr), (0, ""))
        code, _, stderr = self.end("status", "nothing", "--json", stdout=self.gone())
        self.assertEqual(code, 2)
        self.assertIn("nothing has no job.json", stderr)

    def test_results_that_cannot_be_written_are_a_failure(self):
        self.assertEqual(self.train()[0], 0)
        for arguments in (("status", "out"), ("status", "out", "--json"),
                          ("compare", "out", "out")):
            with self.subTest(arguments):
                code, _, stderr = self.end(*arguments, stdout=self.full())
                self.assertEqual(code, 2)
                self.assertEqual(stderr, "rubato: standard output: No space left on device; send "
                                 "it to where it can be written\n")

    def test_nobody_at_all_to_hear_leaves_the_exit_code(self):
        code, _, _ = self.end("status", "nothing", "--json", stdout=self.full(),
                              stderr=self.gone())
        self.assertEqual(code, 2)
        code, _, _ = self.end("status", "nothing", stdin=subprocess.DEVNULL, stdout=None,
                              stderr=None, preexec_fn=lambda: os.closerange(0, 3))
        self.assertEqual(code, 2)


class FullDiskTest(FakeFleetTest):
    """validations.json is a link to /dev/full for a while."""

    def setUp(self):
        super().setUp()
        self.file = self.out / "validations.json"
        self.process = self.start("train", self.write_run(best_epoch=True, fates={
            "worker-0": "ask"}), "--out", "out")
        wait_until(lambda: (self.out / "marks" / "progress-worker-0").exists())
        self.file.unlink()
        self.file.symlink_to("/dev/full")
        (self.out / "marks" / "may-validate-0").touch()
        read_until("validations.json not written, training goes on: No space",
                   self.process.stderr)

    def end(self):
        (self.out / "marks" / "may-validate-1").touch()
        _, stderr = self.process.communicate(timeout=DEADLINE_SECONDS)
        self.assertNotIn("training goes on", stderr)  # said once
        self.assert_nobody_left()
        return self.process.returncode, stderr

    def test_what_could_not_be_written_is_written_at_the_next_epoch(self):
        self.file.unlink()
        code, stderr = self.end()
        self.assertEqual(code, 0, stderr)
        metrics = json.loads((self.out / "metrics.json").read_text())
        self.assertEqual(metrics["validation"], {"auc": 0.8, "logloss": 0.3})

    def test_only_at_the_end_is_it_a_failure_and_all_is_committed(self):
        code, stderr = self.end()
        self.assertEqual(code, 3)
        self.assertEqual(stderr.splitlines()[-1], f"rubato: {self.file}: No space left on device; "
                         "free some space there")
        self.assertTrue((self.out / "committed").exists())
        self.file.unlink()
        self.assertEqual(self.train("--resume", best_epoch=True)[0], 0)

    def test_a_stop_writes_it_too(self):
        self.file.unlink()
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=DEADLINE_SECONDS)
        self.assertEqual(self.process.returncode, 75)
        self.assertEqual(len(RunFolder(str(self.out)).read_json("validations.json")[
            "validations"]), 1)


if __name__ == "__main__":
    unittest.main()
