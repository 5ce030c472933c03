#!/usr/bin/env python3
"""The report page and `rubato compare`, on run folders made by report_fixture.py."""

import contextlib
import copy
import html.parser
import io
import json
import pathlib
import random
import re
import shutil
import sys
import tempfile
import types
import unittest
import xml.etree.ElementTree

LAUNCH = pathlib.Path(__file__).resolve().parents[2] / "launch"
sys.path.insert(0, str(LAUNCH))

import report_fixture  # noqa: E402
from rubato_cli.base import units  # noqa: E402
from rubato_cli.base.console import Console  # noqa: E402
from rubato_cli.base.failure import FATAL, USAGE, Failure  # noqa: E402
from rubato_cli.commands import compare  # noqa: E402
from rubato_cli.commands.session import Session  # noqa: E402
from rubato_cli.files.run_folder import RunFolder  # noqa: E402
from rubato_cli.report import record, run_page, svg, tree  # noqa: E402
from rubato_cli.report.training_sections import observed_staleness, smooth  # noqa: E402

VOID = {"meta", "link", "br", "hr", "img"}


class Page(html.parser.HTMLParser):
    """Elements of a page, with a complaint about each tag that is not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.complaints, self.open, self.ids, self.links = [], [], set(), set()
        self.feed(text)
        self.close()
        self.complaints += self.open

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids.add(attributes.get("id"))
        self.links.add(attributes.get("href", ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.complaints.append(f"/{tag}")


class RunTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.run_folder = pathlib.Path(cls.scratch.name, "first")
        report_fixture.write(cls.run_folder)
        cls.run_record = record.read(str(cls.run_folder))

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def page(self, **changes):
        """The page of the run with some parts of it replaced."""
        run = copy.copy(self.run_record)
        for part, value in changes.items():
            setattr(run, part, value)
        return run_page.render(run)


class ReportTest(RunTest):
    def test_page_is_whole_and_needs_nothing_else(self):
        text = self.page()
        page = Page(text)
        self.assertEqual(page.complaints, [])
        self.assertLessEqual({link[1:] for link in page.links if link}, page.ids)
        self.assertNotRegex(text, r"https?:|<script|@import|url\(|\bsrc=|<link")
        self.assertIn("""http-equiv="Content-Security-Policy" content="default-src 'none';""", text)
        self.assertNotRegex(text, r"\b(nan|None|inf)\b")

    def test_figures_of_the_run_are_on_it(self):
        metrics, text = self.run_record.metrics, self.page()
        for path in ("test.auc", "test.auc_low", "test.auc_high", "test.ks", "test.logloss",
                     "test.brier", "oracle.auc", "oracle.brier", "oracle.ks", "oracle.pr_auc",
                     "validation.auc"):
            self.assertIn(f"{tree.number(metrics, path):.4f}", text, path)
        for words in (metrics["run"]["data_sha256"], metrics["run"]["version"],
                      "waiting for others", "200\u202f412", "200\u202f174", "29\u202f871",
                      "column recoveries alone", "4.84\u202fKiB", "214\u202fMiB", "bound 8",
                      "optimizer.learning_rate", "utilisation", "loan_grade",
                      "hash, seed 3, groups of equal customer, stratified"):
            self.assertIn(words, text)

    def test_every_figure_has_a_title_and_its_numbers(self):
        text = self.page()
        drawings = re.findall(r"<svg .*?</svg>", text, re.DOTALL)
        self.assertGreater(len(drawings), 20)
        for drawing in drawings:
            element = xml.etree.ElementTree.fromstring(drawing)
            self.assertTrue(element.get("aria-hidden") or element[0].text, drawing[:200])
        figures = re.findall(r"<figure>.*?</figure>", text, re.DOTALL)
        self.assertEqual(len(figures), 13)
        for figure in figures:
            self.assertIn("<table>", figure)

    def test_drawings_stay_inside_their_frame(self):
        for drawing in re.findall(r"<svg .*?</svg>", self.page(), re.DOTALL):
            element = xml.etree.ElementTree.fromstring(drawing)
            if element.get("viewBox") is None:
                continue
            _, _, width, height = map(float, element.get("viewBox").split())
            for bar in element.iter("rect"):
                right = float(bar.get("x", 0)) + float(bar.get("width", 0))
                self.assertLessEqual(right, width + 0.01, drawing[:200])
                self.assertGreaterEqual(float(bar.get("x", 0)), 0)
            for text in element.iter("text"):
                self.assertLessEqual(float(text.get("y", 0)), height)

    def test_what_a_run_lacks_is_said_in_a_sentence(self):
        bare = record.Record(pathlib.Path("bare"), {}, {}, {}, {})
        text = run_page.render(bare)
        self.assertEqual(Page(text).complaints, [])
        self.assertEqual(text.count('<p class="absent">'), 11)
        self.assertNotRegex(text, r"\b(nan|None|inf)\b")

    def test_hostile_values_never_break_the_page(self):
        rng = random.Random(5)
        for part in ("metrics", "evaluation", "config", "cleansing"):
            for _ in range(40):
                tree = copy.deepcopy(getattr(self.run_record, part))
                path = spoil(rng, tree)
                with self.subTest(part=part, path=path):
                    self.assertEqual(Page(self.page(**{part: tree})).complaints, [])

    def test_a_table_of_impossible_numbers_is_drawn_without_them(self):
        evaluation = copy.deepcopy(self.run_record.evaluation)
        bins = evaluation["test"]["calibration"]
        bins[0]["rows"] = -1
        bins[9]["mean_predicted"] = 1e308
        text = self.page(evaluation=evaluation)
        self.assertIn("Observed rate against predicted risk", text)
        self.assertEqual(Page(text).complaints, [])

    def test_names_from_outside_are_escaped(self):
        evil = "<script>alert('x')</script>"
        text = self.page(
            cleansing={"rows": {"read": 3}, "columns": [{"name": evil, "role": evil}],
                       "inputs": [{"path": {"latin1": evil}}], "warnings": [{"sentence": evil}]},
            config={"data": {"path": evil, "label": evil}, "model": {"kind": evil}},
            evaluation={"top_features": [{"name": evil, "weight": 1.0}]})
        self.assertNotIn("<script", text)
        self.assertEqual(Page(text).complaints, [])

    def test_unbounded_run_with_many_workers(self):
        folder = pathlib.Path(self.scratch.name, "many")
        report_fixture.write(folder, seed=2, workers=12, bound="inf")
        text = run_page.write(str(folder)).read_text("utf-8")
        self.assertIn("no bound", text)
        self.assertIn("12 workers", text)

    def test_one_of_each(self):
        run = copy.deepcopy(self.run_record)
        run.metrics["workers"], run.metrics["shards"] = run.metrics["workers"][:1], []
        run.progress = {"0": [(1.0, 0.5, 10.0)]}
        run.validation = run.validation[:1]
        run.evaluation["test"]["calibration"] = run.evaluation["test"]["calibration"][:1]
        page = run_page.render(run)
        self.assertEqual(Page(page).complaints, [])
        self.assertRegex(page, r'class="dot s1"><title>0\.5000</title>')  # no line is of one point


def spoil(rng, tree):
    """Puts a value nobody expects somewhere into `tree` and says where."""
    path, below = [], tree
    while True:
        key = rng.choice(list(below)) if isinstance(below, dict) else rng.randrange(len(below))
        path.append(key)
        if not (isinstance(below[key], (dict, list)) and below[key]) or rng.random() < 0.25:
            below[key] = rng.choice((None, "x", -1, 0, 1e308, float("nan"), float("inf"), [], {},
                                     [1], [[1]], [None], {"a": 1}, True))
            return path
        below = below[key]


class RecordTest(RunTest):
    def test_a_worker_that_came_later_is_shown_later(self):
        folder = pathlib.Path(self.scratch.name, "later")
        (folder / "telemetry").mkdir(parents=True)
        RunFolder(str(folder)).write_json("metrics.json", {"train": {}})

        def tell(seat, *points):
            (folder / "telemetry" / f"worker-{seat}.jsonl").write_text("".join(
                json.dumps({"time_ms": now * 1000, "event": "progress", "loss": 1.0, "rows": 1,
                            "seconds_since_start": seconds}) + "\n" for now, seconds in points))

        # Three fleets, the last one a day later; worker 1 is in the first and the last.
        tell(0, (100, 1), (104, 5), (110, 2), (112, 4), (90000, 1), (90001, 2))
        tell(1, (100, 1), (105, 6), (90000, 1))
        tell(2, (110, 2), (112, 4))
        run = record.read(str(folder))
        self.assertEqual([[t for t, _, _ in run.progress[seat]] for seat in "012"],
                         [[1, 5, 7, 9, 10, 11], [1, 6, 10], [7, 9]])

    def test_telemetry_of_two_starts_is_one_axis_of_time(self):
        folder = pathlib.Path(self.scratch.name, "resumed")
        (folder / "telemetry").mkdir(parents=True)
        RunFolder(str(folder)).write_json("metrics.json", {"train": {}})
        events = [{"event": "progress", "loss": 1.0, "rows": 1, "seconds_since_start": 1},
                  {"event": "progress", "loss": 0.9, "rows": 2, "seconds_since_start": 5},
                  {"event": "progress", "loss": 0.8, "rows": 3, "seconds_since_start": 2},
                  {"event": "validation", "epoch": 0, "figures": {"auc": 0.7, "ks": "?"},
                   "seconds": 3},
                  {"event": "validation", "epoch": 1, "figures": [0.8], "seconds": 4}]
        lines = [json.dumps(event) for event in events]
        (folder / "telemetry" / "worker-3.jsonl").write_text("\n".join([*lines, '{"event": "p']))
        run = record.read(str(folder))
        self.assertEqual([t for t, _, _ in run.progress["3"]], [1, 5, 7])
        self.assertEqual([event.seconds for event in run.validation], [8, 9])
        self.assertEqual([event.epoch for event in run.validation], [1, 2])  # as people count
        self.assertEqual([event.figures for event in run.validation],
                         [{"auc": 0.7, "ks": None}, {}])

    def test_failures_are_sentences_and_leave_the_old_page(self):
        folder = pathlib.Path(self.scratch.name, "unfinished")
        folder.mkdir()
        old = folder / "report.html"
        old.write_text("old")
        cases = ((None, None, "no metrics.json", USAGE), ("job.json", "{}", "--resume", USAGE),
                 ("metrics.json", "{", "metrics.json: is not as it was written", FATAL))
        for name, text, words, code in cases:
            if name:
                (folder / name).write_text(text)
            with self.assertRaisesRegex(Failure, re.escape(words)) as raised:
                run_page.write(str(folder))
            self.assertEqual(raised.exception.code, code)
        with self.assertRaisesRegex(Failure, "no folder"):
            run_page.write(str(folder / "missing"))
        self.assertEqual(old.read_text(), "old")


class CompareTest(RunTest):
    def compare(self, *folders, as_json=False):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            compare.COMMAND.run(types.SimpleNamespace(dirs=[str(f) for f in folders]),
                                Session(Console(json=as_json), {}))
        return printed.getvalue()

    def second(self, **changes):
        folder = pathlib.Path(self.scratch.name, "second")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.run_folder, folder)
        metrics = json.loads((folder / "metrics.json").read_text())
        for section, content in changes.items():
            metrics[section].update(content)
        del metrics["sha256"]
        RunFolder(str(folder)).write_json("metrics.json", metrics)
        return folder

    def test_best_figure_is_marked_in_each_row(self):
        lines = self.compare(self.run_folder, self.second(test={"auc": 0.9, "logloss": 0.9}))
        row = {line.split("  ")[0].strip(): line for line in lines.splitlines()}
        self.assertRegex(row["test AUC"], r"0\.77\d\d +0\.9000\*$")
        self.assertRegex(row["test log loss"], r"0\.\d{4}\* +0\.9000$")
        self.assertNotIn("*", row["test KS"])
        self.assertNotIn("differ", lines)

    def test_what_makes_test_rows_different_is_said_and_no_best_marked(self):
        def reconfigured(**sections):
            folder = self.second(test={"auc": 0.9})
            config = json.loads((folder / "config.json").read_text())
            del config["sha256"]
            for section, content in sections.items():
                config.setdefault(section, {}).update(content)
            RunFolder(str(folder)).write_json("config.json", config)
            return folder

        for make, words in (
                (lambda: self.second(run={"data_sha256": "00"}, test={"auc": 0.9}),
                 "differ in data: 8f3a8f3a8f3a (first), 00 (second)."),
                (lambda: self.second(test={"auc": 0.9, "rows": 460}),
                 "(first), 460 (second)."),
                (lambda: self.second(test={"auc": 0.9, "positives": 7}),
                 "differ in positive among test rows: "),
                (lambda: reconfigured(split={"train_percent": 40}),
                 "differ in split.train_percent: none (first), 40 (second)."),
                (lambda: reconfigured(data={"positive": ["0"]}),
                 "differ in what counts as positive: 1 (first), 0 (second)."),
                (lambda: reconfigured(target={"quantile": 0.9}),
                 "differ in target.quantile: none (first), 0.9 (second)."),
                (lambda: reconfigured(data={"ignore": ["b", "a"]}),
                 "differ in ignored labels: none (first), a or b (second).")):
            lines = self.compare(self.run_folder, make())
            self.assertIn(words, lines)
            self.assertNotIn("*", lines)
        third = pathlib.Path(self.scratch.name, "third")
        shutil.copytree(self.run_folder, third)
        lines = self.compare(self.run_folder, reconfigured(data={"label": "late"}), third)
        self.assertIn("data.label: default (first, third), late (second).", lines)

    def test_keys_of_the_run_files_that_differ_are_named(self):
        folder = self.second(test={"auc": 0.9})
        config = json.loads((folder / "config.json").read_text())
        del config["sha256"]
        config["data"]["drop"] = []
        RunFolder(str(folder)).write_json("config.json", config)
        lines = self.compare(self.run_folder, folder)
        self.assertEqual(lines.splitlines()[-1],
                         "Run files: data.drop: ['id'] (first), [] (second).")
        self.assertNotIn("Run files", self.compare(self.run_folder, self.second()))

    def test_models_and_bounds_are_named(self):
        lines = self.compare(self.run_folder, self.second(staleness={"bound": "inf"}))
        self.assertRegex(lines, r"(?m)^model +mlp +mlp$")
        self.assertRegex(lines, r"(?m)^staleness bound +8 +inf$")
        self.assertRegex(lines, r"(?m)^rows trained +1,400,320 ")

    def test_json(self):
        document = json.loads(self.compare(self.run_folder, self.second(), as_json=True))
        self.assertEqual([pathlib.Path(run["dir"]).name for run in document["runs"]],
                         ["first", "second"])
        self.assertEqual(document["runs"][0]["test.auc"], self.run_record.metrics["test"]["auc"])

    def test_one_folder_is_refused(self):
        with self.assertRaisesRegex(Failure, "two or more"):
            self.compare(self.run_folder)


class PartsTest(unittest.TestCase):
    def test_units(self):
        self.assertEqual(units.count(1234567), "1\u202f234\u202f567")
        self.assertEqual([units.compact(v) for v in (0, 0.5, 999.6, 29921, 1.4e6)],
                         ["0", "0.5", "1\u202fk", "29.9\u202fk", "1.4\u202fM"])
        self.assertEqual([units.duration(v) for v in (0, 0.25, 46.8, 75, 7300)],
                         ["0\u202fs", "250\u202fms", "46.8\u202fs", "1\u202fmin 15\u202fs",
                          "2\u202fh 1\u202fmin"])
        self.assertEqual([units.plain(units.amount(v)) for v in (0, 0.0123456, -5.5, 1234.5, 2e7)],
                         ["0", "0.01235", "-5.500", "1 234", "20 000 000"])
        self.assertEqual([units.amount(v) for v in (3e-9, 1e18)], ["3.000e-09", "1.000e+18"])
        self.assertEqual(units.data_size(1536), "1.5\u202fKiB")
        self.assertEqual([f(None) for f in (units.metric, units.count, units.percent)], ["–"] * 3)

    def test_ticks_of_an_axis_are_told_apart(self):
        for low, high in ((0.3451, 0.3463), (0.8412, 0.8497), (0, 3.1), (0.2, 1e5)):
            ticks = svg.round_ticks(low, high)
            texts = [svg.tick_text(low, high)(tick) for tick in ticks]
            self.assertEqual(len(set(texts)), len(ticks), texts)
            self.assertEqual([float(text) for text in texts], ticks)
        # One tick alone has the digits that would tell it from the next.
        for low, high in ((0.9993, 1.0006), (0.86995, 0.87004)):
            tick, = svg.round_ticks(low, high, 1)
            self.assertIn(svg.tick_text(low, high, 1)(tick), ("1.000", "0.8700"))
        self.assertEqual(svg.tick_text(0.87, 0.87)(0.87), "0.87")
        # Amounts of money stay beside their axis.
        for low, high in ((1_204_000, 1_211_000), (0, 7e9)):
            texts = [svg.tick_text(low, high)(tick) for tick in svg.round_ticks(low, high)]
            self.assertEqual(len(set(texts)), len(texts))
            self.assertLess(max(map(svg.text_width, texts)), svg.Plot.LEFT + 8, texts)
        self.assertEqual([units.time_unit(end)[1] for end in (0.3, 119, 121, 7201)],
                         ["seconds", "seconds", "minutes", "hours"])

    def test_round_ticks(self):
        self.assertEqual(svg.round_ticks(0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1])
        self.assertEqual(svg.round_ticks(0.768, 0.788, 4), [0.77, 0.775, 0.78, 0.785])
        self.assertEqual(svg.round_ticks(3, 3), [3])

    def test_smooth_averages_equal_stretches_of_time(self):
        points = [(0, 1.0, 0), (1, 3.0, 0), (9, 5.0, 0), (10, 7.0, 0)]
        self.assertEqual(smooth(points, 2), [(0.5, 2.0), (9.5, 6.0)])

    def test_the_loss_of_a_few_last_rows_joins_the_stretch_before_it(self):
        points = [(0.0, 4.0, 100.0), (8.0, 2.0, 900.0), (10.0, 7.0, 1100.0)]
        self.assertEqual(smooth(points, 100), [(0.0, 4.0), (10.0, 3.0)])
        points[2] = (10.0, 7.0, 1300.0)
        self.assertEqual(len(smooth(points, 100)), 3)

    def test_staleness_adds_up_over_shards(self):
        shards = [{"staleness_histogram": [[0, 3], [2, 1]]}, {"staleness_histogram": [[2, 4]]},
                  {"staleness_histogram": "broken"}, {}]
        self.assertEqual(observed_staleness(shards), {0: 3, 2: 5})

    def test_colours_can_be_told_from_their_ground(self):
        """WCAG 2.1: 4.5 for text, 3 for what is drawn; light, dark and print."""
        style = (LAUNCH / "rubato_cli" / "report" / "report.css").read_text("utf-8")
        grounds = [dict(re.findall(r"--([\w-]+): (#\w+)", block))
                   for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)]
        self.assertEqual(len(grounds), 3)
        for colour in grounds:
            for text in ("ink", "soft", "accent"):
                self.assertGreaterEqual(contrast(colour[text], colour["paper"]), 4.5, text)
                self.assertGreaterEqual(contrast(colour[text], colour["card"]), 4.5, text)
            self.assertGreaterEqual(contrast(colour["ink"], colour["warn-paper"]), 4.5)
            for series in ("s1", "s2", "s3", "s4", "s5", "s6"):
                self.assertGreaterEqual(contrast(colour[series], colour["paper"]), 3, series)
            for series in ("s1", "s2", "s3", "s4", "s5"):
                self.assertGreaterEqual(contrast(colour["on-bar"], colour[series]), 4.5, series)


def contrast(one, other):
    """Ratio of the relative luminances of two colours, #rgb or #rrggbb."""
    def luminance(colour):
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        channels = [int(digits[i:i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


if __name__ == "__main__":
    unittest.main()
