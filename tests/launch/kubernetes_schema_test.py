#!/usr/bin/env python3
"""Rendered manifests against the schemas that Kubernetes publishes, and what it would drop of them.
Needs node, and the packages of tests/launch/npm, which .ci/install_npm puts under build/npm."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from fake_fleet import ROOT
from kubernetes_manifests import render

HERE = ROOT / "tests" / "launch"
PACKAGES = ROOT / "build" / "npm"
KUBERNETES = {"5.1.0": "1.36.0"}  # by version of kubernetes-models
RUNS = (("quickstart.toml", ()),
        ("quickstart.toml", ("--set", "fleet.shards_per_server=3", "--namespace", "models",
                             "--pull-secret", "registry", "--storage-class", "fast",
                             "--node-selector", "pool=risk", "--toleration", "a=b:NoSchedule",
                             "--toleration", "gpu:NoExecute", "--set", "device=cuda",
                             "--snapshot-access", "ReadWriteOnce")),
        ("taiwan_default.toml", ("--data", "pvc:data")),
        ("taiwan_default.toml", ("--data", "hostPath:/var/data")),
        ("taiwan_default.toml", ("--data", "nfs:files.example:/risk")))


def _missing():
    if shutil.which("node") is None:
        return "there is no node here"
    if not (PACKAGES / "node_modules" / "kubernetes-models").is_dir():
        return "the schemas are not there: .ci/install_npm fetches them"
    return ""


@unittest.skipIf(_missing(), _missing())
class SchemaTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_kubernetes_takes_all_of_it(self):
        package = PACKAGES / "node_modules" / "kubernetes-models" / "package.json"
        version = json.loads(package.read_text())["version"]
        print(f"kubernetes-models {version}: Kubernetes {KUBERNETES[version]}")
        for run, flags in RUNS:
            with self.subTest(flags):
                code, stdout, stderr = render(
                    str(ROOT / "launch" / "runs" / run), *flags, "--out", str(self.folder),
                    "--json", environment={"RUBATO_DATA_DIR": "/data"})
                self.assertEqual(code, 0, stderr)
                files = json.loads(stdout)["files"]
                seen = self._check(*(self.folder / name for name in files))
                self.assertEqual(seen["findings"], [])
                self.assertEqual(seen["documents"], {str(self.folder / name): documents
                                                     for name, documents in files.items()})

    @unittest.skipUnless(shutil.which("kubectl"), "there is no kubectl here")
    def test_kubernetes_takes_what_the_overlays_make_of_it(self):
        shutil.copytree(ROOT / "launch" / "kubernetes" / "overlays", self.folder / "overlays")
        render(str(ROOT / "launch" / "runs" / "quickstart.toml"), "--set", "device=cuda",
               "--out", str(self.folder / "base"))
        for overlay in ("small", "gpu"):
            built = subprocess.run(["kubectl", "kustomize", self.folder / "overlays" / overlay],
                                   capture_output=True, check=True)
            (self.folder / "built.yaml").write_bytes(built.stdout)
            seen = self._check(self.folder / "built.yaml")
            self.assertEqual(seen["findings"], [])
            self.assertEqual(len(seen["documents"][str(self.folder / "built.yaml")]), 10)

    def test_what_kubernetes_would_refuse_or_drop_is_found(self):
        render(str(ROOT / "launch" / "runs" / "quickstart.toml"), "--out", str(self.folder))
        for name, before, after, finding in (
                ("worker.yaml", "completions: 2", 'completions: "2"', "/spec/completions: type"),
                ("worker.yaml", "completionMode:", "completionmode:",
                 "/spec/completionmode: unknown field"),
                ("worker.yaml", "restartPolicy: Never", "restartPolicy: Maybe",
                 "/spec/template/spec/restartPolicy: enum"),
                ("worker.yaml", "\n  template:", "\n  templates:", "/spec: required"),
                ("server.yaml", "readOnlyRootFilesystem:", "readOnlyRootFileSystem:",
                 "readOnlyRootFileSystem: unknown field"),
                ("network.yaml", "podSelector:", "podSelectors:", "/spec/podSelectors: unknown"),
                ("server.yaml", "policy/v1", "policy/v2", "policy/v2: no such group"),
                ("worker.yaml", '"0600"', "0600", "YAML 1.1 and 1.2 differ")):
            path = self.folder / name
            text = path.read_text()
            self.assertIn(before, text)
            path.write_text(text.replace(before, after))
            with self.subTest(finding):
                found = self._check(path)["findings"]
                self.assertTrue(any(finding in one for one in found), found)
            path.write_text(text)

    def _check(self, *files):
        done = subprocess.run(["node", HERE / "kubernetes_schemas.mjs", PACKAGES, *files],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)


if __name__ == "__main__":
    unittest.main()
