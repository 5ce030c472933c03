#!/usr/bin/env python3
"""Images (data.format = "idx"): from two files of bytes to a model, its page and its predictions,
and what is said of files that are wrong."""

import csv
import gzip
import os
import pathlib
import random
import struct
import unittest

from real_fleet import FleetTest

DATA = os.environ.get("RUBATO_DATA_DIR")

RUN = """\
[fleet]
servers = 1
workers = 1
[model]
kind = "linear"
[train]
staleness = 0
epochs = 3
[target]
kind = "count"
[data]
format = "idx"
path = "images"
labels = "labels"
"""


def idx(shape, data):
    return b"\0\0\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + data


class ImagesTest(FleetTest):
    rows = 50

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = random.Random(4)
        images, labels = bytearray(), bytearray()
        for _ in range(600):
            # As many bright pixels of the middle rows as the label says.
            label = rng.randint(0, 4)
            bright = rng.sample(range(6, 18), label)
            images += bytes(rng.randint(200, 255) if pixel in bright else 0 for pixel in range(24))
            labels.append(label)
        (cls.path / "images").write_bytes(gzip.compress(idx((600, 4, 6), images)))
        (cls.path / "labels").write_bytes(idx((600,), labels))
        (cls.path / "more").write_bytes(idx((40, 4, 6), bytes(images[:40 * 24])))
        (cls.path / "more_labels").write_bytes(idx((40,), bytes(labels[:40])))
        (cls.path / "images.toml").write_text(RUN)

    def test_trains_and_predicts_by_the_images_alone(self):
        code, stdout, stderr = self.train("run", run="images.toml")
        self.assertEqual(code, 0, stderr)
        said = [line for line in (stdout + stderr).splitlines() if line.startswith("warning:")]
        self.assertEqual(len(said), 1, said)
        self.assertIn("12 columns have one value each", said[0])
        metrics = self.metrics("run")["test"]
        self.assertLess(metrics["poisson_deviance_x100"],
                        0.7 * metrics["constant_poisson_deviance_x100"])
        code, _, stderr = self.rubato("predict", "--run", "run", "--in", "more", "--out", "out.csv")
        self.assertEqual(code, 0, stderr)
        self.assertNotIn("warning", stderr)
        with open(self.path / "out.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["image"] for row in rows], [str(i) for i in range(40)])
        self.assertEqual(list(rows[0]), ["image", "rate", "expected"])

    def test_what_is_wrong_is_a_sentence(self):
        whole = (self.path / "more").read_bytes()
        small = idx((40, 2, 6), bytes(480))
        for name, data, sentence in (("cut", whole[:-1], "ends within item 39"),
                                     ("long", whole + b"\0", "goes on behind the last of the 40"),
                                     ("text", b"a,b\n1,2\n", "is no idx file")):
            (self.path / name).write_bytes(data)
            code, _, stderr = self.train("none", f"data.path={name}", "data.labels=more_labels",
                                         run="images.toml")
            self.assertEqual((code, sentence in stderr), (4, True), stderr)
        code, _, stderr = self.train("none", "data.path=more", run="images.toml")
        self.assertEqual(code, 4)
        self.assertIn("has 40 images, and", stderr)
        code, _, stderr = self.train("none", "data.labels=''", run="images.toml")
        self.assertEqual(code, 2)
        self.train_well("small", "train.epochs=1", run="images.toml")
        (self.path / "small.idx").write_bytes(small)
        code, _, stderr = self.rubato("predict", "--run", "small", "--in", "small.idx", "--out",
                                      "s.csv")
        self.assertEqual(code, 2)
        self.assertIn("its images have 2 x 6 pixels, and the model learns ones of 4 x 6", stderr)

    def test_init_says_what_to_write_for_files_without_columns(self):
        for name, sentence in (
                ("images", "images: is an idx file of images; use data.format = \"idx\" in a run "
                           "file, with it in data.path and the file of labels in data.labels"),
                ("labels", "labels: is an idx file of one dimension, as labels are; use "
                           "data.format = \"idx\" in a run file, with it in data.labels and the "
                           "file of images in data.path")):
            code, _, stderr = self.rubato("init", name, "--out", "new.toml")
            self.assertEqual((code, stderr.splitlines()[-1]), (4, f"rubato: {sentence}"))
        code, _, stderr = self.rubato("init", "book.csv")
        self.assertEqual(code, 2)
        self.assertRegex(stderr, "--label is missing; name the column to predict, one of '.*', "
                                 "'.*' and [0-9]+ others")

    @unittest.skipUnless(DATA, "RUBATO_DATA_DIR is not set: no real data to test with")
    def test_handwritten_digits(self):
        digits = pathlib.Path(DATA) / "digits"
        metrics = self.train_well(
            "digits", f"data.path={digits}/t10k-images-idx3-ubyte.gz",
            f"data.labels={digits}/t10k-labels-idx1-ubyte.gz", "target.kind=binary",
            "data.positive=3", run="images.toml")
        self.assertGreater(metrics["test"]["auc"], 0.96)


if __name__ == "__main__":
    unittest.main()
