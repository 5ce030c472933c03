"""A target that the launcher has never heard of, from its training to its figures: what is said is
by its target.json, and nothing speaks of an AUC."""

import json
import re
import unittest

import targets
from fake_fleet import FakeFleetTest
from rubato_cli.base.events import ValidationEvent
from rubato_cli.base.failure import FATAL, Failure
from rubato_cli.files import target_metrics
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.report import record, run_page, verdict
from rubato_cli.report.staleness_figure import figure
from rubato_cli.report.staleness_rows import Sweep, row, table, target_after
from rubato_cli.run import best_epoch
from rubato_cli.run.committed import Snapshot

COUNT = targets.described(targets.COUNT)
OF_PROBABILITIES = r"AUC|log loss|Log loss|\bKS\b|Gini|Brier|ositive|probabilit|\brisk\b|DeLong"


class StoryTest(FakeFleetTest):
    """It is trained, and compared with a run of probabilities."""

    def setUp(self):
        super().setUp()
        code, self.stdout, self.stderr = self.train(target="count", best_epoch=True)
        self.assertEqual(code, 0, self.stderr)

    def test_training_says_what_its_target_says(self):
        for line in ("epoch 1: validation deviance 0.4700, mean miss 1 912",
                     "epoch 2: validation deviance 0.5200, mean miss 1 835"):
            self.assertIn(line, self.stderr.splitlines())
        self.assertEqual(self.stdout.splitlines()[1:-2], [
            "best validation deviance after epoch 1, whose weights are used",
            "test deviance 0.4812 [0.4601, 0.5023]  mean miss 1 900  deviance explained 19.8 %  "
            "(1,000 rows, 1,213 claims)",
            "test deviance is 0.1188 lower than that of predicting the best constant of the "
            "training rows for every row, 0.6000 (standard error of the difference 0.0100)",
            "best possible deviance 0.4633 (known, as the data is generated)"])
        code, status, stderr = self.rubato("status", "out")
        self.assertEqual(code, 0, stderr)
        self.assertEqual(status.splitlines()[1:], self.stdout.splitlines()[:-2])
        self.assertNotRegex(self.stdout + self.stderr, OF_PROBABILITIES)

    def test_the_figures_of_the_best_pass_are_kept_by_their_names(self):
        metrics = json.loads((self.out / "metrics.json").read_text())
        self.assertEqual(metrics["validation"], targets.VALIDATED["count"][0])
        self.assertEqual(metrics["train"]["snapshot_used"], 1)
        told = json.loads((self.out / "validations.json").read_text())["validations"]
        self.assertEqual([event["figures"] for event in told], [*targets.VALIDATED["count"]])

    def test_the_page_is_of_its_metrics_and_tables(self):
        run = record.read(str(self.out))
        run.progress = {"0": [(1.0, 0.61, 100.0), (2.0, 0.52, 200.0)]}
        page = run_page.render(run)
        self.assertEqual(re.findall(OF_PROBABILITIES, page), [])
        for words in ("Test deviance", "0.4812", "0.4601 to 0.5023", "0.0179 below this model",
                      "Mean miss", "Deviance explained", "19.8", "Exposure", "871.2",
                      "1\u202f213 claims", "Observed mean against predicted mean",
                      "lies 0.05000 from what was predicted", "1.8 times as much as a bin drawn",
                      "deviance gained when their values are shuffled", "validation deviance",
                      "Loss of the batches of each worker, averaged over short stretches."):
            self.assertTrue(words in page, words)
        self.assertFalse("Ranking" in page)

    def test_runs_of_two_targets_stand_side_by_side(self):
        (self.path / "run.toml").write_text(json.dumps(
            {"servers": 1, "workers": 1, "clocks": 20, "fates": {}}))
        code, _, stderr = self.rubato("train", "run.toml", "--out", "other")
        self.assertEqual(code, 0, stderr)
        code, stdout, stderr = self.rubato("compare", "out", "other")
        self.assertEqual(code, 0, stderr)
        rows = {line.split("  ")[0]: line.split("  ", 1)[1].strip() for line in stdout.splitlines()
                if not line.startswith(" ") and "  " in line}
        for words, figures in (("test deviance", "0.4812 –"), ("test mean miss", "1 900 –"),
                               ("test deviance explained", "19.8 % –"), ("test AUC", "– 0.7500"),
                               ("test exposure", "871.2 –"), ("validation AUC", "– 0.7000"),
                               ("best possible deviance", "0.4633 –")):
            self.assertEqual(re.sub(" +", " ", rows[words]), figures)
        self.assertNotIn("*", stdout)
        self.assertIn("differ in target: count (out), binary (other); ", stdout)
        self.assertLess(stdout.index("test mean miss"), stdout.index("test AUC"))

    def test_runs_of_this_target_have_a_best_one(self):
        code, _, stderr = self.rubato("train", str(self.path / "run.toml"), "--out", "other")
        self.assertEqual(code, 0, stderr)
        metrics = json.loads((self.path / "other" / "metrics.json").read_text())
        metrics["test"]["deviance"] -= 0.1
        metrics["test"]["explained"] -= 0.1
        metrics["test"]["exposure"] -= 0.1
        del metrics["sha256"]
        RunFolder(str(self.path / "other")).write_json("metrics.json", metrics)
        code, stdout, _ = self.rubato("compare", "out", "other")
        self.assertEqual(code, 0)
        self.assertRegex(stdout, r"test deviance +0\.4812 +0\.3812\*\n")
        self.assertRegex(stdout, r"test deviance explained +19\.8 %\* +9\.8 %\n")
        self.assertRegex(stdout, r"test exposure +871\.2 +871\.1\n")
        self.assertNotRegex(stdout, OF_PROBABILITIES)


class BestEpochTest(FakeFleetTest):
    def best(self, target, *figures):
        self.out.mkdir(exist_ok=True)
        folder = RunFolder(str(self.out))
        folder.write_json("target.json", target)
        folder.write_json("validations.json", {"validations": [
            {"epoch": i, "clock": 10 * i + 9, "figures": each} for i, each in enumerate(figures)]})
        return best_epoch.snapshot(folder, [Snapshot(i + 1, 10 * i + 9)
                                            for i in range(len(figures))])

    def test_is_by_the_metric_that_the_target_names(self):
        figures = ({"auc": 0.7, "logloss": 0.4}, {"auc": 0.9, "logloss": 0.5},
                   {"auc": 0.8, "logloss": 0.3})
        self.assertEqual(self.best(targets.BINARY, *figures), 3)
        self.assertEqual(self.best({**targets.BINARY, "chosen_by": "auc"}, *figures), 2)

    def test_a_figure_that_is_no_number_is_never_best(self):
        self.assertEqual(self.best(targets.COUNT, {"deviance": None}, {"deviance": 7.0}), 2)
        self.assertIsNone(self.best(targets.COUNT, {"deviance": None}))


class VerdictTest(unittest.TestCase):
    def says(self, value, *told, target=COUNT):
        judge = target.judge.name
        return verdict.worse_than_constant(
            {"test": {judge: value, f"constant_{judge}": 0.6, f"{judge}_error": 0.01}},
            {"optimizer": {"learning_rate": 0.5}, "train": {"epochs": 3}},
            {"validations": [{"figures": {judge: one}} for one in told]}, target)

    def test_goes_by_the_metric_of_the_target(self):
        self.assertEqual(self.says(0.605), "")
        self.assertIn("its test deviance is 0.7000, and predicting the best constant of the "
                      "training rows for every row has 0.6000", self.says(0.7, 0.7, 0.65))
        self.assertIn("its validation deviance still fell", self.says(0.7, 0.7, 0.65))

    def test_knows_which_end_is_better(self):
        up = targets.described({**targets.BINARY, "chosen_by": "auc"})
        self.assertEqual(self.says(0.595, target=up), "")
        self.assertIn("its validation AUC was highest after epoch 1 of 2, at 0.5500",
                      self.says(0.5, 0.55, 0.5, target=up))


class BenchTest(unittest.TestCase):
    result = {"train": {"samples_per_second": 2000.0, "seconds": 4.0},
              "staleness": {"max_observed": 7}, "test": {"deviance": 0.49},
              "validation": {"deviance": 0.5, "constant_deviance": 0.6},
              "workers": [{"pushes": 400, "seconds": {"compute": 3.0, "wait": 1.0}}]}
    validations = [ValidationEvent(seconds=seconds, figures={"deviance": value}) for seconds, value
                   in ((1.0, 0.55), (2.0, 0.5009), (3.0, 0.5), (4.0, None))]

    def test_the_target_is_a_hundredth_of_the_gain_short(self):
        self.assertAlmostEqual(target_after(self.result, COUNT.lead), 0.501)
        for validation in ({"deviance": 0.5}, {"deviance": 0.5, "constant_deviance": 0.4}):
            self.assertAlmostEqual(
                target_after({"validation": validation}, COUNT.lead), 0.505)

    def test_a_smaller_figure_reaches_it(self):
        one = row("0", self.result, self.validations, COUNT.lead, 0.501)
        self.assertEqual((one.seconds_to_target, one.validation, one.test), (2.0, 0.5, 0.49))
        sweep = Sweep("claims", "equal workers", False, COUNT.lead, 0.501, [one])
        words = "\n".join([*table(sweep), figure(sweep)])
        self.assertIn("to deviance 0.5010", words)
        self.assertIn("seconds to a validation deviance of 0.5010", words)
        self.assertNotRegex(words, OF_PROBABILITIES)


class ReadTest(FakeFleetTest):
    def refused(self, **changes):
        self.out.mkdir(exist_ok=True)
        folder = RunFolder(str(self.out))
        folder.write_json("target.json", {**targets.COUNT, **changes})
        with self.assertRaises(Failure) as caught:
            target_metrics.read(folder)
        self.assertEqual(caught.exception.code, FATAL)
        self.assertIn("out/target.json: ", caught.exception.sentence)
        return caught.exception.sentence

    def test_what_is_no_description_is_refused_in_a_sentence(self):
        deviance, miss, *others = targets.COUNT["metrics"]
        self.assertIn('there is no text "kind"', self.refused(kind=7))
        for metrics in (None, [], 7, others, [{**deviance, "better": ""}, miss]):
            self.assertIn("its first metric is none that is told", self.refused(metrics=metrics))
        self.assertIn('metric 1: there is no text "name"', self.refused(metrics=[7]))
        for key in ("better", "format", "use"):
            self.assertIn(f"metric 2: nothing is known of \"{key}\": 'odd'",
                          self.refused(metrics=[deviance, {**miss, key: "odd"}]))
        self.assertIn("\"chosen_by\": no metric 'explained' is told at each validation",
                      self.refused(chosen_by="explained"))
        self.assertIn("\"loss\": no metric 'x' is told", self.refused(loss="x"))

    def test_a_run_of_an_older_make_says_so(self):
        self.out.mkdir()
        folder = RunFolder(str(self.out))
        self.assertEqual(target_metrics.find(folder).metrics, ())
        with self.assertRaisesRegex(Failure, "has no target.json, so an older Rubato made it"):
            target_metrics.read(folder)


if __name__ == "__main__":
    unittest.main()
