#!/usr/bin/env python3
"""Folders of one start: what a killed one left is swept away, what lives or was kept is not."""

import errno
import fcntl
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

from fake_fleet import ROOT

sys.path.insert(0, str(ROOT / "launch"))

from rubato_cli.files import scratch  # noqa: E402
from rubato_cli.files.scratch import ScratchFolder  # noqa: E402


class ScratchTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_what_a_killed_start_left_is_swept(self):
        dead = self.folder / "rubato-dead"
        dead.mkdir()
        (dead / "lock").touch()
        living, another = ScratchFolder(self.folder), ScratchFolder(self.folder)
        self.assertFalse(dead.exists())
        for folder in (living, another):
            self.assertTrue(folder.path.exists())
            folder.remove()
            self.assertFalse(folder.path.exists())

    def test_a_folder_that_cannot_be_locked_is_not_left(self):
        refusal = OSError(errno.ENOSPC, "No space left on device")
        with mock.patch("builtins.open", side_effect=refusal), self.assertRaises(OSError):
            ScratchFolder(self.folder)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_folder_that_is_kept_while_another_start_sweeps_stays(self):
        kept = ScratchFolder(self.folder)
        lock = fcntl.flock

        def keep_meanwhile(file, how):
            kept.keep()
            kept.remove()
            lock(file, how)

        with mock.patch.object(scratch.fcntl, "flock", keep_meanwhile):
            scratch._sweep(self.folder, scratch.PREFIX)
        self.assertTrue(kept.path.exists())


if __name__ == "__main__":
    unittest.main()
