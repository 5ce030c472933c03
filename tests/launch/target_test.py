#!/usr/bin/env python3
"""What may stand under a name that we are told to write: links, pipes, devices, folders."""

import errno
import fcntl
import os
import pathlib
import pty
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from fake_fleet import ROOT, FakeFleetTest

sys.path.insert(0, str(ROOT / "launch"))

from rubato_cli.base.failure import Failure  # noqa: E402
from rubato_cli.files import target  # noqa: E402
from rubato_cli.files.target import Target  # noqa: E402


class TargetTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="target-test-")
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name)

    def entries(self):
        return sorted(path.name for path in self.path.iterdir())

    def refused(self, path, words):
        with self.assertRaises(Failure) as caught:
            target.write(path, "new")
        self.assertEqual(caught.exception.code, 2)
        self.assertIn(words, caught.exception.sentence)

    def test_links_are_followed_and_stay(self):
        (self.path / "far").mkdir()
        (self.path / "far" / "real").write_text("old")
        (self.path / "far" / "hop").symlink_to("real")
        (self.path / "link").symlink_to("far/hop")
        (self.path / "dangling").symlink_to("later")
        target.write(self.path / "link", "new")
        target.write(self.path / "dangling", "new")
        self.assertEqual(os.readlink(self.path / "link"), "far/hop")
        self.assertEqual(os.readlink(self.path / "far" / "hop"), "real")
        self.assertEqual((self.path / "far" / "real").read_text(), "new")
        self.assertEqual((self.path / "later").read_text(), "new")
        self.assertEqual(self.entries(), ["dangling", "far", "later", "link"])

    def test_the_mode_stays_and_a_new_file_has_the_usual_one(self):
        (self.path / "old").write_text("old")
        (self.path / "old").chmod(0o640)
        target.write(self.path / "old", "new")
        self.assertEqual((self.path / "old").stat().st_mode & 0o777, 0o640)
        (self.path / "usual").touch()
        target.write(self.path / "new", "new")
        self.assertEqual((self.path / "new").stat().st_mode, (self.path / "usual").stat().st_mode)

    def test_an_owner_or_a_mode_that_cannot_be_costs_no_file(self):
        for name, number in (("chown", errno.EINVAL), ("chmod", errno.ENOSYS)):
            (self.path / name).write_text("old")
            with mock.patch.object(os, name, side_effect=OSError(number, os.strerror(number))):
                target.write(self.path / name, "new")
            self.assertEqual((self.path / name).read_text(), "new")

    def test_without_publish_nothing_has_changed(self):
        (self.path / "file").write_text("old")
        with self.assertRaises(ZeroDivisionError), Target(self.path / "file") as file:
            file.draft.write_text("half")
            raise ZeroDivisionError
        self.assertEqual((self.path / "file").read_text(), "old")
        self.assertEqual(self.entries(), ["file"])

    def test_a_file_that_cannot_be_replaced_is_overwritten(self):
        refusal = OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        for text in ("much longer", "short", ""):
            (self.path / "file").write_text("old text")
            number = (self.path / "file").stat().st_ino
            with mock.patch.object(os, "replace", side_effect=refusal):
                target.write(self.path / "file", text)
            self.assertEqual((self.path / "file").read_text(), text)
            self.assertEqual((self.path / "file").stat().st_ino, number)
        self.assertEqual(self.entries(), ["file"])

    def test_a_file_is_not_overwritten_without_a_reason_or_without_room(self):
        (self.path / "file").write_text("old")
        for replace, room in ((errno.EIO, None), (errno.EXDEV, errno.ENOSPC)):
            full = room and OSError(room, os.strerror(room))
            with mock.patch.object(os, "replace", side_effect=OSError(replace, "")), \
                    mock.patch.object(os, "posix_fallocate", side_effect=full), \
                    self.assertRaises(OSError) as caught:
                target.write(self.path / "file", "longer")
            self.assertEqual(caught.exception.errno, room or replace)
            self.assertEqual((self.path / "file").read_text(), "old")

    def test_a_pipe_is_written_through_if_somebody_reads(self):
        pipe = self.path / "pipe"
        os.mkfifo(pipe)
        self.refused(pipe, "nobody reads from")
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        target.write(pipe, "new")
        self.assertEqual(os.read(reader, 100), b"new")
        self.assertTrue(pipe.is_fifo())
        self.assertEqual(self.entries(), ["pipe"])

    def test_a_reader_that_has_seen_enough_is_no_failure(self):
        read, write = os.pipe()
        file = Target(f"/dev/fd/{write}")
        with file:
            file.draft.write_text("new" * 100_000)
            os.close(read)
            file.publish()
        os.close(write)

    def test_a_pipe_that_never_blocks_gets_all(self):
        read, write = os.pipe()
        os.set_blocking(write, False)
        text = "new" * (1 << 20)
        with open(read, encoding="utf-8") as reader, ThreadPoolExecutor() as readers:
            got = readers.submit(reader.read)
            try:
                target.write(f"/dev/fd/{write}", text)
            finally:
                os.close(write)
            self.assertTrue(got.result() == text, "not as it was written")

    def test_a_device_is_written_through(self):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        self.addCleanup(os.close, theirs)
        before = os.stat(os.ttyname(theirs))
        target.write(os.ttyname(theirs), "new")
        self.assertEqual(os.read(ours, 100), b"new")
        self.assertEqual(os.stat(os.ttyname(theirs)).st_ino, before.st_ino)
        with self.assertRaises(OSError) as caught:
            target.write("/dev/full", "new")
        self.assertEqual(caught.exception.filename, "/dev/full")

    def test_an_open_file_is_written_where_it_stands(self):
        (self.path / "log").write_text("first\n")
        with open(self.path / "log", "a", encoding="utf-8") as log:
            (self.path / "link").symlink_to(f"/dev/fd/{log.fileno()}")
            target.write(f"/proc/self/fd/{log.fileno()}", "second\n")
            target.write(self.path / "link", "third\n")
        self.assertEqual((self.path / "log").read_text(), "first\nsecond\nthird\n")
        with open(self.path / "log", encoding="utf-8") as log:
            self.refused(f"/dev/fd/{log.fileno()}", "is open for reading only")
        for number in (1 << 20, 1 << 40):
            self.refused(f"/dev/fd/{number}", f"/dev/fd/{number} is no open file of this command")

    def test_what_cannot_be_written_is_a_sentence(self):
        self.refused(self.path, "is a folder; name a file in it")
        self.refused(self.path / "no" / "file", "there is no folder")
        (self.path / "circle").symlink_to("circle")
        with self.assertRaises(OSError):
            target.write(self.path / "circle", "new")

    def test_drafts_of_the_dead_are_swept_away(self):
        for name in (".rubato-dead", ".rubato-alive"):
            (self.path / name).mkdir()
            (self.path / name / "lock").touch()
        with open(self.path / ".rubato-alive" / "lock", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            target.write(self.path / "file", "new")
        self.assertEqual(self.entries(), [".rubato-alive", "file"])


class CommandTest(FakeFleetTest):
    """The commands that write what somebody names."""

    def setUp(self):
        super().setUp()
        self.assertEqual(self.train()[0], 0)
        (self.path / "x.csv").write_text("x\n1\n")
        self.predict = ("predict", "--run", "out", "--in", "x.csv", "--out")

    def test_predict(self):
        (self.path / "link.csv").symlink_to("real.csv")
        self.assertEqual(self.rubato(*self.predict, "link.csv")[0], 0)
        self.assertTrue((self.path / "link.csv").is_symlink())
        self.assertEqual((self.path / "real.csv").read_text(), "x,pd\n1,0.5\n")
        code, stdout, stderr = self.rubato(*self.predict, "/dev/stdout")
        self.assertEqual((code, stdout), (0, "x,pd\n1,0.5\n"))
        self.assertIn("wrote /dev/stdout", stderr)
        os.mkfifo(self.path / "fifo")
        code, _, stderr = self.rubato(*self.predict, "fifo")
        self.assertEqual(code, 2)
        self.assertIn("nobody reads from", stderr)

    def test_report_and_metrics(self):
        page, shown = self.out / "report.html", self.path / "shown.html"
        page.unlink()
        page.symlink_to(shown)
        self.assertEqual(self.rubato("report", "out")[0], 0)
        self.assertTrue(page.is_symlink())
        self.assertIn("0.7500", shown.read_text())

    def test_init(self):
        (self.path / "my.csv").write_text("ID,AGE,y good bad good")
        (self.path / "link.toml").symlink_to("real.toml")
        code, _, stderr = self.rubato("init", "my.csv", "--label", "y", "--out", "link.toml")
        self.assertEqual(code, 0, stderr)
        self.assertTrue((self.path / "link.toml").is_symlink())
        self.assertIn("[data]", (self.path / "real.toml").read_text())
        code, stdout, _ = self.rubato("init", "my.csv", "--label", "y", "--out", "/dev/stdout")
        self.assertEqual(code, 0)
        self.assertTrue(stdout.startswith("# Written by `rubato init`"), stdout)
        self.assertNotIn("wrote", stdout)


if __name__ == "__main__":
    unittest.main()
