"""A model that is worse than knowing nothing is said to be so, and training that runs away ends."""

import csv
import sys
import unittest

from real_fleet import ROOT, FleetTest

sys.path.insert(0, str(ROOT / "launch"))

import targets  # noqa: E402
from rubato_cli.report import verdict  # noqa: E402

TARGET = targets.described(targets.BINARY)


def figures(loss, constant=0.1, error=0.01):
    return {"test": {"logloss": loss, "constant_logloss": constant, "logloss_error": error}}


def config(**cleanse):
    return {"optimizer": {"learning_rate": 0.5}, "train": {"epochs": 3}, "cleanse": cleanse}


def validations(*losses):
    return {"validations": [{"figures": {"logloss": loss}} for loss in losses]}


class VerdictTest(unittest.TestCase):
    def says(self, loss, *losses, **cleanse):
        return verdict.worse_than_constant(figures(loss), config(**cleanse), validations(*losses),
                                           TARGET)

    def test_a_model_within_one_standard_error_of_the_constant_is_let_be(self):
        for loss in (0.05, 0.1, 0.1099):
            self.assertEqual(self.says(loss, 0.1), "")
        self.assertEqual(verdict.worse_than_constant({"test": {"logloss": 9.0}}, config(), {},
                                                     TARGET), "")

    def test_the_cause_is_told_by_the_losses_of_the_passes(self):
        self.assertIn("lower optimizer.learning_rate, which is 0.5", self.says(0.9, 0.2, 0.4, 0.9))
        self.assertIn("still fell in the last of 3 epochs: raise train.epochs",
                      self.says(0.15, 0.18, 0.16, 0.15))
        self.assertIn("lowest after epoch 1 of 3, at 0.1100", self.says(0.15, 0.11, 0.13, 0.15))
        self.assertIn("correct_prior = false",
                      self.says(0.6, 0.6, class_weights=True, correct_prior=False))


class WorseThanNoneTest(FleetTest):
    rows = 2000

    def warned(self, *command):
        code, stdout, stderr = self.rubato(*command)
        self.assertEqual(code, 0, stderr)
        self.assertIn("warning: ", stdout + stderr)
        self.assertIn("worse than none", stdout + stderr)

    def test_it_is_said_in_train_report_compare_and_predict(self):
        code, stdout, stderr = self.train("none", "cleanse.class_weights=true",
                                          "cleanse.correct_prior=false")
        self.assertEqual(code, 0, stderr)
        self.assertIn("worse than none", stdout)
        page = (self.path / "none" / "report.html").read_text()
        self.assertIn('role="alert"', page)
        self.assertIn("worse than none", page)
        code, _, stderr = self.train("fine", "cleanse.class_weights=true")
        self.assertEqual(code, 0, stderr)
        self.warned("compare", "none", "fine")
        self.warned("predict", "--run", "none", "--in", "few.csv", "--out", "few.scored.csv")
        self.check_levels()

    def check_levels(self):
        """Class weights, corrected back, leave pd at the rate of the rows; uncorrected, they do
        not."""
        means = {}
        for run in ("none", "fine"):
            code, _, stderr = self.rubato("predict", "--run", run, "--in", "book.csv", "--out",
                                          f"{run}.csv")
            self.assertEqual(code, 0, stderr)
            with open(self.path / f"{run}.csv", encoding="utf-8") as lines:
                rows = list(csv.DictReader(lines))
            means[run] = sum(float(row["pd"]) for row in rows) / len(rows)
            rate = sum(row["default"] == "1" for row in rows) / len(rows)
        self.assertAlmostEqual(means["fine"], rate, delta=0.02)
        self.assertGreater(means["none"], rate + 0.1)

    def test_training_that_runs_away_ends_with_4_before_it_is_committed(self):
        code, _, stderr = self.train("away", "train.best_epoch=true", "optimizer.kind=sgd",
                                     "optimizer.learning_rate=10000", "train.epochs=3")
        self.assertEqual(code, 4, stderr)
        self.assertIn("training diverged at clock ", stderr)
        self.assertIn("lower optimizer.learning_rate, which is 10000", stderr)
        self.assertFalse((self.path / "away" / "metrics.json").exists())
        self.assertEqual(self.events("away", "scheduler-0", "committed"), [])


if __name__ == "__main__":
    unittest.main()
