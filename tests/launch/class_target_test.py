#!/usr/bin/env python3
"""One of several classes, from a small file to its page: which are taken for which, and how well
each is found."""

import base64
import copy
import csv
import pathlib
import random
import re
import struct
import sys
import tempfile
import unittest
import zlib

from real_fleet import ROOT, FleetTest
from report_test import Page, spoil

sys.path.insert(0, str(ROOT / "launch"))

import targets  # noqa: E402
from rubato_cli.files.run_folder import RunFolder  # noqa: E402
from rubato_cli.files.target_metrics import find  # noqa: E402
from rubato_cli.report import class_figures, png, run_page, verdict  # noqa: E402
from rubato_cli.report.record import Record  # noqa: E402

OF_OTHERS = r"[Pp]ositive|\brisk\b|DeLong|\bpd\b|\bKS\b|Brier|Gini"

CLASSES = ["calm", "rough, at times", "8"]

RUN = """\
[model]
kind = "linear"
[train]
staleness = 0
epochs = 2
batch = 32
[data]
path = "sea.csv"
label = "sea"
[target]
kind = "classes"
"""


def sea(rows):
    """A made-up log of the sea, line by line."""
    rng = random.Random(3)
    yield "wind,swell,sea"
    for _ in range(rows):
        kind = rng.randrange(3)
        yield (f"{rng.gauss(4 * kind, 1.5):.3f},{rng.gauss(kind * kind, 1):.3f},"
               f'"{CLASSES[kind]}"')


class StoryTest(FleetTest):
    rows = 50

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.path / "sea.csv").write_text("\n".join(sea(1200)) + "\n")
        (cls.path / "sea.toml").write_text(RUN)

    def test_a_run_says_how_many_rows_it_puts_into_their_class(self):
        code, stdout, stderr = self.train("run", run="sea.toml")
        self.assertEqual(code, 0, stderr)
        self.assertRegex(stderr, r"epoch 2: validation accuracy \d\d\.\d %, log loss 0\.\d{4}\n")
        self.assertRegex(stdout, r"\ntest accuracy \d\d\.\d %  log loss 0\.\d{4}  macro AUC "
                         r"0\.\d{4}  \(\d+ rows\)\n")
        self.assertRegex(stdout, r"\ntest accuracy is \d\d\.\d percentage points higher than that "
                         r"of predicting the most frequent class of the training rows for every "
                         r"row, \d\d\.\d % \(standard error of the difference \d\.\d percentage")
        whole = (self.path / "run" / "report.html").read_text("utf-8")
        self.assertEqual(Page(whole).complaints, [])
        page, _, _ = whole.partition("Every key of the run file")
        for words in ("test rows (", "most often ", "What is taken for what", "Each class",
                      "The worst rows", "The 3 values of the label"):
            self.assertTrue(words in page, words)
        self.assertEqual(re.findall(OF_OTHERS, page + stdout + stderr), [])
        self.check_status_and_comparison(stdout)
        self.check_predictions()

    def check_status_and_comparison(self, stdout):
        _, status, _ = self.rubato("status", "run")
        self.assertEqual(status.splitlines()[1:], stdout.splitlines()[:-2])
        code, table, stderr = self.rubato("compare", "run", "run")
        self.assertEqual(code, 0, stderr)
        self.assertRegex(table, r"\ntest accuracy +\d\d\.\d % +\d\d\.\d %\n  of a constant +\d\d\.")

    def check_predictions(self):
        """A column of the class, and one of the probability of each."""
        code, _, stderr = self.rubato("predict", "--run", "run", "--in", "sea.csv", "--out",
                                      "out.csv")
        self.assertEqual(code, 0, stderr)
        with open(self.path / "out.csv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        names = [name for name in rows[0] if name.startswith("p_")]
        self.assertEqual(sorted(names), sorted(f"p_{name}" for name in CLASSES))
        self.assertEqual(list(rows[0])[3], "class")
        for row in rows:
            chances = {name: float(row[name]) for name in names}
            self.assertAlmostEqual(sum(chances.values()), 1, delta=1e-5)
            self.assertEqual(f"p_{row['class']}", max(names, key=chances.get))
        right = sum(row["class"] == row["sea"] for row in rows) / len(rows)
        self.assertAlmostEqual(right, self.metrics("run")["test"]["accuracy"], delta=0.06)


TARGET = {"kind": "classes", "prediction": "class", "chosen_by": "logloss", "loss": "logloss",
          "metrics": [targets.metric("accuracy", "accuracy", "larger", "progress", "percent"),
                      targets.metric("logloss", "log loss", "smaller", "progress"),
                      targets.metric("macro_auc", "macro AUC", "larger", "summary")]}

FIGURES = {"rows": 100, "accuracy": 0.9, "constant_accuracy": 0.5, "accuracy_error": 0.03,
           "logloss": 0.31, "constant_logloss": 1.05, "logloss_error": 0.02, "macro_auc": 0.98}


def image(row, width=3, height=2):
    return {"row": row, "actual": 1, "predicted": 0, "probability": 0.00001, "width": width,
            "height": height, "pixels": [0, 64, 128, 192, 255, 7]}


def made_up(*cells, names=("cat", "dog", "<i>"), images=(), **test):
    """A run of classes with these cells of its confusion: (actual, predicted, rows)."""
    tables = {"confusion": [dict(zip(("actual", "predicted", "rows"), cell)) for cell in cells],
              "worst": [{"row": 41, "actual": 1, "predicted": 0, "probability": 0.00001},
                        {"row": 7, "actual": 2, "predicted": 2, "probability": 0.43}]}
    return Record(pathlib.Path("made-up"), {"test": {**FIGURES, **test}},
                  {"test": tables, "worst_images": list(images)}, {},
                  {"labels": [{"value": "cat", "rows": 3},
                              {"value": {"latin1": "dög"}, "rows": 1}]},
                  target=targets.described({**TARGET, "classes": tuple(names)}))


CELLS = ((0, 0, 50), (1, 1, 25), (1, 0, 5), (0, 1, 3), (2, 1, 2), (2, 2, 15))


class WordsTest(unittest.TestCase):
    def test_the_most_frequent_confusion_is_told(self):
        right = ((0, 0, 50), (1, 1, 2))
        for cells, words in (
                (CELLS, "90 of 100 test rows (90.0\u202f%) are put into their class; most often "
                 "dog is taken for cat (5 rows)."),
                (right, "All 52 test rows are put into their class."),
                ((*right, (2, 1, 1)), "52 of 53 test rows (98.1\u202f%) are put into their class; "
                 "no class is taken for another one more than once."),
                ((), ""), (((0, 9, 3), (-1, 0, 2), (0, 0, 0)), "")):
            self.assertEqual(class_figures.told(made_up(*cells)), words)

    def test_a_few_classes_are_drawn(self):
        page = run_page.render(made_up(*CELLS))
        self.assertEqual(Page(page).complaints, [])
        for words in ("<title>dog taken for cat: 5 rows, 16.7\u202f% of this class</title>",
                      "<title>&lt;i&gt;, rightly: 15 rows, 88.2\u202f% of this class</title>",
                      # Class, test rows, found, right.
                      '<th scope="row">dog</th><td>30</td><td>83.3\u202f%</td><td>83.3\u202f%</td>',
                      '<th scope="row">42</th><td>dog</td><td>cat</td><td>&lt;\u202f0.01\u202f%',
                      '<th scope="row">dög</th><td>1</td><td>25.0\u202f%</td>',
                      "90.0\u202f%</div>"):
            self.assertTrue(words in page, words)
        self.assertFalse("<i>" in page)

    def test_of_many_classes_the_most_frequent_confusions_are_listed(self):
        names = [f"class {i}" for i in range(21)]
        cells = [(i, i, 50 - i) for i in range(21)] + [(i, 0, i) for i in range(1, 21)]
        page = run_page.render(made_up(*cells, names=names))
        self.assertEqual(Page(page).complaints, [])
        self.assertFalse("predicted class" in page)
        self.assertTrue("The most frequent of 20 ways in which one of 21 classes was taken for "
                        "another." in page)
        rows = re.findall(r'<th scope="row">(class \d+)</th><td>class 0</td><td>(\d+)</td>', page)
        self.assertEqual(rows[:2], [("class 20", "20"), ("class 19", "19")])
        self.assertEqual(len(rows), class_figures.SHOWN + 20)

    def test_cells_show_what_they_have_room_for(self):
        """On a narrow page a number that is wider than its cell is left to the table."""
        names = [f"class {i}" for i in range(20)]
        page = run_page.render(made_up(*((i, i, 1234) for i in range(20)), names=names))
        narrow, wide = re.findall(
            r"<svg [^>]*><title>actual class against predicted class.*?</svg>", page)
        self.assertEqual(narrow.count(">1.23\u202fk</text>") + narrow.count(">1\u202f234</text>"),
                         0)
        self.assertEqual(wide.count('class="on-bar">1\u202f234</text>'), 20)

    def test_better_and_worse_than_a_constant(self):
        run = made_up(*CELLS)
        self.assertEqual(
            verdict.against_constant(run.metrics, {}, run.target),
            "test accuracy is 40.0 percentage points higher than that of predicting the most "
            "frequent class of the training rows for every row, 50.0\u202f% (standard error of the "
            "difference 3.0 percentage points)")
        run = made_up(*CELLS, logloss=1.2)
        self.assertTrue(verdict.worse_than_constant(
            run.metrics, {"optimizer": {"learning_rate": 1.0}, "train": {"epochs": 2}}, {},
            run.target).startswith(
                "this model is worse than none by its log loss, though not by its accuracy: its "
                "test log loss is 1.2000, and predicting the shares of the classes in the training "
                "rows for every row has 1.0500 (standard error of the difference 0.0200); "))

    def test_importance_of_a_share_is_in_percentage_points(self):
        run = made_up(*CELLS)
        run.evaluation["top_features"] = [{"name": "age", "importance": 0.0712}]
        page = run_page.render(run)
        self.assertTrue("Columns by the percentage points of accuracy lost when" in page)
        self.assertTrue('<th scope="row">age</th><td>7.12</td>' in page)

    def test_names_that_are_no_utf8_are_shown(self):
        folder = RunFolder(self.enterContext(tempfile.TemporaryDirectory()))
        folder.write_json("target.json", {**TARGET, "classes": ["a", {"latin1": "größe"}]})
        self.assertEqual(find(folder).classes, ("a", "größe"))

    def test_hostile_values_never_break_the_page(self):
        rng = random.Random(5)
        for part in ("metrics", "evaluation"):
            for _ in range(80):
                run = copy.deepcopy(made_up(*CELLS, images=[image(3), image(4)]))
                path = spoil(rng, getattr(run, part))
                with self.subTest(part=part, path=path):
                    page = run_page.render(run)
                    self.assertEqual(re.findall(r"\b(?:nan|inf)\b", re.sub(
                        r"base64,[^\"]*", "", page)), [])
                    self.assertEqual(Page(page).complaints, [])


class ImagesTest(unittest.TestCase):
    def test_the_worst_ones_are_drawn_with_words(self):
        page = run_page.render(made_up(*CELLS, images=[image(41), image(7, width=4)]))
        self.assertEqual(Page(page).complaints, [])
        found = re.findall(r'<img src="data:image/png;base64,([^"]*)" alt="([^"]*)"><span>(.*?)<',
                           page)
        self.assertEqual([words for _, *words in found], [
            ["Image 42 of the test rows: dog taken for cat",
             "dog taken for cat, &lt;\u202f0.01\u202f%"]])  # the other has too few pixels
        self.assertEqual(base64.b64decode(found[0][0]), png.file(3, 2, image(0)["pixels"]))

    def test_a_file_is_as_the_format_says(self):
        data = png.file(3, 2, [0, 64, 128, 192, 255, 7])
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        chunks, at = [], 8
        while at < len(data):
            size, kind = struct.unpack_from(">I4s", data, at)
            body = data[at + 8:at + 8 + size]
            self.assertEqual(struct.unpack_from(">I", data, at + 8 + size)[0],
                             zlib.crc32(kind + body))
            chunks.append((kind, body))
            at += 12 + size
        self.assertEqual([kind for kind, _ in chunks], [b"IHDR", b"IDAT", b"IEND"])
        self.assertEqual(chunks[0][1], struct.pack(">II5B", 3, 2, 8, 0, 0, 0, 0))
        self.assertEqual(zlib.decompress(chunks[1][1]), bytes([0, 0, 64, 128, 0, 192, 255, 7]))


if __name__ == "__main__":
    unittest.main()
