#!/usr/bin/env python3
"""Real fleets on this host, end to end: every transport, bound and model, and the whole of
metrics.json, the names of which scripts rely on."""

import concurrent.futures
import json
import sys
import unittest

from real_fleet import ROOT, FleetTest, Rubato

sys.path.insert(0, str(ROOT / "launch"))
from rubato_cli.files.run_folder import RunFolder  # noqa: E402

# Each pair of (transport, bound), (transport, model) and (bound, model) once.
FLEETS = [("ipc", 0, "linear"), ("tcp", 0, "mlp"), ("ipc", 8, "mlp"), ("tcp", 8, "linear"),
          ("ipc", '"inf"', "linear"), ("tcp", '"inf"', "mlp")]

NAMES = {
    "test": ("auc", "auc_low", "auc_high", "ks", "logloss", "brier", "rows", "positives"),
    "validation": ("auc", "logloss"),
    "train": ("seconds", "rows", "samples_per_second", "clock", "epoch_used",
              "resumed_from_clock"),
    "run": ("seed", "version", "data_sha256"),
    "staleness": ("bound", "max_observed"),
    "updates": ("lost", "duplicates_refused"),
}


def settings(transport, bound, model):
    rate = {"linear": 0.05, "mlp": 0.01}[model]
    return (f"fleet.transport={transport}", f"train.staleness={bound}", f"model.kind={model}",
            f"optimizer.learning_rate={rate}")


class LoopbackTest(FleetTest):
    def run_together(self, fleets):
        """The metrics of fleets that train side by side, by the name of their folder."""
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            runs = {name: pool.submit(self.train_well, name, *words)
                    for name, words in fleets.items()}
            return {name: run.result() for name, run in runs.items()}

    def test_all_transports_bounds_and_models(self):
        fleets = {f"{t}-{str(s).strip(chr(34))}-{m}": (t, s, m) for t, s, m in FLEETS}
        runs = self.run_together({name: settings(*fleet) for name, fleet in fleets.items()})
        for name, (_, bound, _) in fleets.items():
            with self.subTest(fleet=name):
                self.check_metrics(name, runs[name])
                observed = runs[name]["staleness"]["max_observed"]
                if bound in (0, 8):
                    self.assertLessEqual(observed, bound)
                self.assertGreaterEqual(observed, 0)

    def check_metrics(self, name, metrics):
        for section, names in NAMES.items():
            for field in names:
                self.assertIn(field, metrics[section], section)
        test, train = metrics["test"], metrics["train"]
        self.assertGreater(test["auc"], 0.7)
        self.assertLess(test["auc_low"], test["auc"])
        self.assertLess(test["auc"], test["auc_high"])
        self.assertLess(test["positives"], test["rows"])
        self.assertEqual(train["clock"], self.job(name)["last_clock"])
        self.assertEqual(train["resumed_from_clock"], 0)
        self.assertEqual(metrics["updates"]["lost"], 0)
        self.assertEqual(len(metrics["run"]["data_sha256"]), 64)
        pushes = [worker["pushes"] for worker in metrics["workers"]]
        self.assertEqual(len(pushes), 2)
        self.assertGreaterEqual(min(pushes), 0.3 * sum(pushes))
        self.assertEqual(len(metrics["shards"]), 4)
        for shard in metrics["shards"]:
            # Every iteration is one push to every shard: none lost, none applied twice.
            self.assertEqual(shard["pushes"], sum(pushes))
            self.assertGreater(shard["rows_applied"], 0)
        self.assertTrue((self.path / name / "report.html").exists())
        self.check_tables(name, metrics)
        self.check_done(name, train["clock"])

    def check_tables(self, name, metrics):
        """Curves and bins are in evaluation.json, figures in both."""
        evaluation = json.loads((self.path / name / "evaluation.json").read_text())
        for section in ("test", "validation"):
            for field, value in evaluation[section].items():
                if isinstance(value, list):
                    self.assertNotIn(field, metrics[section])
                elif section == "test":
                    self.assertEqual(metrics[section][field], value)
        self.assertGreater(len(evaluation["test"]["roc"]), 10)
        self.assertNotIn("top_features", metrics)

    def check_done(self, name, clock):
        """Workers count to the very end: they say "done" when all they pushed is committed."""
        last = [event["time_ms"] for event in self.events(name, "scheduler-0", "committed")
                if event["clock"] == clock]
        self.assertEqual(len(last), 1)
        for seat in range(2):
            done, = self.events(name, f"worker-{seat}", "done")
            self.assertGreaterEqual(done["time_ms"], last[0])
            self.assertEqual(done["pushes"], clock)
            self.assertGreaterEqual(done["resent"], 0)

    def test_a_model_of_more_tables_than_a_message_holds(self):
        deep = ("fleet.servers=1", "fleet.shards_per_server=1", "model.kind=mlp", "train.epochs=1",
                f"model.hidden={[8] * 40}", "optimizer.learning_rate=0.01")
        runs = self.run_together({f"deep-{s}": (*deep, f"train.staleness={s}") for s in (0, 4)})
        for name, metrics in runs.items():
            self.assertEqual(metrics["train"]["clock"], self.job(name)["last_clock"])
            self.assertGreater(len(self.job(name)["tables"]), 80)
            scored = f"{name}.csv"
            code, _, stderr = Rubato(self.path, ["predict", "--run", name, "--in", "book.csv",
                                                 "--out", scored]).end()
            self.assertEqual(code, 0, stderr)
            with open(self.path / scored, encoding="utf-8") as lines:
                self.assertEqual(sum(1 for _ in lines), self.rows + 1)

    def test_bsp_is_exact_and_another_seed_is_another_run(self):
        runs = self.run_together({"one": (), "two": (), "other": ("train.seed=2",)})
        for field in ("auc", "logloss", "brier"):
            one = runs["one"]["test"][field]
            self.assertAlmostEqual(one, runs["two"]["test"][field], delta=1e-6)
            self.assertNotEqual(one, runs["other"]["test"][field])

    def test_best_epoch_is_the_one_that_is_tested(self):
        metrics = self.train_well("best", "train.best_epoch=true", "train.epochs=4")
        told = self.events("best", "worker-0", "validation")
        best = min(told, key=lambda event: event["figures"]["logloss"])
        self.assertEqual(len(told), 4)
        self.assertEqual(metrics["train"]["epoch_used"], best["epoch"] + 1)
        self.assertEqual(metrics["validation"]["logloss"], best["figures"]["logloss"])

    def test_an_epoch_that_no_worker_validated_is_validated_from_its_snapshot(self):
        whole = self.train_well("missed", "train.best_epoch=true", "train.epochs=3")
        out = self.path / "missed"
        made = json.loads((out / "validations.json").read_text())["validations"]
        RunFolder(str(out)).write_json("validations.json", {"validations": [made[0], made[2]]})
        (out / "metrics.json").unlink()
        code, _, stderr = self.train("missed", "train.best_epoch=true", "train.epochs=3",
                                     resume=True)
        self.assertEqual(code, 0, stderr)
        self.assertIn("epoch 2: nobody has validated it", stderr)
        again = json.loads((out / "validations.json").read_text())["validations"]
        self.assertEqual([event["clock"] for event in again], [event["clock"] for event in made])
        for name, figure in made[1]["figures"].items():  # of the same weights
            self.assertAlmostEqual(again[1]["figures"][name], figure, delta=1e-6)
        self.assertEqual(self.metrics("missed")["train"]["epoch_used"],
                         whole["train"]["epoch_used"])

    def test_best_epoch_keeps_the_validated_snapshots_and_the_last(self):
        between = 0  # on a busy machine few of them are committed
        settings = ("train.best_epoch=true", "snapshot.every_clocks=1")
        for epochs, resume in (2, False), (4, True):
            metrics = self.train_well("kept", f"train.epochs={epochs}", *settings, resume=resume)
            commits = {event["clock"]: event["snapshot"]
                       for event in self.events("kept", "scheduler-0", "committed")}
            told = self.events("kept", "worker-0", "validation")
            validated = [commits[event["clock"]] for event in told]
            self.assertEqual(len(validated), epochs)
            self.assertGreaterEqual(len(commits), epochs + 1)
            between += len(commits) - epochs - 1
            code, stdout, stderr = self.rubato("snapshot", "list", "kept", "--json")
            self.assertEqual(code, 0, stderr)
            listed = json.loads(stdout)
            self.assertEqual({kept["number"] for kept in listed["kept"]},
                             {*validated, commits[max(commits)]})
            self.assertEqual(listed["unused"], [])  # what is there rests on nothing else
            self.assertIn(metrics["train"]["snapshot_used"], validated)
        self.assertGreater(between, 0)


if __name__ == "__main__":
    unittest.main()
