#!/usr/bin/env python3
"""A fleet that is started by its rendered manifests alone: every container's command as it stands,
in a bare Debian with the packages of the image. Root only; minutes, and a mirror of Debian's, the
first time."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "launch"), str(ROOT / "tests" / "launch")]
from bare_root import BareRoot, NoRoot  # noqa: E402 (needs the path)
from hosts import NoHosts  # noqa: E402
from kubelet import Cluster  # noqa: E402
from kubernetes_manifests import rendered  # noqa: E402
from rubato_cli.fleet.builds import find  # noqa: E402

RUN = """\
[fleet]
servers = 2
shards_per_server = 2
workers = 3
lease_seconds = 2

[data]
path = "book.csv"
label = "default"
drop = ["true_pd"]

[model]
kind = "mlp"

[train]
epochs = 20
batch = 128
"""
ROLES = ("scheduler", "server", "worker")
HEAD = "risk-scheduler-0"
END_SECONDS = 240.0  # a busy machine needs a tenth of it


class KubernetesFleetTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        build = find(os.environ.get("RUBATO_BIN"))
        cls.programs = pathlib.Path(build.folder)
        if not (cls.programs / "rubato-keys").exists():
            raise unittest.SkipTest("pods meet beyond loopback, and this build makes no keys")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="rubato-kubernetes-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        try:
            cls.root = BareRoot(cls.folder, cls.programs)
        except NoRoot as why:
            raise unittest.SkipTest(str(why)) from why
        cls.addClassCleanup(cls.root.close)
        data = cls.folder / "data"
        data.mkdir()
        subprocess.run([cls.programs / "rubato-data", "generate", "--rows", "30000", "--out",
                        data / "book.csv"], check=True, capture_output=True)
        (data / "risk.toml").write_text(RUN)
        cls.folders = {"data": data, **cls._secrets()}
        cls.files = rendered(str(data / "risk.toml"), "--data", "hostPath:/files")
        cls.auc = cls._trained_here(data / "risk.toml")

    @classmethod
    def _secrets(cls):
        """As `kubectl create secret` makes them of a folder of keys."""
        keys = cls.folder / "keys"
        cls._rubato("keygen", str(keys))
        folders = {}
        for role in ROLES:
            folder = folders[f"risk-{role}-keys"] = cls.folder / f"{role}-secret"
            folder.mkdir()
            for name in (f"{role}.key", "allowed"):
                shutil.copy(keys / name, folder)
        return folders

    @classmethod
    def _trained_here(cls, run):
        """The AUC of the same run without any engine."""
        out = cls.folder / "here"
        cls._rubato("train", str(run), "--out", str(out))
        return json.loads((out / "metrics.json").read_text())["test"]["auc"]

    @classmethod
    def _rubato(cls, *arguments):
        subprocess.run([sys.executable, "-B", ROOT / "launch" / "rubato", *arguments], check=True,
                       capture_output=True, env=os.environ | {"RUBATO_BIN": str(cls.programs)})

    def setUp(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        try:
            self.cluster = Cluster(self.files, self.root.path, self.folders, self.scratch)
        except NoHosts as why:
            self.skipTest(str(why))
        self.addCleanup(self.cluster.close)

    def test_a_fleet_trains_from_its_manifests(self):
        self.cluster.start()
        self._wait(lambda: self._committed() > 0)
        for name, port in ((HEAD, "scheduler"), ("risk-server-0", "shard-0"),
                           ("risk-server-1", "shard-1")):
            self.assertTrue(self.cluster.can_connect(name, port), name)
        self._wait_for_the_end()
        for pod in self.cluster.pods.values():
            self.assertEqual([code for name, code in pod.exits if name in ("keys", "prepare")],
                             [0, 0], pod.exits)
        for pod in self._workers():
            self.assertEqual(pod.exits[-1], ("worker", 0))
        self.assertNotIn("faults", self._metrics())

    def test_a_killed_server_comes_back_and_nothing_is_lost(self):
        self.cluster.start()
        self._wait(lambda: self._committed() > 0)
        server = self.cluster.pods["risk-server-1"]
        server.signal(signal.SIGKILL)
        self._wait_for_the_end()
        self.assertIn(("server", 137), server.exits)
        self.assertEqual(self._metrics()["updates"]["lost"], 0)

    def test_a_killed_worker_is_followed_by_another(self):
        self.cluster.start()
        self._wait(lambda: self._committed() > 0)
        worker = self.cluster.pods["risk-worker-2"]
        worker.signal(signal.SIGKILL)
        self._wait_for_the_end()
        self.assertEqual([code for name, code in worker.exits if name == "worker"], [137, 0])

    def test_a_scheduler_that_is_moved_stops_with_a_snapshot_and_goes_on(self):
        self.cluster.start()
        self._wait(lambda: self._committed() > 0)
        head = self.cluster.pods[HEAD]
        head.signal(signal.SIGTERM)  # its container is started again
        self._wait(lambda: ("scheduler", 75) in head.exits)
        self._wait_for_the_end()
        self.assertGreater(self._metrics()["train"]["resumed_from_clock"], 0)

    def _workers(self):
        return [pod for name, pod in self.cluster.pods.items() if "-worker-" in name]

    def _committed(self):
        """The newest clock that the head has told of."""
        clocks = [json.loads(line)["clock"]
                  for path in self._run_folder().glob("telemetry/scheduler-0.jsonl")
                  for line in path.read_text().splitlines() if '"event":"committed"' in line]
        return max(clocks, default=0)

    def _run_folder(self):
        return self.scratch / f"claim-run-{HEAD}" / "run"

    def _metrics(self):
        return json.loads((self._run_folder() / "metrics.json").read_text())

    def _wait_for_the_end(self):
        """The Job is complete, and the head has evaluated: as well as any other launcher."""
        self._wait(lambda: all(pod.ended.is_set() for pod in self._workers()))
        self.assertEqual([pod.failed for pod in self._workers() if pod.failed], [])
        self._wait(lambda: (self._run_folder() / "report.html").exists())
        self.assertAlmostEqual(self._metrics()["test"]["auc"], self.auc, delta=0.01)

    def _wait(self, condition):
        deadline = time.monotonic() + END_SECONDS
        while not condition():
            if time.monotonic() > deadline or any(
                    getattr(pod, "failed", "") for pod in self.cluster.pods.values()):
                self.fail("waited in vain:\n" + "\n".join(
                    f"{pod.name} {pod.exits}: {pod.log(container['name'])[-800:]}"
                    for pod in self.cluster.pods.values()
                    for container in pod.spec["containers"]))
            time.sleep(0.05)


if __name__ == "__main__":
    unittest.main()
