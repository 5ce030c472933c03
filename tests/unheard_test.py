#!/usr/bin/env python3
"""Nobody hears: a full disk, a reader that has gone or a closed descriptor behind standard error
costs no run; behind standard output only what is written there. With fake executables."""

import os
import subprocess
import unittest

from fake_fleet import FakeFleetTest
from processes import DEADLINE_SECONDS


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


if __name__ == "__main__":
    unittest.main()
