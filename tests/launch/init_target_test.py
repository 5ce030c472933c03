#!/usr/bin/env python3
"""`rubato init` on labels that are numbers: which target it guesses, and what it says of it."""

import json
import random
import sys
import unittest

from real_fleet import ROOT, FleetTest

sys.path.insert(0, str(ROOT / "launch"))
from rubato_cli.own_data import number_label, target_guess  # noqa: E402

ROWS = 2400
BINARY = """\
# Written by `rubato init`. All keys with their defaults: `rubato-data config late.toml`.

[data]
path = "policies.csv"
label = "late"
positive = "yes"  # guessed from the word 'yes'
drop = ["policy"]
categorical = ["region"]
missing = []

[model]
kind = "mlp"  # or "linear", "wide_deep", "deepfm"

[train]
staleness = 0  # 0: all workers in step; "inf": nobody waits
"""


def policies():
    """Lines of a made-up book: some columns are labels of each kind."""
    rng = random.Random(5)
    yield "policy,age,region,Exposure,ClaimNb,lossRatio,price,grade,change,spread,late"
    for i in range(ROWS):
        claims = int(rng.random() < 0.08) + int(rng.random() < 0.01)
        loss = claims * rng.gammavariate(1, 2)
        late = "yes" if rng.random() < 0.2 else "no"
        years = 1.5 if i == 9 else rng.randint(1, 100) / 100
        yield (f"{i},{rng.randint(18, 80)},{rng.choice('ABC')},{years},{claims},{loss:.3f},"
               f"{rng.randint(900, 1300)},{rng.randint(1, 5)},{rng.gauss(0, 3):.2f},"
               f"{rng.gammavariate(1, 40) + 0.01:.2f},{late}")


def numbers(name, **changes):
    """A label of numbers."""
    held = {"values": 201, "whole": True, "zeros": 0.0, "smallest": 1.0, "median": 50.0,
            "p99": 90.0, "largest": 100.0, **changes}
    return target_guess.Numbers(name, **held)


class GuessTest(unittest.TestCase):
    def kind_of(self, name, **changes):
        guess = target_guess.guess(numbers(name, **changes))
        return guess and guess.kind

    def test_whole_numbers_are_counts_by_their_zeros_or_their_name(self):
        from_0 = {"smallest": 0.0, "median": 0.0}
        for name, held, kind in (
                ("y", {"values": 4, "zeros": 0.9, **from_0}, "count"),
                ("y", {"values": 4, "zeros": 0.6, **from_0}, None),
                ("NbAccidents", {"values": 4, "zeros": 0.2, **from_0}, "count"),
                ("event_count", {}, "count"),
                ("cnt", {"smallest": -1.0}, "real"),
                ("ClaimNb", {"whole": False, "zeros": 0.9, **from_0}, "tweedie"),
                ("claim_cost", {"zeros": 0.9, **from_0}, "tweedie")):
            self.assertEqual(self.kind_of(name, **held), kind, name)

    def test_other_numbers_are_told_by_their_shape_and_their_name(self):
        skewed = {"whole": False, "median": 10.0, "p99": 80.0}
        for name, held, kind in (
                ("y", skewed, "amount"), ("y", {**skewed, "whole": True}, "real"),
                ("y", {**skewed, "median": 40.0}, "real"), ("SalePrice", {}, "amount"),
                ("price_class", {"values": 5}, None),
                ("y", {**skewed, "smallest": -3.0}, "real"),
                ("y", {**skewed, "smallest": 0.0, "zeros": 0.3}, "tweedie"),
                ("y", {**skewed, "smallest": 0.0, "zeros": 0.1}, "real"),
                ("y", {"values": 12, "whole": False}, None), ("y", {"values": 13}, "real")):
            self.assertEqual(self.kind_of(name, **held), kind, (name, held))

    def test_a_share_of_nearly_all_is_not_all(self):
        guess = target_guess.guess(numbers("y", values=3, zeros=0.9999, smallest=0.0, largest=2.0))
        self.assertEqual(guess.why, "whole numbers from 0 to 2, 99.9 % of them 0")

    def test_an_exposure_is_named_so_above_0_and_at_most_a_few_units(self):
        years = {"name": "Exposure", "type": "number", "missing": 0, "texts": 0, "whole": False,
                 "sentinels": [], "smallest": 0.1, "p99": 1.0, "largest": 2.0}
        found = number_label.find_exposure([years])
        self.assertEqual(found.column, "Exposure")
        self.assertEqual(found.cap, "99 % are at most 1, the largest is 2")
        for change in ({"smallest": 0.0}, {"largest": 12.0}, {"missing": 1}, {"texts": 1},
                       {"name": "age"}, {"name": {"latin1": "Exposure"}}, {"type": "left_out"},
                       {"name": "policy_years", "whole": True},
                       {"type": "number", "sentinels": [{"value": "99", "rows": 7}]}):
            self.assertIsNone(number_label.find_exposure([{**years, **change}]), change)
        for change in ({"p99": 1.2}, {"largest": 1.0}):
            self.assertEqual(number_label.find_exposure([{**years, **change}]).cap, "")
        both = [{**years, "name": "insured_years"}, {**years, "whole": True}]
        self.assertEqual(number_label.find_exposure(both).column, "Exposure")


class InitTargetTest(FleetTest):
    rows = 50

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.path / "policies.csv").write_text("\n".join(policies()) + "\n")

    def init(self, label, *flags, data="policies.csv"):
        """(exit code, run file, standard output, standard error)"""
        out = self.path / f"{label}.toml"
        out.unlink(missing_ok=True)
        code, stdout, stderr = self.rubato("init", data, "--label", label, "--out", out.name,
                                           *flags)
        self.assertNotIn("Traceback", stderr)
        return code, out.read_text() if out.exists() else "", stdout, stderr

    def test_a_binary_label_has_the_run_file_that_it_always_had(self):
        code, text, stdout, stderr = self.init("late")
        self.assertEqual(code, 0, stderr)
        self.assertEqual(text, BINARY)
        self.assertIn(" positive (late = yes); ", stdout)
        self.assertEqual(self.init("late", "--target", "binary")[1], text)

    def test_each_kind_of_label_has_its_target_and_the_reason_is_said(self):
        for label, kind, why in (
                ("ClaimNb", "count", "whole numbers from 0 to 2, 9"),
                ("lossRatio", "tweedie", "numbers from 0 to "),
                ("price", "amount", "numbers from 900 to 1,300, and 'price' in its name says"),
                ("spread", "amount", "few of them large: half are at most "),
                ("change", "real", "and nothing says that they are counts or amounts")):
            code, text, stdout, stderr = self.init(label)
            self.assertEqual(code, 0, stderr)
            because = f'target: "{kind}", because {label} holds '
            for said in (text, stdout):
                self.assertIn(because, said)
                self.assertIn(why, said)
                self.assertNotIn("positive =", said)
            self.assertIn(f'\nkind = "{kind}"\n', text)
            self.assertIn('kind = "mlp"  # or "linear"', text)
            self.assertNotIn("rows positive", stdout)
            self.assertEqual('\nexposure = "Exposure"' in text, kind in ("count", "tweedie"), text)

    def test_an_exposure_is_found_and_a_cap_proposed(self):
        code, text, stdout, stderr = self.init("ClaimNb")
        self.assertEqual(code, 0, stderr)
        self.assertIn('exposure = "Exposure"  # by its name and its numbers from 0.01 to 1.5\n'
                      "# cap_exposure = 1.0  # 99 % are at most 1, the largest is 1.5\n", text)
        self.assertIn("  exposure: Exposure, by its name", stdout)
        self.assertRegex(stdout, "\n  Exposure   exposure +0 +[0-9]+ .*  by its name and its ")
        # What claims cost tells which rows have any.
        self.assertIn('drop = ["policy", "lossRatio"]\n', text)
        self.assertIn(f"{ROWS:,} rows; 5 numeric and 2 categorical columns, 2 left out", stdout)

    def test_a_run_file_of_counts_trains(self):
        self.assertEqual(self.init("ClaimNb")[0], 0)
        code, _, stderr = self.train("run", "train.epochs=1", run="ClaimNb.toml")
        self.assertEqual(code, 0, stderr)
        self.assertIn("poisson_deviance_x100", self.metrics("run")["test"])

    def test_few_numbers_that_may_be_classes_are_a_question(self):
        code, text, _, stderr = self.init("grade")
        self.assertEqual((code, text), (2, ""))
        self.assertIn("say which count as 1 (the rest counts as 0)", stderr)
        self.assertIn("; or learn each of them, with --target classes", stderr)
        self.assertIn("; or learn the number itself, as in --target count or --target real", stderr)
        code, text, _, stderr = self.init("grade", "--target", "real")
        self.assertEqual(code, 0, stderr)
        self.assertIn('[target]\nkind = "real"\n', text)
        code, text, _, stderr = self.init("grade", "--positive", "5")
        self.assertEqual(code, 0, stderr)
        self.assertNotIn("[target]", text)
        code, text, _, stderr = self.init("grade", "--target", "classes")
        self.assertEqual(code, 0, stderr)
        self.assertIn('[target]\nkind = "classes"\n', text)

    def test_words_that_are_neither_good_nor_bad_are_classes(self):
        (self.path / "trees.csv").write_text("x,tree\n" + "1,oak\n2,elm\n3,ash\n" * 20)
        code, text, stdout, stderr = self.init("tree", data="trees.csv")
        self.assertEqual(code, 0, stderr)
        because = "target: \"classes\", because tree holds 'oak' (20), 'elm' (20), 'ash' (20)"
        self.assertIn(f"# {because}\nkind = \"classes\"\n", text)
        self.assertIn(f"{because}; if some of them against the rest are meant, give --positive",
                      stdout)
        self.assertIn("3 classes (tree)", stdout)

    def test_quantiles_are_asked_for_and_named_in_the_run_file(self):
        code, text, _, stderr = self.init("change", "--target", "quantile")
        self.assertEqual(code, 0, stderr)
        self.assertIn('kind = "quantile"\nquantiles = [0.05, 0.5, 0.95]', text)

    def test_a_target_that_the_label_does_not_fit_names_a_value(self):
        *_, region, _, _, _, _, _, _, spread, _ = list(policies())[1].split(",")
        for label, kind, value in (("spread", "count", f"{spread}'"), ("ClaimNb", "amount", "0'"),
                                   ("region", "real", f"{region}'"), ("change", "tweedie", "-")):
            code, text, _, stderr = self.init(label, "--target", kind)
            self.assertNotEqual(code, 0)
            self.assertEqual(text, "")
            self.assertIn(f"the label is '{value}", stderr)
            self.assertIn(", and the target learns a number" if kind != "count" else
                          ", and the target learns a whole number from 0 on", stderr)

    def test_a_class_and_a_number_are_not_both_learnt(self):
        code, _, _, stderr = self.init("ClaimNb", "--target", "count", "--positive", "1")
        self.assertEqual(code, 2)
        self.assertTrue(stderr.endswith("--positive names a class, and --target count learns the "
                                        "number itself; leave one of them out\n"), stderr)

    def test_two_numbers_may_be_counts(self):
        (self.path / "two.csv").write_text("x,y\n" + "1.5,0\n2.5,0\n3.5,1\n" * 20)
        self.assertIn("positive = ", self.init("y", data="two.csv")[1])
        _, text, stdout, stderr = self.init("y", "--target", "count", data="two.csv")
        self.assertIn('[target]\nkind = "count"\n', text, stderr)
        self.assertNotIn("because", stdout)

    def test_numbers_in_which_a_line_is_no_row_are_no_choice(self):
        (self.path / "total.csv").write_text("x,y\n" + "1.5,0\n2.5,0\n3.5,1\n" * 20 + "9,20\n")
        code, _, _, stderr = self.init("y", data="total.csv")
        self.assertEqual(code, 2)
        self.assertIn("if the row of '20' is a total", stderr)
        self.assertIn("; or learn the number itself, as in --target count", stderr)

    def test_many_numbers_are_no_classes(self):
        for flags in (["--target", "binary"], ["--positive", "1000"]):
            code, _, _, stderr = self.init("price", *flags)
            self.assertEqual(code, 2)
            self.assertIn("more than 200 values, and classes are a few; choose another", stderr)

    def test_the_answer_to_a_program_names_the_target(self):
        code, _, stdout, stderr = self.init("price", "--json")
        self.assertEqual(code, 0, stderr)
        self.assertEqual(json.loads(stdout)["target"], "amount")


if __name__ == "__main__":
    unittest.main()
