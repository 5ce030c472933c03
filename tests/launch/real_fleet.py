"""What tests of real processes share: a small loan book, a run file, and a `rubato` to call.

Nothing here is timed: tests wait for what processes say (their telemetry) or for their end.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

from processes import DEADLINE_SECONDS, heed_signals, processes_that_name, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("RUBATO_BIN", ROOT / "build" / "release" / "bin"))

RUN = """\
[fleet]
servers = 2
shards_per_server = 2
workers = 2
[data]
format = "csv"
path = "book.csv"
label = "default"
drop = ["true_pd"]
[model]
kind = "linear"
[optimizer]
kind = "adagrad"
learning_rate = 0.05
[train]
staleness = 0
epochs = 2
batch = 64
best_epoch = false
"""


class Rubato:
    """A `rubato` command that runs."""

    def __init__(self, folder, arguments, programs=BIN):
        self.process = subprocess.Popen(
            self._command(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=folder, preexec_fn=heed_signals, env={**os.environ, "RUBATO_BIN": str(programs)})

    def _command(self, arguments):
        return [sys.executable, "-B", str(ROOT / "launch" / "rubato"), *map(str, arguments)]

    def end(self):
        """(exit code, stdout, stderr)"""
        stdout, stderr = self.process.communicate(timeout=DEADLINE_SECONDS)
        return self.process.returncode, stdout, stderr


class FleetTest(unittest.TestCase):
    """Each class has a scratch folder with book.csv and run.toml."""

    rows = 5000
    programs = BIN  # folder of the executables

    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="real-fleet-")
        cls.addClassCleanup(scratch.cleanup)
        cls.path = pathlib.Path(scratch.name)
        subprocess.run([BIN / "rubato-data", "generate", "--rows", str(cls.rows), "--out",
                        cls.path / "book.csv"], check=True, stdout=subprocess.DEVNULL)
        (cls.path / "run.toml").write_text(RUN)
        lines = (cls.path / "book.csv").read_text().splitlines(keepends=True)
        (cls.path / "few.csv").write_text("".join(lines[:51]))

    def rubato(self, *arguments):
        """(exit code, stdout, stderr) of a command."""
        return Rubato(self.path, arguments, self.programs).end()

    def start(self, out, *settings, resume=False, run="run.toml", options=()):
        """`rubato train RUN --out out` with `options` and --set of each of `settings`."""
        sets = [word for setting in settings for word in ("--set", setting)]
        return Rubato(self.path, ["train", run, "--out", out, *sets, *options,
                                  *(["--resume"] if resume else [])], self.programs)

    def train(self, out, *settings, resume=False, run="run.toml"):
        code, stdout, stderr = self.start(out, *settings, resume=resume, run=run).end()
        self.assertNotIn("Traceback", stderr)
        self.assert_nobody_left(out)
        return code, stdout, stderr

    def train_well(self, out, *settings, resume=False, run="run.toml"):
        """The metrics.json of a run that must succeed."""
        code, _, stderr = self.train(out, *settings, resume=resume, run=run)
        self.assertEqual(code, 0, stderr)
        return self.metrics(out)

    def metrics(self, out):
        return json.loads((self.path / out / "metrics.json").read_text())

    def job(self, out):
        return json.loads((self.path / out / "job.json").read_text())

    def events(self, out, name, kind):
        """The events of one kind that process `name` has told so far."""
        try:
            lines = (self.path / out / "telemetry" / f"{name}.jsonl").read_text().splitlines()
        except OSError:
            return []
        return [event for event in map(_parse, lines) if event.get("event") == kind]

    def processes(self, out, program=""):
        """Processes of the fleet that trains in `out`."""
        named = set(processes_that_name(str(self.path / out)))
        return [pid for pid in named if pid in processes_that_name(f"rubato-{program}")]

    def assert_nobody_left(self, out):
        wait_until(lambda: not self.processes(out))

    def kill(self, out, program):
        """kill -9 of one process of the fleet."""
        os.kill(self.processes(out, program)[0], signal.SIGKILL)


def ask_scheduler(run, *arguments):
    """What rubato-scheduler says of the folder of a run, as events."""
    done = subprocess.run([BIN / "rubato-scheduler", "--run", run, *arguments], check=False,
                          capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    return [json.loads(line) for line in done.stdout.splitlines()]


def flip_a_byte(path, offset=None):
    """One bit of the byte at `offset`, in the middle if that is not given."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if offset is None else offset] ^= 1
    path.write_bytes(data)


def _parse(line):
    try:
        return json.loads(line)
    except ValueError:
        return {}
