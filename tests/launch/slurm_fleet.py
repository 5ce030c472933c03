"""What tests of `rubato train --launcher slurm` share: a small Slurm, and jobs on it. Servers are
on its first node then, and workers on the second: components of a job never share one."""

import os
import pathlib
import sys
import tempfile
import unittest

from processes import alive, wait_until
from real_fleet import ROOT, FleetTest

sys.path[:0] = [str(ROOT / "launch"), str(ROOT / "tests" / "faults")]
from slurm_cluster import NODES, NoSlurm, SlurmCluster  # noqa: E402

LONG = ("train.epochs=400",)


class SlurmFleetTest(FleetTest):
    """Each class has a cluster of its own."""

    long = LONG

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        scratch = tempfile.TemporaryDirectory(prefix="slurm-")
        cls.addClassCleanup(scratch.cleanup)
        os.chmod(scratch.name, 0o755)
        try:
            cls.cluster = SlurmCluster(scratch.name)
        except NoSlurm as why:
            raise unittest.SkipTest(str(why)) from why
        cls.addClassCleanup(cls.cluster.close)
        before = os.environ.get("SLURM_CONF")
        os.environ["SLURM_CONF"] = cls.cluster.environment["SLURM_CONF"]
        cls.addClassCleanup(os.environ.update if before else os.environ.pop,
                            *([{"SLURM_CONF": before}] if before else ["SLURM_CONF"]))

    def processes(self, out, program=""):
        """All that a job has started, or those of a program: their command lines name no run."""
        pids = [pid for node in NODES for pid in self.cluster.tasks(node) if alive(pid)]
        return [pid for pid in pids if not program or comm(pid).startswith(f"rubato-{program}")]

    def submit(self, out, *settings, options=(), resume=False):
        return self.start(out, *settings, options=("--launcher", "slurm", *options), resume=resume)

    def training(self, out, *settings, **how):
        """A job that is in the middle of it: the command, and the number of the job."""
        rubato = self.submit(out, *self.long, *settings, **how)
        wait_until(lambda: rubato.process.poll() is not None
                   or any(event["clock"] > 100
                          for event in self.events(out, "worker-0", "progress")))
        jobs = [job for job, state in self.cluster.jobs().items() if state == "RUNNING"]
        self.assertTrue(jobs, rubato.end() if rubato.process.poll() is not None else "no job runs")
        return rubato, min(jobs, key=int)

    def end_well(self, rubato, out):
        """The metrics.json of a job that must succeed, and leave nobody behind."""
        code, _, stderr = rubato.end()
        self.assertEqual(code, 0, f"{stderr}{self.log(out)}")
        self.assertEqual(self.cluster.jobs(), {})
        self.assert_nobody_left(out)
        return self.metrics(out)

    def log(self, out):
        return (self.path / out / "slurm.log").read_text()


def comm(pid):
    """Name of what a process runs, "" if it is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""
