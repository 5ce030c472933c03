#!/usr/bin/env python3
"""Predictions of real processes: the figures of a run come back out of its predictions."""

import csv
import gzip
import hashlib
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("RUBATO_BIN", ROOT / "build" / "release" / "bin"))
DATA = os.environ.get("RUBATO_DATA_DIR")
DEADLINE_SECONDS = 300.0

RUN = """
[fleet]
servers = 2
workers = 2
[model]
hidden = [8]
embedding_dim = 4
[optimizer]
kind = "adam"
learning_rate = 0.01
[train]
epochs = 2
batch = 32
best_epoch = true
[split]
train_percent = 70
validation_percent = 10
[data]
"""


def is_test_row(row):
    """The split rule: the row's index through MD5."""
    digest = hashlib.md5(str(row).encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100 >= 80


def auc(rows):
    """rows: (score, 1 for a positive). Mann and Whitney; ties count one half."""
    above, negatives_below = 0.0, 0
    for _, group in itertools.groupby(sorted(rows), key=lambda row: row[0]):
        labels = [label for _, label in group]
        negatives = labels.count(0)
        above += labels.count(1) * (negatives_below + negatives / 2)
        negatives_below += negatives
    return above / (negatives_below * (len(rows) - negatives_below))


class PredictTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="predict-test-")
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name)
        self.environment = {**os.environ, "RUBATO_BIN": str(BUILD)}

    def rubato(self, *arguments, python=sys.executable, **how):
        done = subprocess.run([python, "-B", ROOT / "launch" / "rubato", *arguments],
                              cwd=self.path, env=self.environment, text=True,
                              capture_output=True, timeout=DEADLINE_SECONDS, **how)
        self.assertNotIn("Traceback", done.stderr)
        return done

    def train(self, run_file, *arguments):
        """Trains into run/ and returns the test AUC of its metrics."""
        done = self.rubato("train", run_file, "--out", "run", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads((self.path / "run" / "metrics.json").read_text())["test"]["auc"]

    def top_features(self, key):
        evaluation = json.loads((self.path / "run" / "evaluation.json").read_text())
        return {feature["name"]: feature[key] for feature in evaluation["top_features"]}

    def train_loans(self, kind):
        """A small generated loan book, loans.csv, and a model of it."""
        subprocess.run([BUILD / "rubato-data", "generate", "--rows", "3000", "--out",
                        self.path / "loans.csv"], check=True, capture_output=True)
        (self.path / "run.toml").write_text(
            RUN + 'path = "loans.csv"\nlabel = "default"\npositive = "1"\ndrop = ["true_pd"]\n')
        return self.train("run.toml", "--set", f"model.kind={kind}")

    def predict(self, source):
        done = self.rubato("predict", "--run", "run", "--in", source, "--out", "out.csv")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path / "out.csv", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def refuse(self, source, code, *words):
        (self.path / "out.csv").write_text("earlier")
        done = self.rubato("predict", "--run", "run", "--in", source, "--out", "out.csv")
        self.assertEqual(done.returncode, code, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertIn(f"\nrubato: {source}:", done.stderr)  # no process, exit code or log
        self.assertNotIn("its log is", done.stderr)
        self.assertEqual((self.path / "out.csv").read_text(), "earlier")
        self.assertEqual(list(self.path.glob(".rubato-*")), [])

    def assert_same_auc(self, predicted, label, expected):
        rows = [(float(row["pd"]), int(row[label]))
                for i, row in enumerate(predicted) if is_test_row(i)]
        self.assertGreater(len(rows), 500)
        self.assertAlmostEqual(auc(rows), expected, delta=1e-6)

    def test_generated_loans_by_an_mlp(self):
        expected = self.train_loans("mlp")
        self.assertIn("credit_score", self.top_features("importance"))
        predicted = self.predict("loans.csv")
        self.assert_same_auc(predicted, "default", expected)
        with open(self.path / "loans.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([{k: v for k, v in row.items() if k != "pd"} for row in predicted], rows)
        # The label, and the order of columns, are of no concern.
        columns = [name for name in reversed(rows[0]) if name != "default"]
        with gzip.open(self.path / "other.csv.gz", "wt", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, delimiter=";", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        again = self.predict("other.csv.gz")  # one column, by csv's default separator
        self.assertEqual([next(iter(row.values())).rsplit(";", 1)[1] for row in again],
                         [row["pd"] for row in predicted])

    def test_unknown_values_are_counted_and_may_be_refused(self):
        self.train_loans("linear")
        with open(self.path / "loans.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))[:40]
        for row in rows[:30]:
            row["home"] = "castle"
        with open(self.path / "new.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        command = ("predict", "--run", "run", "--in", "new.csv", "--out", "new_out.csv")
        done = self.rubato(*command, "--max-unknown", "0.8", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        sentence = ("column 'home': 30 of 40 values (75 %), the first 'castle' in line 2, were "
                    "never seen in training")
        self.assertIn(sentence, done.stderr)
        novelty, = [n for n in json.loads(done.stdout)["novelties"] if n["column"] == "home"]
        self.assertEqual(novelty["levels"], {"cells": 30, "first": "castle", "line": 2})
        self.assertRegex(done.stderr, r"column 'home': its 40 values are spread otherwise than "
                         r"those of training \(population stability index \d")
        (self.path / "new_out.csv").write_text("earlier")
        done = self.rubato(*command, "--max-drift", "0.5")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("column 'home' is spread otherwise than in training", done.stderr)
        self.assertIn("--max-drift 0.5 allows less, so nothing was written", done.stderr)
        self.assertEqual((self.path / "new_out.csv").read_text(), "earlier")
        done = self.rubato(*command, "--max-unknown", "0.7")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn(f"{sentence}, and score as an average level; --max-unknown 0.7 allows less, "
                      "so nothing was written", done.stderr)
        self.assertEqual((self.path / "new_out.csv").read_text(), "earlier")
        for share in ("7", "x", "101%"):
            done = self.rubato(*command, "--max-unknown", share)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"--max-unknown: {share} is no share from 0 to 1; say 0.05, or 5%",
                          done.stderr)
        self.assertEqual(self.rubato(*command, "--max-unknown", "80 %").returncode, 0)

    def test_bad_files_leave_earlier_predictions_alone(self):
        self.train_loans("linear")
        text = (self.path / "loans.csv").read_text()
        (self.path / "renamed.csv").write_text(text.replace("savings", "saving", 1))
        self.refuse("renamed.csv", 2, "no column 'savings'", "did you mean 'saving'?")
        lines = text.splitlines()
        lines[2500] += ",1"
        (self.path / "ragged.csv").write_text("\n".join(lines))
        self.refuse("ragged.csv", 4, "ragged.csv:2501: the row has 17 fields, the header has 16")
        (self.path / "again.csv").write_text(text.replace("true_pd", "pd", 1))
        self.refuse("again.csv", 2, "a column 'pd' already")

    def test_a_run_that_may_only_be_read(self):
        self.train_loans("linear")
        run, out = self.path / "run", self.path / "scored"
        (run / "logs" / "worker-0.log").unlink()  # a finished run needs none
        expected = self.predict("loans.csv")
        for path in [self.path, run, *run.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
            self.addCleanup(path.chmod, 0o755)
        out.mkdir()
        out.chmod(0o777)
        before = {path: path.stat().st_mtime_ns for path in [run, *run.rglob("*")]}
        reader = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        if subprocess.run(["test", "-x", BUILD / "rubato-data"], **reader, check=False).returncode:
            self.skipTest("nobody else may use this build")
        reader["python"] = "/usr/bin/python3"  # that of the tests may be root's own
        done = self.rubato("predict", "--run", "run", "--in", "loans.csv", "--out",
                           "scored/out.csv", **reader)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(out / "out.csv", encoding="utf-8", newline="") as file:
            self.assertEqual(list(csv.DictReader(file)), expected)
        self.assertEqual({path: path.stat().st_mtime_ns for path in [run, *run.rglob("*")]}, before)
        self.assertEqual(self.rubato("status", "run", **reader).returncode, 0)

    def test_libsvm_gives_one_column(self):
        lines = []
        for i in range(3000):
            label = int(hashlib.md5(f"label {i}".encode()).hexdigest(), 16) % 2
            noise = int(hashlib.md5(f"noise {i}".encode()).hexdigest(), 16) % 3
            lines.append(f"{2 * label - 1} {1 + (label if noise else 1 - label)}:1 {10 + i % 7}:2")
        (self.path / "rows.svm").write_text("\n".join(lines))
        (self.path / "run.toml").write_text(
            RUN + 'path = "rows.svm"\nformat = "libsvm"\npositive = "1"\n')
        expected = self.train("run.toml")
        weights = self.top_features("weight")
        self.assertLess(weights["feature 1"], 0)
        self.assertGreater(weights["feature 2"], 0)
        predicted = self.predict("rows.svm")
        self.assertEqual(list(predicted[0]), ["pd"])
        labelled = [{**row, "y": line.startswith("1")} for row, line in zip(predicted, lines)]
        self.assert_same_auc(labelled, "y", expected)
        # A feature that training never saw changes nothing.
        (self.path / "rows.svm").write_text("\n".join(f"{line} 999:5" for line in lines))
        self.assertEqual(self.predict("rows.svm"), predicted)

    @unittest.skipUnless(DATA, "RUBATO_DATA_DIR is not set: no real data to test with")
    def test_credit_cards(self):
        expected = self.train(str(ROOT / "launch" / "runs" / "taiwan_default.toml"), "--set",
                              "train.epochs=1", "--set", "split.train_percent=70", "--set",
                              "split.validation_percent=10")
        predicted = self.predict(f"{DATA}/taiwan_default/UCI_Credit_Card.csv.gz")
        self.assertEqual(len(predicted), 30000)
        self.assert_same_auc(predicted, "class", expected)


if __name__ == "__main__":
    unittest.main()
