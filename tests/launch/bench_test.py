#!/usr/bin/env python3
"""The pure parts of `rubato bench staleness`: slowness, rows, table and picture."""

import pathlib
import sys
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "launch"))

from rubato_cli.base.events import ValidationEvent  # noqa: E402
from rubato_cli.base.failure import Failure  # noqa: E402
from rubato_cli.commands import slowness  # noqa: E402
from rubato_cli.commands.bench import (ITERATIONS_MIN, check_measurable,  # noqa: E402
                                       epochs_needed)
from rubato_cli.commands.slowness import Slowness  # noqa: E402
from rubato_cli.report.staleness_figure import NO_CURE, figure  # noqa: E402
import targets  # noqa: E402
from rubato_cli.report.staleness_rows import (BOUNDS, Row, Sweep, row, table,  # noqa: E402
                                              target_after)

AUC = targets.described(targets.BINARY).lead
HICCUPS = Slowness(0.004, 3.0, 0.05, 4)
SLOW_WORKER = Slowness(0.004, 3.0)
EQUAL = Slowness(0.004)


class SlownessTest(unittest.TestCase):
    def test_equal_workers_only_have_the_floor(self):
        self.assertEqual(slowness.parse(None, None, "4"), EQUAL)
        self.assertEqual(EQUAL.flags(0), ["--floor-seconds", "0.004"])

    def test_a_slow_worker_is_worker_0(self):
        self.assertEqual(slowness.parse("3", None, "4"), SLOW_WORKER)
        self.assertEqual(SLOW_WORKER.flags(0),
                         ["--floor-seconds", "0.004", "--slow-factor", "3"])
        self.assertEqual(SLOW_WORKER.flags(1), ["--floor-seconds", "0.004"])

    def test_hiccups_are_everybodys(self):
        self.assertEqual(slowness.parse(None, "0.05,3,4", "4"), HICCUPS)
        for seat in (0, 1):
            self.assertEqual(HICCUPS.flags(seat), [
                "--floor-seconds", "0.004", "--slow-factor", "3", "--slow-chance", "0.05",
                "--slow-length", "4"])

    def test_says_what_is_slow(self):
        self.assertIn("equal workers, iterations of 4 ms", EQUAL.words())
        self.assertIn("worker 0 always 3× slower", SLOW_WORKER.words())
        self.assertIn("with chance 0.05 the next 4 iterations of a worker take 3× as long",
                      HICCUPS.words())

    def test_refuses_with_a_sentence_that_names_the_flag(self):
        for arguments, words in (
                (("3", "0.05,3,4", "4"), "give one of them"),
                (("1", None, "4"), "--slow-worker: '1' is not a factor above 1"),
                (("x", None, "4"), "--slow-worker: 'x'"), (("nan", None, "4"), "'nan'"),
                (("inf", None, "4"), "'inf'"), ((None, None, "0"), "--floor-ms: '0'"),
                ((None, "0.05,3", "4"), "write it as 0.05,3,4"),
                ((None, "1.5,3,4", "4"), "a chance between 0 and 1"),
                ((None, "0.05,1,4", "4"), "a factor above 1"),
                ((None, "0.05,3,0", "4"), "the length '0'"),
                ((None, "0.05,3,2.5", "4"), "the length '2.5'")):
            with self.assertRaises(Failure, msg=arguments) as caught:
                slowness.parse(*arguments)
            self.assertIn(words, caught.exception.sentence)
            self.assertEqual(caught.exception.code, 2)


def result_of(**changes):
    worker = {"pushes": 400, "seconds": {"compute": 3.0, "wait": 1.0, "pull": 0.0}}
    return {"train": {"samples_per_second": 2000.0, "seconds": 4.0},
            "staleness": {"max_observed": 7}, "validation": {"auc": 0.80}, "test": {"auc": 0.79},
            "workers": [worker, {**worker, "pushes": 399}], **changes}


VALIDATIONS = [ValidationEvent(seconds=seconds, figures={"auc": auc}) for seconds, auc in
               ((1.0, 0.70), (2.0, 0.798), (3.0, 0.796), (4.0, 0.80))]


class RowTest(unittest.TestCase):
    def test_is_made_of_metrics_and_validations(self):
        self.assertEqual(row("8", result_of(), VALIDATIONS, AUC, 0.797), Row(
            staleness=8, samples_per_second=2000.0, waiting_share=0.25, seconds=4.0,
            seconds_to_target=2.0, validation=0.80, test=0.79, max_observed=7,
            iterations=399))

    def test_first_row_sets_its_own_target(self):
        target = target_after(result_of(), AUC)
        self.assertEqual(target, 0.797)
        self.assertEqual(row("0", result_of(), VALIDATIONS, AUC, target).seconds_to_target, 2.0)

    def test_a_target_that_is_not_reached_has_no_time(self):
        found = row("inf", result_of(test={}), VALIDATIONS, AUC, 0.81)
        self.assertIsNone(found.seconds_to_target)
        self.assertIsNone(found.test)
        self.assertEqual(found.staleness, "inf")

    def test_short_runs_get_more_epochs(self):
        self.assertEqual(epochs_needed(10, {"iterations_per_epoch": 109}), 10)
        self.assertEqual(epochs_needed(1, {"iterations_per_epoch": 7}) * 7 // ITERATIONS_MIN, 1)

    def test_a_run_with_nothing_to_measure_is_refused(self):
        for workers, percent, sentence in ((1, 15, "nobody to wait for"),
                                           (2, 0, "raise split.validation_percent")):
            with self.assertRaisesRegex(Failure, sentence):
                check_measurable("r.toml", {"fleet": {"workers": workers},
                                            "split": {"validation_percent": percent}})
        check_measurable("r.toml", {"fleet": {"workers": 2}, "split": {"validation_percent": 15}})


def sweep(slow=EQUAL, target=0.797, name="x", **changes):
    rows = [Row(**{**dict(staleness=bound if bound == "inf" else int(bound),
                          samples_per_second=1000.0 + i, waiting_share=0.3 - 0.04 * i, seconds=9.0,
                          seconds_to_target=3.0 - 0.1 * i, validation=0.8, test=0.79,
                          max_observed=i, iterations=300), **changes})
            for i, bound in enumerate(BOUNDS)]
    return Sweep(name, slow.words(), slow.constant, AUC, target, rows)


class ShowTest(unittest.TestCase):
    def test_table_has_a_line_per_bound_in_columns(self):
        lines = table(sweep())
        self.assertEqual(len(lines), 1 + len(BOUNDS))
        self.assertEqual(len({len(line) for line in lines}), 1)
        self.assertIn("to AUC 0.7970", lines[0])
        self.assertEqual(lines[1].split()[:3], ["0", "1,000", "30.0%"])
        self.assertEqual(lines[-1].split()[0], "inf")
        self.assertIn("–", table(sweep(seconds_to_target=None))[1])

    def test_picture_is_one_file_with_a_point_per_value(self):
        text = figure(sweep(name="loans <a&b>"))
        root = xml.etree.ElementTree.fromstring(text)
        name = "{http://www.w3.org/2000/svg}"
        self.assertEqual(root.tag, f"{name}svg")
        self.assertEqual(len(root.findall(f".//{name}circle")), 2 * len(BOUNDS))
        words = [element.text for element in root.iter(f"{name}text")]
        self.assertEqual(words.count("∞"), 2)
        self.assertTrue(any("loans <a&b>" in word for word in words))
        self.assertIn("prefers-color-scheme: dark", root.find(f"{name}style").text)
        for outside in ("href", "url(", "@import"):
            self.assertNotIn(outside, text)

    def test_picture_says_what_a_bound_cannot_cure(self):
        def said(slow):
            root = xml.etree.ElementTree.fromstring(figure(sweep(slow)))
            return " ".join(element.text for element in root.iter() if element.text)
        self.assertIn(NO_CURE, said(SLOW_WORKER))
        self.assertNotIn("cannot cure", said(HICCUPS))

    def test_a_sweep_that_never_reaches_its_target_still_has_a_picture(self):
        text = figure(sweep(HICCUPS, 0.9, seconds_to_target=None))
        root = xml.etree.ElementTree.fromstring(text)
        self.assertEqual(len(list(root.iter("{http://www.w3.org/2000/svg}circle"))), len(BOUNDS))
        words = " ".join(element.text for element in root.iter() if element.text)
        self.assertIn("did not reach the target", words)


if __name__ == "__main__":
    unittest.main()
