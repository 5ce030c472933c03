#!/usr/bin/env python3
"""Quantiles and expected shortfalls (value at risk), from a small file to their page: how many rows
lie below, and what may be said of that."""

import copy
import csv
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
from rubato_cli.report import comparison, levels, run_page, summary, verdict  # noqa: E402
from rubato_cli.report.record import Record  # noqa: E402

OF_OTHERS = r"AUC|[Ll]og loss|\bKS\b|Brier|[Pp]ositive|probabilit|DeLong|\bpd\b|Gini"

RUN = """\
[model]
kind = "linear"
[train]
staleness = 0
epochs = 3
batch = 32
[data]
path = "days.csv"
label = "gain"
time = "day"
[split]
kind = "time"
[target]
kind = "quantile"
quantiles = [0.05, 0.5]
expected_shortfall = true
"""


def days(rows):
    """Made-up gains, line by line, some days wilder than others."""
    rng = random.Random(3)
    yield "day,wild,gain"
    for day in range(rows):
        wild = rng.random()
        yield f"{day},{wild:.4f},{rng.gauss(0, 0.5 + 2 * wild):.5f}"


class StoryTest(FleetTest):
    rows = 50

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.path / "days.csv").write_text("\n".join(days(2000)) + "\n")
        (cls.path / "days.toml").write_text(RUN)

    def test_a_run_says_how_many_rows_lie_below(self):
        code, stdout, stderr = self.train("run", run="days.toml")
        self.assertEqual(code, 0, stderr)
        test = self.metrics("run")["test"]
        low = test["levels"]["0.05"]
        self.assertIn(f"\nlevel 0.05: {low['breaches']} of {test['rows']} below "
                      f"({100 * low['breach_rate']:.2f} %), Kupiec p ", stdout)
        self.assertRegex(stdout, r"\ntest pinball loss is 0\.\d{4} lower than that of predicting "
                         r"the quantiles of the training rows for every row, \d")
        whole = (self.path / "run" / "report.html").read_text("utf-8")
        self.assertEqual(Page(whole).complaints, [])
        page, _, _ = whole.partition("Every key of the run file")
        for words in (f"Of {test['rows']} test rows {low['breaches']} (", "Expected shortfall",
                      "Labels and predicted quantiles", "in the order of time", "Pinball loss",
                      "Rows below each quantile", "Do the levels hold?", "test row, in the order"):
            self.assertTrue(words in page, words)
        self.assertEqual(re.findall(OF_OTHERS, page + stdout + stderr), [])
        _, status, _ = self.rubato("status", "run")
        self.assertEqual(status.splitlines()[1:], stdout.splitlines()[:-2])
        self.check_predictions(low["breach_rate"])

    def check_predictions(self, rate):
        """A column of each quantile, rising, and one of each shortfall, below its quantile."""
        code, _, stderr = self.rubato("predict", "--run", "run", "--in", "days.csv", "--out",
                                      "out.csv")
        self.assertEqual(code, 0, stderr)
        with open(self.path / "out.csv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(list(rows[0])[3:], ["q_0.05", "q_0.5", "es_0.05", "es_0.5"])
        for row in rows:
            low, middle, *shortfalls = (float(row[name]) for name in list(row)[3:])
            self.assertLess(low, middle)
            self.assertLess(shortfalls[0], low)
            self.assertLess(shortfalls[1], middle)
        below = sum(float(row["gain"]) < float(row["q_0.05"]) for row in rows) / len(rows)
        self.assertAlmostEqual(below, rate, delta=0.04)


TARGET = targets.described({
    "kind": "quantile", "prediction": "q", "chosen_by": "pinball", "loss": "",
    "metrics": [targets.metric("pinball", "pinball loss", "smaller", "progress")]})


def level(below, p, **more):
    return {"breaches": below, "breach_rate": below / 1000, "kupiec_p": p, "independence_p": 0.41,
            "christoffersen_p": 0.0001, "basel_zone": 1, "pinball": 0.03, "pinball_error": 0.002,
            "constant_pinball": 0.04, **more}


def made_up(*told, kind="time", **found):
    """A run of 1,000 test rows: 1 % quantiles with `told`, of level(), and 50 % ones. `found`:
    levels instead of these."""
    if told:
        found = {"0.5": level(498, 0.9, basel_zone=0), "0.01": level(*told, es_z2=-0.41, es_z2_p=0)}
    spans = [{"first": 100 * i, "last": 100 * i + 99, "low": -3.5 - i, "high": 4.25,
              "q_0.01": -2.5, "q_0.5": 0.125} for i in range(10)]
    below = [{"row": 30 * i, "label": -3.0 - i, "quantile": -2.5} for i in range(14)]
    test = {"rows": 1000, "pinball": 0.15, "constant_pinball": 0.2, "pinball_error": 0.01,
            "levels": found}
    return Record(pathlib.Path("made-up"), {"test": test},
                  {"test": {"band": spans, "breaches": below}},
                  {"split": {"kind": "hash"}, "target": {"expected_shortfall": True}},
                  {"split": {"kind": kind}, "columns": [{"name": "day", "role": "time"},
                                                        {"name": "gain", "role": "label"}]},
                  target=TARGET)


class WordsTest(unittest.TestCase):
    def says(self, below, p):
        return units.plain(levels.told(made_up(below, p).metrics))

    def test_a_p_value_is_taken_for_no_proof(self):
        self.assertEqual(
            self.says(14, 0.231), "Of 1 000 test rows 14 (1.40 %) lie below the 1 % quantile; 10 "
            "are expected. If the quantile were right, chance alone would miss that by as much or "
            "more in about 23 of 100 such tests (Kupiec): this test finds nothing against it, "
            "which is no proof that it is right.")
        self.assertEqual(
            self.says(27, 1e-9).partition("more in ")[2], "fewer than 1 of 1 000 such tests "
            "(Kupiec): so seldom that the test rejects it. It seems too high, as more rows lie "
            "below it than should.")
        self.assertIn("in about 4 of 1 000 such tests (Kupiec): so seldom that the test rejects "
                      "it. It seems too low, as fewer rows lie below it", self.says(2, 0.0036))
        self.assertIn("in nearly all such tests", self.says(10, 1.0))

    def test_few_expected_rows_tell_little(self):
        few = made_up(**{"0.001": level(0, 0.16)})
        self.assertIn("; 1.0 are expected. ", levels.told(few.metrics))
        self.assertTrue(levels.told(few.metrics).endswith(
            " With so few expected rows this test can tell little."))
        self.assertNotIn("so few", self.says(14, 0.23))

    def test_a_level_has_a_line_in_the_summary(self):
        metrics = {**made_up(14, 0.231).metrics, "staleness": {"bound": 0, "max_observed": 0},
                   "train": {"rows": 0, "clock": 3, "resumed_from_clock": 3}}
        self.assertEqual(summary.lines(metrics, {}, TARGET)[1:], [
            "test pinball loss 0.1500  (1,000 rows)",
            "test pinball loss is 0.0500 lower than that of predicting the quantiles of the "
            "training rows for every row, 0.2000 (standard error of the difference 0.0100)",
            "level 0.01: 14 of 1,000 below (1.40 %), Kupiec p 0.23",
            "level 0.5: 498 of 1,000 below (49.80 %), Kupiec p 0.90"])

    def test_a_constant_in_the_unit_of_a_row_is_said_to_be_so(self):
        run = made_up(14, 0.231)
        for config in ({"target": {"scale": "vol"}}, {"series": {"scale": "ewma"}}):
            self.assertIn("predicting the quantiles of the training rows, in the unit of each row, "
                          "for every row, 0.2000",
                          verdict.against_constant(run.metrics, config, TARGET))

    def test_levels_are_compared(self):
        lines = [re.sub(" +", " ", line) for line in comparison.table(
            [made_up(14, 0.231), made_up(27, 1e-9)])]
        for line in ("loss of the 1 % quantile 0.0300 0.0300", " test rows below 1.40 % 2.70 %",
                     " Kupiec p 0.23 < 0.001", "loss of the 50 % quantile 0.0300 0.0300"):
            self.assertIn(line, lines)

    def test_worse_than_a_constant_names_it(self):
        run = made_up(14, 0.2)
        run.metrics["test"]["pinball"] = 0.3
        self.assertIn("predicting the quantiles of the training rows for every row has 0.2000",
                      verdict.worse_than_constant(run.metrics, {
                          "optimizer": {"learning_rate": 1.0}, "train": {"epochs": 2}}, {}, TARGET))


class PageTest(unittest.TestCase):
    def page(self, *told, **more):
        page = run_page.render(made_up(*told, **more))
        self.assertEqual(Page(page).complaints, [])
        return units.plain(page)

    def test_the_tables_are_drawn_and_told(self):
        page = self.page(14, 0.231)
        for words in ('<th scope="row">1 %</th><td>10.00</td><td>14</td><td>1.40 %</td>'
                      "<td>yellow</td>",
                      '<th scope="row">50 %</th><td>500.0</td><td>498</td><td>49.80 %</td>'
                      "<td>–</td>",
                      '<th scope="row">1 %</th><td>0.23</td><td>0.41</td><td>&lt; 0.001</td>',
                      '<th scope="row">1 %</th><td>0.0300</td><td>0.0400</td><td>+0.0100</td>'
                      "<td>0.0020</td>",
                      '<th scope="row">1 %</th><td>−0.410</td><td>&lt; 0.005</td>'
                      "<td>losses seem worse than predicted</td>",
                      '<th scope="row">1 to 100</th><td>-3.500</td><td>4.250</td><td>-2.500</td>',
                      '<th scope="row">391</th><td>-16.00</td><td>-2.500</td><td>13.50</td>',
                      "taken over to all 1 000 test rows", "It is no regulatory result.",
                      "14 rows of 1 000 lie below the 1 % quantile; each is marked",
                      "The rows are in the order of time.", '"name">gain</text>',
                      "Below the 1 % quantile"):
            self.assertTrue(words in page, words)
        self.assertTrue("the 14 deepest of them are marked" in self.page(500, 0.0))

    def test_without_an_order_in_time_independence_says_nothing(self):
        page = self.page(14, 0.231, kind="hash")
        for words in ("unless that is the order of time, this says nothing",
                      "test row, in the order of the file"):
            self.assertTrue(words in page, words)

    def test_a_shortfall_that_is_no_loss_is_not_tested(self):
        page = self.page(**{"0.01": level(14, 0.2)})
        self.assertTrue("tested where all predicted shortfalls are losses, below 0" in page)

    def test_each_of_the_most_levels_has_a_line_of_its_own(self):
        shares = [f"{k / 17:.4f}" for k in range(1, 17)]
        run = made_up(**{share: level(100, 0.5) for share in shares})
        for span in run.evaluation["test"]["band"]:
            span.update({f"q_{share}": float(share) for share in shares})
        lines = re.findall(r'class="line (line [^"]*)"/></svg>[\d.]+\u202f% quantile</li>',
                           run_page.render(run))
        self.assertEqual((len(lines), len(set(lines))), (16, 16))

    def test_a_narrow_picture_joins_neighbours(self):
        narrow, wide = re.findall(r'<path d="([^"]*)" class="line range s5"', run_page.render(
            many_spans()))
        self.assertEqual((narrow.count("M"), wide.count("M")), (80, 200))

    def test_hostile_values_never_break_the_page(self):
        rng = random.Random(5)
        for part in ("metrics", "evaluation", "config"):
            for _ in range(100):
                run = copy.deepcopy(made_up(14, 0.231))
                path = spoil(rng, getattr(run, part))
                with self.subTest(part=part, path=path):
                    page, _, _ = run_page.render(run).partition("Every key of the run file")
                    self.assertEqual(re.findall(r"\b(?:nan|inf)\b", page.replace(">inf</", "")),
                                     [])
                    self.assertEqual(Page(run_page.render(run)).complaints, [])
                    levels.lines(run.metrics)


def many_spans():
    run = made_up(14, 0.231)
    run.evaluation["test"]["band"] = [
        {"first": i, "last": i, "low": -1, "high": 1, "q_0.01": -2, "q_0.5": 0} for i in range(400)]
    return run


if __name__ == "__main__":
    unittest.main()
