#!/usr/bin/env python3
"""Counts, amounts, pure premiums and numbers, from a small file to their page: what is said is of
events and amounts, and nothing speaks of classes."""

import copy
import csv
import hashlib
import math
import pathlib
import random
import re
import sys
import unittest

from real_fleet import ROOT, FleetTest
from report_test import Page, spoil

sys.path.insert(0, str(ROOT / "launch"))

import targets  # noqa: E402
from rubato_cli.base import units  # noqa: E402
from rubato_cli.report import mean_figures, run_page, segment_figures, verdict  # noqa: E402
from rubato_cli.report.record import Record  # noqa: E402

OF_CLASSES = r"AUC|[Ll]og loss|\bKS\b|Brier|[Pp]ositive|probabilit|\brisk\b|DeLong|\bpd\b|default"

# Names that scripts rely on: figures of metrics.json's test, validation and constant, and the
# columns that predict adds.
FIGURES = {"count": ["poisson_deviance_x100", "gini"], "amount": ["gamma_deviance", "rmse"],
           "tweedie": ["tweedie_deviance", "gini"], "real": ["rmse", "mae", "r2"]}
COLUMNS = {"count": ["rate", "expected"], "amount": ["mean"], "tweedie": ["mean"],
           "real": ["mean"]}

# Kind -> what is learned of book.csv.
SECTIONS = {
    "count": 'label = "claims"\ndrop = ["paid", "cost", "level"]\n[target]\nexposure = "years"\n',
    "amount": 'label = "cost"\ndrop = ["paid", "level"]\n[target]\nweight = "claims"\n',
    "tweedie": 'label = "paid"\ndrop = ["claims", "cost", "level"]\n[target]\nexposure = "years"\n',
    "real": 'label = "level"\ndrop = ["paid", "cost", "claims", "years"]\n[target]\n'}


def book(rows):
    """A made-up book of policies, line by line: claims, what they cost, and a number."""
    rng = random.Random(3)
    yield "age,region,years,claims,paid,cost,level"
    for _ in range(rows):
        age, region, years = rng.randint(18, 80), rng.choice("ABCD"), rng.randint(1, 4) / 4
        pull = 0.03 * (50 - age) + 0.4 * "ABCD".index(region)
        claims = sum(rng.random() < 0.05 * math.exp(pull) * years for _ in range(5))
        cost = rng.gammavariate(2, 500 * math.exp(pull))
        yield (f"{age},{region},{years},{claims},{claims * cost:.2f},{cost:.2f},"
               f"{10 * pull + rng.gauss(0, 5):.3f}")


def is_test_row(number):
    """The published rule of split.kind = "hash"."""
    return int(hashlib.md5(str(number).encode()).hexdigest()[:8], 16) % 100 >= 85


class StoryTest(FleetTest):
    rows = 50

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.path / "book.csv").write_text("\n".join(book(1500)) + "\n")
        for kind, section in SECTIONS.items():
            (cls.path / f"{kind}.toml").write_text(
                f'[model]\nkind = "linear"\n[train]\nstaleness = 0\nepochs = 1\nbatch = 64\n'
                f'[data]\npath = "book.csv"\n{section}kind = "{kind}"\n')

    def story(self, kind):
        """(standard output, page without the keys of the run file, test figures) of a run."""
        code, stdout, stderr = self.train(kind, run=f"{kind}.toml")
        self.assertEqual(code, 0, stderr)
        page, _, _ = (self.path / kind / "report.html").read_text("utf-8").partition(
            "Every key of the run file")
        told = re.sub("<meta [^>]*>", "", page) + stdout + stderr
        self.assertEqual(re.findall(OF_CLASSES, told), [])
        metrics = self.metrics(kind)
        for part in ("test", "validation", "constant"):
            self.assertLessEqual(set(FIGURES[kind]), set(metrics[part]), part)
        return stdout, page, metrics["test"]

    def predict(self, kind):
        """The rows of book.csv and what the run says of them."""
        code, _, stderr = self.rubato("predict", "--run", kind, "--in", "book.csv", "--out",
                                      f"{kind}.csv")
        self.assertEqual(code, 0, stderr)
        with open(self.path / f"{kind}.csv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(list(rows[0])[7:], COLUMNS[kind])
        return rows

    def said(self, page, *words):
        for each in words:
            self.assertTrue(each in page, each)

    def test_events_are_counted_and_set_against_what_was_expected(self):
        stdout, page, test = self.story("count")
        self.said(page, f"{test['events']} events happened, {test['expected']:.0f} were expected "
                  f"(actual / expected {test['actual_expected']:.2f}).",
                  "Observed against expected", "mean per unit of exposure", "share of events",
                  f"Gini {test['gini']:.4f} is twice the area")
        self.assertRegex(stdout, r"\ntest Poisson deviance x100 is \d+\.\d{4} lower than that of "
                         r"predicting the mean rate of the training rows for every row, \d")
        for row in self.predict("count"):
            expected = float(row["expected"])
            self.assertAlmostEqual(float(row["rate"]) * float(row["years"]), expected,
                                   delta=1e-5 * expected)

    def test_amounts_are_by_what_they_are_weighed_with(self):
        _, page, test = self.story("amount")
        self.said(page, f"(actual / expected {test['actual_expected']:.2f}).", "Lorenz curve",
                  f"All test rows together come to {units.amount(test['actual'])}, and",
                  "mean per unit of weight", "share of what was observed")
        with open(self.path / "book.csv", encoding="utf-8") as file:
            paid = sum(float(row["paid"]) for i, row in enumerate(csv.DictReader(file))
                       if is_test_row(i))
        self.assertAlmostEqual(test["actual"], paid, delta=1)
        self.predict("amount")

    def test_pure_premiums_are_by_exposure(self):
        _, page, _ = self.story("tweedie")
        self.said(page, "All test rows together come to ", "of all exposure", "Lorenz curve",
                  "mean per unit of exposure")
        self.predict("tweedie")

    def test_numbers_are_said_to_be_off_by_so_much(self):
        _, page, test = self.story("real")
        self.said(page, "On average a label lies ",
                  f"explains {100 * test['r2']:.1f}\u202f% of the variance", "a constant",
                  "lower than that of predicting the mean of the training rows for every row")
        self.assertFalse("Observed against expected" in page)
        rows = self.predict("real")
        off = sum(abs(float(row["level"]) - float(row["mean"])) for row in rows) / len(rows)
        self.assertAlmostEqual(off, test["mae"], delta=0.1 * test["mae"])


SEGMENTS = [
    {"column": "town", "segments": [{"name": "a", "size": 60.0, "actual": 9, "expected": 12.0},
                                    {"name": "b", "size": 40.0, "actual": 24, "expected": 18.0}]},
    {"column": "broken", "segments": [{"name": "c", "size": "many"}]}]


def made_up(**test):
    """A run of counts with these test figures, and with tables."""
    bins = [{"rows": 50, "size": 20.0, "mean_predicted": 0.1 * i, "observed": 0.11 * i}
            for i in range(1, 6)]
    curve = [{"size": size, "actual": size * size} for size in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    figures = {"rows": 250, "size": 100.0, "actual": 33, "expected": 30.0,
               "actual_expected": 1.1, "deviance": 0.5, "constant_deviance": 0.6,
               "deviance_error": 0.02, "gini": 0.33, "claims": 33, **test}
    return Record(pathlib.Path("made-up"), {"test": figures},
                  {"test": {"calibration": bins, "lorenz": curve}, "segments": SEGMENTS},
                  {"target": {"exposure": "years"}}, {},
                  target=targets.described(targets.COUNT))


class WordsTest(unittest.TestCase):
    def test_what_can_be_counted_is_said_to_happen(self):
        for test, words in (
                ({}, "33 claims happened, 30 were expected (actual / expected 1.10)."),
                ({"actual": 66.0}, "All test rows together come to 66.00, and 30.00 was expected "
                 "(actual / expected 1.10)."),
                ({"expected": None}, "")):
            self.assertEqual(mean_figures.happened(made_up(**test)), words)

    def test_the_segment_that_is_farthest_off_is_told(self):
        figure = segment_figures.by_segment(made_up(), "exposure")
        self.assertIn("The largest gap is in town: b: 18.00 was expected and 24.00 observed, 1.33 "
                      "times as much.", figure)
        self.assertIn('<th scope="row">town</th><td>a</td>', figure)
        self.assertNotIn("broken", figure)

    def test_the_tables_are_drawn_and_told(self):
        page = run_page.render(made_up())
        self.assertEqual(Page(page).complaints, [])
        for words in ("is 0.1100 where 0.1000 was expected in the first, and 0.5500 where 0.5000",
                      "<td>20.0\u202f%</td><td>0.1000</td><td>0.1100</td><td>1.10</td>",
                      "The half of the exposure with the lowest predictions has 26\u202f% of the "
                      "claims. Gini 0.3300", "observed 0.5500</title>", "nothing learned"):
            self.assertTrue(words in page, words)

    def test_better_than_a_constant_is_said_with_its_standard_error(self):
        def says(**test):
            run = made_up(**test)
            return verdict.against_constant(run.metrics, run.config, run.target)

        beside = ("that of predicting the best constant of the training rows for every row, 0.6000 "
                  "(standard error of the difference 0.0200)")
        self.assertEqual(says(), f"test deviance is 0.1000 lower than {beside}")
        for near in (0.59, 0.61):
            self.assertEqual(says(deviance=near), f"test deviance is not better than {beside}")
        self.assertEqual(says(deviance=0.7), "")  # the warning says it
        self.assertEqual(says(deviance_error=None), "")

    def test_hostile_values_never_break_the_page(self):
        rng = random.Random(5)
        for part in ("metrics", "evaluation", "config"):
            for _ in range(60):
                run = copy.deepcopy(made_up())
                path = spoil(rng, getattr(run, part))
                with self.subTest(part=part, path=path):
                    page, _, _ = run_page.render(run).partition("Every key of the run file")
                    self.assertEqual(re.findall(r"\b(?:nan|inf)\b", page), [])
                    self.assertEqual(Page(run_page.render(run)).complaints, [])


if __name__ == "__main__":
    unittest.main()
