#!/usr/bin/env python3
"""`rubato render kubernetes`: what it writes fits together and says what the run file says."""

import copy
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

from fake_fleet import ROOT
from kubernetes_manifests import (all_of, containers, findings, one, render, rendered, selected,
                                  template)

sys.path.insert(0, str(ROOT / "launch"))
from rubato_cli.render import yaml  # noqa: E402

QUICKSTART = str(ROOT / "launch" / "runs" / "quickstart.toml")
OVERLAYS = ROOT / "launch" / "kubernetes" / "overlays"
FLAGS = ("--name", "risk", "--namespace", "models", "--image", "registry.example/rubato:1",
         "--pull-secret", "registry", "--storage-class", "fast", "--storage-size", "5Gi",
         "--node-selector", "pool=risk", "--toleration", "dedicated=risk:NoSchedule",
         "--resources", "server:cpu=2,memory=8Gi", "--set", "fleet.servers=3",
         "--set", "fleet.shards_per_server=2", "--set", "fleet.workers=5",
         "--set", "fleet.restarts=4")


class RenderTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.plain = rendered(QUICKSTART)
        cls.full = rendered(QUICKSTART, *FLAGS)

    def test_all_of_it_fits_together(self):
        self.assertEqual(findings(self.plain), [])
        self.assertEqual(findings(self.full), [])

    def test_a_claim_of_one_node_keeps_all_who_mount_it_there(self):
        files = rendered(QUICKSTART, "--snapshot-access", "ReadWriteOnce")
        self.assertEqual(findings(files), [])
        self.assertEqual(one(files, "PersistentVolumeClaim", "quickstart-snapshots")
                         ["spec"]["accessModes"], ["ReadWriteOnce"])
        for document in all_of(files, "StatefulSet"):
            (term,) = (template(document)["spec"]["affinity"]["podAffinity"]
                       ["requiredDuringSchedulingIgnoredDuringExecution"])
            self.assertEqual(selected(files, term["labelSelector"]), all_of(files, "StatefulSet"))

    def test_what_does_not_fit_is_found(self):
        """Each of these is refused by the rules that the test above relies on."""
        for change, sentence in (
                (lambda f: _server(f)["spec"].update(serviceName="other"), "no service other"),
                (lambda f: _server(f)["spec"]["selector"]["matchLabels"].update(a="b"),
                 "does not select its own pods"),
                (lambda f: _container(f, "server")["ports"][0].update(containerPort=1),
                 "its service has other ports"),
                (lambda f: _container(f, "server")["livenessProbe"]["tcpSocket"].update(port="x"),
                 "a probe of no port"),
                (lambda f: f.update({"network.yaml": f["network.yaml"][1:]}),
                 "everybody reaches it"),
                (lambda f: f.update({"network.yaml": f["network.yaml"][:1]}),
                 "its own fleet does not reach it"),
                (lambda f: template(one(f, "Job", "quickstart-worker"))["spec"]["volumes"].pop(),
                 "['run'] is not both there and"),
                (lambda f: f.update({"run-file.yaml": []}), "no ConfigMap quickstart-run"),
                (lambda f: _container(f, "worker")["env"][-1].update(value="tcp://x-0.x:7000"),
                 "is no pod's"),
                (lambda f: _container(f, "server")["env"].pop(0), "needs POD_NAME above it"),
                (lambda f: _container(f, "worker")["securityContext"].clear(), "may do more"),
                (lambda f: _container(f, "worker")["resources"]["limits"].update(memory="9Gi"),
                 "did not ask for"),
                (lambda f: template(one(f, "Job", "quickstart-worker"))["spec"].pop(
                    "restartPolicy"), "needs restartPolicy Never"),
                (lambda f: f["kustomization.yaml"][0]["resources"].pop(), "names other files")):
            files = copy.deepcopy(self.plain)
            change(files)
            with self.subTest(sentence):
                self.assertTrue(any(sentence in found for found in findings(files)),
                                findings(files))

    def test_the_fleet_is_that_of_the_run_file(self):
        server = one(self.full, "StatefulSet", "risk-server")
        self.assertEqual(server["spec"]["replicas"], 3)
        self.assertEqual(server["spec"]["podManagementPolicy"], "Parallel")
        job = one(self.full, "Job", "risk-worker")["spec"]
        self.assertEqual((job["completions"], job["parallelism"], job["completionMode"],
                          job["backoffLimitPerIndex"]), (5, 5, "Indexed", 4))
        (config,) = all_of(self.full, "ConfigMap")
        self.assertEqual(config["data"]["run.toml"], pathlib.Path(QUICKSTART).read_text())
        for document in all_of(self.full):
            self.assertEqual(document.get("metadata", document)["namespace"], "models")
        for kind, name in (("StatefulSet", "risk-scheduler"), ("StatefulSet", "risk-server"),
                           ("Job", "risk-worker")):
            document = one(self.full, kind, name)
            pod = template(document)["spec"]
            self.assertEqual(pod["nodeSelector"], {"pool": "risk"})
            self.assertEqual(pod["imagePullSecrets"], [{"name": "registry"}])
            self.assertEqual(pod["tolerations"], [{"key": "dedicated", "operator": "Equal",
                                                   "value": "risk", "effect": "NoSchedule"}])
            (prepare,) = [one for one in containers(document) if one["name"] == "prepare"]
            self.assertEqual(prepare["command"], [
                "rubato-data", "prepare", "/etc/rubato/run.toml", "--out", "/var/lib/rubato/run",
                "--resume", "--set", "fleet.servers=3", "--set", "fleet.shards_per_server=2",
                "--set", "fleet.workers=5", "--set", "fleet.restarts=4"])

    def test_each_role_starts_from_its_environment_alone(self):
        commands, environments = {}, {}
        for role in ("scheduler", "server", "worker"):
            container = _container(self.plain, role)
            commands[role] = container["command"]
            environments[role] = {one["name"]: one.get("value") for one in container["env"]}
        self.assertEqual(commands, {
            "scheduler": ["rubato", "head", "/etc/rubato/run.toml", "--out", "/var/lib/rubato/run",
                          "--stay"],
            "server": ["rubato-server"], "worker": ["rubato-worker", "train"]})
        own = {"RUBATO_RUN": "/var/lib/rubato/run", "RUBATO_KEYS": "/run/rubato/keys"}
        scheduler = {"RUBATO_SCHEDULER": "tcp://quickstart-scheduler-0.quickstart-scheduler:7000"}
        self.assertEqual(environments, {
            "scheduler": own | {"RUBATO_LISTEN": "tcp://0.0.0.0:7000"},
            "server": own | scheduler | {
                "POD_NAME": None, "RUBATO_LISTEN": "tcp://0.0.0.0:7100",
                "RUBATO_ADVERTISE": "tcp://$(POD_NAME).quickstart-server:7100"},
            "worker": own | scheduler})

    def test_where_its_processes_meet_is_not_for_the_run_file_to_say(self):
        files = rendered(QUICKSTART, "--set", "fleet.port=9000", "--set", "fleet.transport=tcp")
        for role in ("scheduler", "server", "worker"):
            kind = "Job" if role == "worker" else "StatefulSet"
            (prepare,) = [one for one in containers(one(files, kind, f"quickstart-{role}"))
                          if one["name"] == "prepare"]
            self.assertEqual(prepare["command"][-4:], ["--set", "fleet.transport=auto", "--set",
                                                       "fleet.port=0"])

    def test_how_a_worker_ends_decides_what_the_job_does(self):
        job = one(self.plain, "Job", "quickstart-worker")["spec"]
        self.assertEqual(job["podFailurePolicy"]["rules"], [
            {"action": "Ignore",
             "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [2, 4]}},
            {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [75]}}])

    def test_a_snapshot_fits_into_the_grace_period(self):
        """A lease of 10 s, 120 s for the cut, 8 GiB at 50 MiB/s."""
        for document in (*all_of(self.full, "StatefulSet"), *all_of(self.full, "Job")):
            self.assertEqual(template(document)["spec"]["terminationGracePeriodSeconds"],
                             11 + 120 + 164)

    def test_each_file_of_the_run_file_has_a_path_in_the_pod(self):
        run = ROOT / "launch" / "runs" / "taiwan_default.toml"
        with tempfile.TemporaryDirectory() as there:
            environment = {"RUBATO_DATA_DIR": there}
            files = rendered(str(run), "--data", "nfs:files.example:/risk", environment=environment)
            self.assertEqual(findings(files), [])
            (prepare,) = [one for one in containers(one(files, "Job", "taiwan-default-worker"))
                          if one["name"] == "prepare"]
            self.assertIn("data.path=/data/taiwan_default/UCI_Credit_Card.csv.gz",
                          prepare["command"])
            self.assertIn({"name": "data", "nfs": {"server": "files.example", "path": "/risk",
                                                   "readOnly": True}},
                          template(one(files, "Job", "taiwan-default-worker"))["spec"]["volumes"])
            self._refused("say where pods find it: --data pvc:CLAIM", str(run),
                          environment=environment)
            self._refused("name with --data-root the folder here", str(run), "--data", "pvc:risk",
                          "--data-root", "/nowhere", environment=environment)

    def test_only_who_has_a_gpu_computes_on_it(self):
        files = rendered(QUICKSTART, "--set", "device=cuda")
        self.assertEqual(findings(files), [])
        for role, expected in (("scheduler", (None, "device=cpu")),
                               ("server", (None, "device=cpu")), ("worker", (1, "device=cuda"))):
            (document,) = [document for document in (*all_of(files, "StatefulSet"),
                                                     *all_of(files, "Job"))
                           if document["metadata"]["name"] == f"quickstart-{role}"]
            prepare, main = containers(document)[1], containers(document)[-1]
            limits = [one["resources"]["limits"].get("nvidia.com/gpu") for one in (prepare, main)]
            self.assertEqual((limits, prepare["command"][-1]), ([expected[0]] * 2, expected[1]))

    def test_what_cannot_be_is_refused_with_a_sentence(self):
        alone = ("fleet.servers=0", "fleet.workers=1", "device=cuda", "train.best_epoch=false")
        for arguments, sentence in (
                (tuple(text for key in alone for text in ("--set", key)), "no fleet to render"),
                (("--name", "Risk"), "at most 40 of a to z"),
                (("--data", "s3://x"), "--data s3://x: write pvc:CLAIM, hostPath:/PATH"),
                (("--resources", "boss:cpu=1"), "with a ROLE of scheduler, server, worker"),
                (("--resources", "server:memory=4GB"), "memory=4GB is no amount"),
                (("--toleration", "gpu"), "write KEY=VALUE:EFFECT"),
                (("--node-selector", "gpu"), "write KEY=VALUE, as the nodes are labelled"),
                (("--storage-size", "many"), "many is no size"),
                (("--set", "fleet.nothing=1"), "fleet.nothing")):
            with self.subTest(arguments):
                self._refused(sentence, QUICKSTART, *arguments)

    def test_the_guide_names_what_is_rendered(self):
        with tempfile.TemporaryDirectory() as folder:
            code, stdout, stderr = render(QUICKSTART, *FLAGS, "--out", folder)
            self.assertEqual(code, 0, stderr)
            written = sorted(path.name for path in pathlib.Path(folder).iterdir())
            self.assertEqual(written, sorted(self.full))
            names = {document["metadata"]["name"] for document in all_of(self.full)
                     if "metadata" in document}
            names |= {volume["secret"]["secretName"]
                      for kind in ("StatefulSet", "Job") for document in all_of(self.full, kind)
                      for volume in template(document)["spec"]["volumes"] if "secret" in volume}
            for line in stdout.splitlines():
                if line.startswith("  kubectl"):
                    self.assertRegex(line, r"-n models|-k ")
                for word in re.findall(r"\brisk-[a-z-]+", line):
                    self.assertIn(word.rstrip("-"), names)
            secrets = re.findall(r"create secret generic (\S+)", stdout)
            self.assertEqual(secrets, [f"risk-{role}-keys"
                                       for role in ("scheduler", "server", "worker")])
            self.assertIn(f"kubectl apply -k {shlex.quote(folder)}\n", stdout)
            again = {name: (pathlib.Path(folder) / name).read_text() for name in written}
            render(QUICKSTART, *FLAGS, "--out", folder)
            self.assertEqual(again, {name: (pathlib.Path(folder) / name).read_text()
                                     for name in written})

    def _refused(self, sentence, *arguments, environment=None):
        code, _, stderr = render(*arguments, environment=environment)
        self.assertEqual(code, 2, stderr)
        self.assertIn(sentence, stderr)


def _server(files):
    return one(files, "StatefulSet", "quickstart-server")


def _container(files, role):
    kind = "Job" if role == "worker" else "StatefulSet"
    return containers(one(files, kind, f"quickstart-{role}"))[-1]


class YamlTest(unittest.TestCase):
    def test_texts_stay_texts(self):
        for text, written in (("a", "a"), ("/etc/x.toml", "/etc/x.toml"), ("a:1", "a:1"),
                              ("yes", '"yes"'), ("No", '"No"'), ("1", '"1"'), ("1e3", '"1e3"'),
                              ("", '""'), ("a: b", '"a: b"'), ("a #b", '"a #b"'),
                              ("-x", '"-x"'), ("$(A)", '"$(A)"'), ("null", '"null"'),
                              ("a\u2028b", '"a\\u2028b"'), ("a:", '"a:"')):
            self.assertEqual(yaml.document({"k": text}), f"k: {written}\n")

    def test_lines_are_a_block(self):
        self.assertEqual(yaml.document({"k": {"x": "a\n\n  b # c\n"}}),
                         "k:\n  x: |\n    a\n\n      b # c\n")
        self.assertEqual(yaml.document({"k": "a\n\n"}), "k: |+\n  a\n\n")
        for text in ("a\nb", " a\n", "a\r\n", "\n"):
            self.assertEqual(yaml.document({"k": text}), f"k: {json.dumps(text)}\n")

    def test_structure(self):
        self.assertEqual(yaml.documents([{"a": [{"b": 1, "c": [True]}, {}], "d": []}, {"e": "f"}]),
                         "a:\n  - b: 1\n    c:\n      - true\n  - {}\nd: []\n---\ne: f\n")


@unittest.skipUnless(shutil.which("kubectl"), "there is no kubectl here to build overlays with")
class OverlayTest(unittest.TestCase):
    def test_overlays_build_over_a_rendered_fleet(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            shutil.copytree(OVERLAYS, root / "overlays")
            code, _, stderr = render(QUICKSTART, *FLAGS, "--set", "device=cuda", "--out",
                                     str(root / "base"))
            self.assertEqual(code, 0, stderr)
            plain = self._built(root / "base")
            self.assertEqual(plain.count("namespace: models"), plain.count("\nkind: "))
            small = self._built(root / "overlays" / "small")
            self.assertNotIn("5Gi", small)
            self.assertNotIn("ReadWriteMany", small)
            self.assertEqual(small.count("storage: 1Gi"), 3)
            gpu = self._built(root / "overlays" / "gpu")
            self.assertIn("key: nvidia.com/gpu", gpu)
            self.assertEqual(gpu.count("nvidia.com/gpu.present: \"true\""), 1)

    def _built(self, folder):
        done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return "\n" + done.stdout


if __name__ == "__main__":
    unittest.main()
