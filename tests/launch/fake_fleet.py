"""A `rubato` whose executables are fakes (launch_fleet_fake.py): tests of the launcher alone."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from processes import DEADLINE_SECONDS, alive, heed_signals, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAKE = ROOT / "tests" / "launch" / "launch_fleet_fake.py"


class FakeFleetTest(unittest.TestCase):
    """Each test has its own folder with fake executables in bin/ and a run file."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="launch-test-")
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name)
        self.out = self.path / "out"
        (self.path / "bin").mkdir()
        for program in ("rubato-admin", "rubato-data", "rubato-keys", "rubato-scheduler",
                        "rubato-server", "rubato-snapshot", "rubato-worker"):
            script = self.path / "bin" / program
            script.write_text(f'#!/bin/sh\nexec {sys.executable} -S -B {FAKE} {program} "$@"\n')
            script.chmod(0o755)
        self.environment = {**os.environ, "RUBATO_BIN": str(self.path / "bin")}

    def write_run(self, **changes):
        run = {"servers": 2, "workers": 2, "clocks": 20, "fates": {}, **changes}
        (self.path / "run.toml").write_text(json.dumps(run))
        return str(self.path / "run.toml")

    def start(self, *arguments, **streams):
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                   "preexec_fn": heed_signals, **streams}
        return subprocess.Popen([sys.executable, str(ROOT / "launch" / "rubato"), *arguments],
                                text=True, errors="surrogateescape", cwd=self.path,
                                env=self.environment, **streams)

    def rubato(self, *arguments):
        process = self.start(*arguments)
        stdout, stderr = process.communicate(timeout=DEADLINE_SECONDS)
        self.assertNotIn("Traceback", stderr)
        return process.returncode, stdout, stderr

    def train(self, *arguments, **run):
        return self.rubato("train", self.write_run(**run), "--out", "out", *arguments)

    def pids(self):
        return [int(mark.read_text()) for mark in (self.out / "marks").glob("pid-*")]

    def assert_nobody_left(self):
        self.assertTrue(self.pids())
        wait_until(lambda: not any(map(alive, self.pids())))

    def start_slow(self, streams=None, **run):
        """A run that is in the middle of training and will not end by itself."""
        fates = {"worker-0": "slow", "worker-1": "slow", **run.pop("fates", {})}
        process = self.start("train", self.write_run(fates=fates, **run), "--out", "out",
                             **(streams or {}))
        wait_until(lambda: (self.out / "marks" / "progress-worker-1").exists())
        return process
