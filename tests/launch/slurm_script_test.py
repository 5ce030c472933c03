#!/usr/bin/env python3
"""The script of a Slurm job, what Slurm answers, and what comes of a command that Slurm refuses:
all of `--launcher slurm` that needs no Slurm."""

import os
import pathlib
import shutil
import subprocess
import sys
import unittest

from fake_fleet import ROOT, FakeFleetTest

sys.path.insert(0, str(ROOT / "launch"))
from rubato_cli.files.growing_file import GrowingFile  # noqa: E402
from rubato_cli.slurm import calls, script  # noqa: E402

GOLDEN = ROOT / "tests" / "launch" / "slurm_script.txt"
JOB = script.FleetJob(
    folder=pathlib.Path("/shared/my runs/100%"), rubato=pathlib.Path("/apps/rubato/launch/rubato"),
    programs=pathlib.Path("/apps/rubato/build/release/bin"), servers=2, workers=4, restarts=10,
    options=script.Options(("--partition=main", "--time=8:00:00"), ("--mem-per-cpu=8G",),
                           ("--gres=gpu:1", '--comment="a b"')))


class ScriptTest(unittest.TestCase):
    def test_it_is_this_text(self):
        self.assertEqual(script.render(JOB), f"#!/bin/bash\n{GOLDEN.read_text()}")

    @unittest.skipUnless(shutil.which("shellcheck"), "there is no shellcheck")
    def test_a_shell_reads_it(self):
        # Words that another shell expands, words to split, the function of a trap.
        done = subprocess.run(["shellcheck", "--shell=bash", "--exclude=SC2016,SC2086,SC2317",
                               GOLDEN], check=False, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


class AnswersTest(unittest.TestCase):
    def test_a_job_that_waits_runs_and_has_ended(self):
        waits = calls.parse("JobId=2 HetJobId=2 JobState=PENDING Reason=Resources Requeue=1 "
                            "ExitCode=0:0 ReqNodeList=(null) NodeList=(null)")
        self.assertEqual(waits, calls.JobState("PENDING", "Resources"))
        self.assertTrue(waits.waits and not waits.runs and not waits.over)
        runs = calls.parse("JobId=2 JobState=RUNNING Reason=None ExitCode=0:0 NodeList=n[1-2]")
        self.assertEqual(runs, calls.JobState("RUNNING", "", "n[1-2]"))
        self.assertTrue(runs.runs and not runs.over)
        ended = calls.parse("JobState=FAILED Reason=NonZeroExitCode ExitCode=75:0 NodeList=n1")
        self.assertEqual(ended, calls.JobState("FAILED", "NonZeroExitCode", "n1", 75))
        self.assertEqual(calls.parse("JobState=FAILED ExitCode=0:9").signal, 9)
        self.assertTrue(ended.over and calls.JobState("NODE_FAIL").over)


class GrowingFileTest(FakeFleetTest):
    def test_whole_lines_come_once(self):
        path = self.path / "log"
        path.write_text("before\n")
        file = GrowingFile(path)
        self.assertEqual(list(file.lines()), [])
        with open(path, "a", encoding="utf-8") as log:
            log.write("one\ntw")
            log.flush()
            self.assertEqual(list(file.lines()), [b"one\n"])
            log.write("o\n")
        self.assertEqual(list(file.lines()), [b"two\n"])
        path.unlink()
        self.assertEqual(list(file.lines()), [])


class CommandTest(FakeFleetTest):
    """With a `sbatch` that refuses."""

    def setUp(self):
        super().setUp()
        sbatch = self.path / "sbatch"
        sbatch.write_text("#!/bin/sh\ncat >/dev/null\n"
                          "echo 'sbatch: error: invalid partition specified: x' >&2\n"
                          "echo 'allocation failure: Invalid partition name specified' >&2\n"
                          "exit 1\n")
        sbatch.chmod(0o755)
        self.environment["PATH"] = f"{self.path}:{os.environ['PATH']}"

    def test_a_dry_run_prints_the_script_and_makes_nothing(self):
        code, stdout, _ = self.train("--launcher", "slurm", "--dry-run",
                                     "--slurm-option=--partition=x")
        self.assertEqual(code, 0)
        self.assertIn("\n#SBATCH --partition=x\n#SBATCH hetjob\n", stdout)
        self.assertFalse(self.out.exists())

    def test_what_sbatch_refuses_is_said_before_anything_is_made(self):
        code, _, stderr = self.train("--launcher", "slurm")
        self.assertEqual(code, 2)
        self.assertIn("rubato: sbatch: invalid partition specified: x; allocation failure: Invalid "
                      "partition name specified\n", stderr)
        self.assertFalse(self.out.exists())

    def test_without_slurm_it_says_so(self):
        self.environment["PATH"] = str(pathlib.Path(sys.executable).parent)
        if shutil.which("sbatch", path=self.environment["PATH"]):
            self.skipTest("sbatch is where Python is")
        code, _, stderr = self.train("--launcher", "slurm")
        self.assertEqual(code, 2)
        self.assertIn("there is no `sbatch` here", stderr)

    def test_its_options_are_for_slurm(self):
        for option in ("--dry-run", "--slurm-option=-p x", "--slurm-workers-option=-p x"):
            code, _, stderr = self.train(option)
            self.assertEqual(code, 2)
            self.assertIn("are for --launcher slurm, and this is local; leave them out", stderr)

    def test_a_run_without_servers_is_no_fleet(self):
        code, _, stderr = self.train("--launcher", "slurm", servers=0)
        self.assertEqual(code, 2)
        self.assertIn("fleet.servers = 0 trains in one process", stderr)


if __name__ == "__main__":
    unittest.main()
