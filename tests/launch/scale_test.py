#!/usr/bin/env python3
"""target.scale: a model of labels in a unit of their own is, to the bit, the model of what they are
in that unit, and its predictions and figures are in the label's."""

import csv
import math
import random
import unittest

from real_fleet import FleetTest

RUN = """\
[fleet]
servers = 1
workers = 1
[model]
kind = "mlp"
[train]
staleness = 0
epochs = 3
[target]
kind = "real"
[data]
path = "rows.csv"
label = "part"
drop = ["unit", "whole"]
"""


class ScaleTest(FleetTest):
    rows = 50

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = random.Random(6)
        lines = ["a,b,part,unit,whole"]
        for _ in range(600):
            a, b = rng.randint(0, 99), rng.choice("xyz")
            # Powers of two divide exactly.
            part = round(0.1 * a + "xyz".index(b) + rng.gauss(0, 1), 3)
            unit = 2.0 ** rng.randint(-3, 3)
            lines.append(f"{a},{b},{part},{unit},{part * unit}")
        (cls.path / "rows.csv").write_text("\n".join(lines) + "\n")
        (cls.path / "parts.toml").write_text(RUN)

    def predicted(self, run):
        code, _, stderr = self.rubato("predict", "--run", run, "--in", "rows.csv", "--out",
                                      f"{run}.csv")
        self.assertEqual(code, 0, stderr)
        with open(self.path / f"{run}.csv", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def test_learns_parts_and_predicts_wholes(self):
        of_parts = self.train_well("parts", run="parts.toml")
        of_wholes = self.train_well("wholes", "data.label=whole", "data.drop=['part']",
                                    "target.scale=unit", run="parts.toml")
        parts, wholes = self.predicted("parts"), self.predicted("wholes")
        for part, whole in zip(parts, wholes):
            expected = float(part["mean"]) * float(part["unit"])
            self.assertLess(abs(float(whole["mean"]) - expected), 1e-8 * (1 + abs(expected)))
        # The same rows, in another unit.
        self.assertEqual(of_parts["test"]["rows"], of_wholes["test"]["rows"])
        errors = self.figures_of_test_rows(wholes)
        self.assertAlmostEqual(of_wholes["test"]["rmse"], errors, places=5)
        self.assertLess(of_wholes["test"]["rmse"], of_wholes["test"]["constant_rmse"])

    def figures_of_test_rows(self, rows):
        """RMSE of the rows that split.kind = "hash" tests on, by the file of predictions."""
        from mean_target_test import is_test_row
        squares = [(float(row["whole"]) - float(row["mean"])) ** 2
                   for number, row in enumerate(rows) if is_test_row(number)]
        return math.sqrt(sum(squares) / len(squares))

    def test_a_row_without_its_unit_is_named(self):
        text = (self.path / "rows.csv").read_text() + "1,x,1.5,0,1\n"
        (self.path / "zero.csv").write_text(text)
        settings = ("data.label=whole", "data.drop=['part']", "target.scale=unit")
        code, _, stderr = self.train("zero", *settings, "data.path=zero.csv", run="parts.toml")
        self.assertEqual(code, 4)
        self.assertIn("zero.csv:602: column 'unit' (target.scale) holds '0'", stderr)
        code, _, stderr = self.train("binary", *settings, "target.kind=count", run="parts.toml")
        self.assertEqual(code, 2)
        self.assertIn('target.scale means nothing where target.kind = "count"', stderr)


if __name__ == "__main__":
    unittest.main()
