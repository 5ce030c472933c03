#!/usr/bin/env python3
"""What the system refuses ends a command with one sentence that names the cause and what helps:
limits on open files, folders that may not be written, full disks, names that cannot be."""

import errno
import os
import re
import resource
import shutil
import subprocess
import sys
import unittest
import unittest.mock

from processes import DEADLINE_SECONDS
from real_fleet import BIN, ROOT, FleetTest

sys.path.insert(0, str(ROOT / "launch"))

from rubato_cli.base import system_error  # noqa: E402 (needs the path)
from rubato_cli.files import run_folder  # noqa: E402 (needs the path)
from rubato_cli.fleet import open_files  # noqa: E402 (needs the path)
from rubato_cli.fleet.ending import Ending  # noqa: E402 (needs the path)

RUBATO = [sys.executable, "-B", str(ROOT / "launch" / "rubato")]
DATA = [str(BIN / "rubato-data")]
OPEN_FILES = (8, 9, 10, 11, 12, 13, 14, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64)
PROCESSES = (1, 3, 4, 5, 6, 8, 10, 12, 16, 20, 64)
# User ids that own nothing here, and of which no other test that runs has processes.
STRANGER, LONER = (str(number + os.getpid()) for number in (100_000, 5_000_000))


def may_mount():
    """Whether this user may mount file systems in a namespace of its own."""
    try:
        return subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"],
                              capture_output=True, check=False).returncode == 0
    except OSError:
        return False


class LimitsTest(FleetTest):
    rows = 2000

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path.chmod(0o755)
        cls.temporary = cls.path / "tmp"
        cls.temporary.mkdir()
        cls.temporary.chmod(0o777)
        book = (cls.path / "book.csv").read_text().splitlines(keepends=True)
        (cls.path / "few.csv").write_text("".join(book[:21]))

    def run_in_shell(self, script, words):
        """(exit code, stderr) of `words`, started by shell code that ends with "$@". It leaves
        nothing in its place for temporary files but the log that its sentence names."""
        done = subprocess.run(["sh", "-c", script, "sh", *map(str, words)], cwd=self.path,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False, timeout=DEADLINE_SECONDS,
                              env={**os.environ, "RUBATO_BIN": str(BIN),
                                   "TMPDIR": str(self.temporary)})
        for left in self.temporary.iterdir():
            self.assertIn(f"{left.name}/", done.stderr)
            shutil.rmtree(left)
        return done.returncode, done.stderr

    def check_sentence(self, code, stderr, *, codes, parts):
        self.assertIn(code, codes, stderr)
        self.assertNotIn("Traceback", stderr)
        last = stderr.rstrip("\n").rsplit("\n", 1)[-1]
        self.assertRegex(last, "^rubato(-data)?: ")
        for part in parts:
            self.assertIn(part, last)

    def train_words(self, out, *settings):
        sets = [word for setting in settings for word in ("--set", setting)]
        return [*RUBATO, "train", "run.toml", "--out", out, "--set", "train.epochs=1", *sets]

    def predict_words(self, out):
        return [*RUBATO, "predict", "--run", "trained", "--in", "few.csv", "--out", out]

    def trained(self):
        if not (self.path / "trained").exists():
            self.train_well("trained", "train.epochs=1")

    # Open files ---------------------------------------------------------------------------------

    def sweep(self, words):
        """Runs words(limit) under each limit on open files; the limits under which all was well."""
        well = []
        for limit in OPEN_FILES:
            with self.subTest(limit=limit):
                code, stderr = self.run_in_shell(f'ulimit -n {limit}; exec "$@"', words(limit))
                if code == 0:
                    well.append(limit)
                else:
                    self.check_sentence(code, stderr, codes=(2, 3), parts=("ulimit -n",))
        return well

    def test_few_open_files_for_the_data_tool(self):
        well = self.sweep(lambda limit: [*DATA, "prepare", "run.toml", "--out", f"data-{limit}"])
        self.assertIn(64, well)
        self.assertEqual(list(self.path.glob("data-*.partial*")), [])
        self.sweep(lambda limit: [*DATA, "generate", "--rows", "100", "--out", f"{limit}.csv"])
        self.sweep(lambda _: [*DATA, "inspect", "book.csv"])
        self.sweep(lambda _: [*DATA, "config", "run.toml"])

    def test_few_open_files_for_training(self):
        well = self.sweep(lambda limit: self.train_words(f"train-{limit}"))
        self.assertIn(64, well)
        for limit in OPEN_FILES:
            self.assert_nobody_left(f"train-{limit}")

    def test_few_open_files_for_prediction(self):
        self.trained()
        well = self.sweep(lambda limit: self.predict_words(f"scored-{limit}.csv"))
        self.assertIn(64, well)
        for limit in OPEN_FILES:
            self.assertEqual((self.path / f"scored-{limit}.csv").exists(), limit in well)
        self.assert_nobody_left("trained")

    def test_a_soft_limit_is_raised(self):
        code, stderr = self.run_in_shell('ulimit -S -n 12; exec "$@"', self.train_words("soft"))
        self.assertEqual(code, 0, stderr)

    def test_a_limit_that_may_not_be_raised_stays(self):
        with unittest.mock.patch.multiple(
                resource, getrlimit=lambda _: (64, 1 << 40),
                setrlimit=unittest.mock.Mock(side_effect=ValueError("not allowed"))):
            open_files.raise_limit()

    def test_a_fleet_too_large_for_the_limit_is_refused_at_once(self):
        words = self.train_words("large", "fleet.servers=40", "fleet.shards_per_server=1")
        code, stderr = self.run_in_shell('ulimit -n 64; exec "$@"', words)
        self.check_sentence(code, stderr, codes=(2,), parts=("43 processes", "limit of 64",
                                                             "(ulimit -n)"))
        self.assertEqual(list((self.path / "large" / "telemetry").glob("scheduler*")), [])

    @unittest.skipIf(os.geteuid() != 0 or shutil.which("setpriv") is None,
                     "only root can become a user who has no processes yet")
    def test_few_processes_and_threads(self):
        (self.path / "open").mkdir()
        (self.path / "open").chmod(0o777)
        become = ["setpriv", "--reuid", LONER, "--regid", LONER, "--clear-groups"]
        well = []
        for limit in PROCESSES:
            with self.subTest(limit=limit):
                words = self.train_words(f"open/run-{limit}", "fleet.servers=1",
                                         "fleet.shards_per_server=2")
                code, stderr = self.run_in_shell('exec "$@"', [
                    "prlimit", f"--nproc={limit}", *become, *words])
                if code == 0:
                    well.append(limit)
                else:
                    self.check_sentence(code, stderr, codes=(3,), parts=("ulimit -u",))
        self.assertIn(64, well)

    # Which limit is met by whom is a matter of moments: the launcher's fork, or a child's thread.
    def test_too_few_threads_are_the_same_to_the_launcher_and_to_a_child(self):
        refused = system_error.failure(BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)))
        killed = Ending(-6, "Resource temporarily unavailable (src/thread.cpp:269)")
        self.assertEqual((killed.code, killed.starved), (refused.code, True))
        self.assertIn("ulimit -u", killed.why())

    # Folders ------------------------------------------------------------------------------------

    def everybody_writes(self, folder):
        """Commands that write to `folder`, by their name."""
        return {"generate": [*DATA, "generate", "--rows", "100", "--out", f"{folder}/x.csv"],
                "prepare": [*DATA, "prepare", "run.toml", "--out", f"{folder}/data"],
                "train": self.train_words(f"{folder}/run"),
                "predict": self.predict_words(f"{folder}/scored.csv"),
                "init": [*RUBATO, "init", "book.csv", "--label", "default", "--out",
                         f"{folder}/run.toml"],
                "bench": [*RUBATO, "bench", "staleness", "run.toml", "--out", f"{folder}/bench"]}

    def check_all(self, folder, script, codes, part):
        for name, words in self.everybody_writes(folder).items():
            with self.subTest(command=name, folder=folder):
                code, stderr = self.run_in_shell(script, words)
                self.check_sentence(code, stderr, codes=codes, parts=(part, folder))

    def test_a_folder_of_somebody_else(self):
        self.trained()
        closed = self.path / "closed"
        closed.mkdir(mode=0o555)
        script = 'exec "$@"'
        if os.geteuid() == 0:
            if shutil.which("setpriv") is None:
                self.skipTest("no setpriv")
            script = f'exec setpriv --reuid {STRANGER} --regid {STRANGER} --clear-groups "$@"'
            for path in (self.path / "trained").rglob("*"):
                path.chmod(0o777)  # to be read by all, and none of them is the cause
        probe, _ = self.run_in_shell(script, [*RUBATO, "--help"])
        if probe != 0:
            self.skipTest("another user cannot read this checkout")
        self.check_all("closed", script, (2,), "Permission denied")

    def test_a_file_where_a_folder_is_needed(self):
        self.trained()
        for name, words in self.everybody_writes("book.csv").items():
            with self.subTest(command=name):
                code, stderr = self.run_in_shell('exec "$@"', words)
                self.check_sentence(code, stderr, codes=(2,), parts=("book.csv",))

    def test_names_that_are_too_long(self):
        self.trained()
        self.check_all("n" * 300, 'exec "$@"', (2,), "File name too long")

    @unittest.skipUnless(may_mount(), "this user may not mount file systems")
    def test_file_systems_that_are_full_or_read_only(self):
        self.trained()
        (self.path / "mounted").mkdir()
        mount = ["unshare", "--mount", "sh", "-c"]
        tmpfs = 'mount -t tmpfs -o size={} none mounted && {} exec "$@"'
        full = tmpfs.format("32k", "head -c 64k /dev/zero > mounted/filler 2> /dev/null;")
        read_only = tmpfs.format("1m", "mount -o remount,ro mounted;")
        for script, codes, part in ((full, (3,), "No space left on device; free some space"),
                                    (read_only, (2,), "Read-only file system; choose a place")):
            for name, words in self.everybody_writes("mounted").items():
                with self.subTest(command=name, cause=part):
                    code, stderr = self.run_in_shell('exec "$@"', [*mount, script, "sh", *words])
                    self.check_sentence(code, stderr, codes=codes, parts=(part, "mounted"))

    def test_a_file_system_without_locks(self):
        refusal = OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        folder = run_folder.RunFolder(str(self.path))
        with unittest.mock.patch.object(run_folder.fcntl, "flock", side_effect=refusal):
            with self.assertRaises(OSError) as caught:
                folder.lock()
        failure = system_error.failure(caught.exception)
        self.assertEqual(failure.code, 2)
        self.assertEqual(failure.sentence, f"{folder.path}/.lock: No locks available; its file "
                         "system has no locks; choose a place on another one")

    # Words --------------------------------------------------------------------------------------

    def test_both_languages_give_the_same_advice(self):
        source = (ROOT / "common" / "base" / "system_error.cc").read_text()
        source = re.sub(r'"\s*\n\s*"', "", source)
        told = dict(re.findall(r'\{(E\w+), StatusCode::k\w+,\s*"([^"]*)"\}', source))
        ours = {number: advice for number, (_, advice) in system_error.KNOWN.items()}
        ours.pop(errno.EEXIST)  # what C++ is told of in its own ways
        self.assertEqual({getattr(errno, name): advice for name, advice in told.items()}, ours)


if __name__ == "__main__":
    unittest.main()
