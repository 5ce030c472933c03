#!/usr/bin/env python3
"""Price series (data.format = "series"): from a file of prices to a model of the next day's return
and its predictions, tomorrow's too; and what is said of files and keys that are wrong."""

import csv
import datetime
import json
import math
import os
import pathlib
import random
import unittest

from real_fleet import FleetTest

DATA = os.environ.get("RUBATO_DATA_DIR")

RUN = """\
[fleet]
servers = 1
workers = 1
[train]
staleness = 0
epochs = 2
[target]
kind = "real"
[split]
test_from = "2003-06-02"
[data]
format = "series"
path = "prices.csv"
[series]
date = "Day"
prices = ["Close"]
"""


class SeriesTest(FleetTest):
    rows = 50

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = random.Random(5)
        day, price, calm = datetime.date(2001, 1, 1), 100.0, 1.0
        cls.days, lines = [], ["Day,Close"]
        while len(cls.days) < 700:
            if day.weekday() < 5:
                cls.days.append(day.isoformat())
                lines.append(f"{day},{price:.6f}")
                calm = 0.98 * calm + 0.02 * rng.uniform(0, 2)
                price *= math.exp(rng.gauss(0, 0.01) * calm)
            day += datetime.timedelta(days=1)
        (cls.path / "prices.csv").write_text("\n".join(lines) + "\n")
        cls.lines = lines
        (cls.path / "series.toml").write_text(RUN)

    def test_trains_and_predicts_tomorrow(self):
        code, stdout, stderr = self.train("run", run="series.toml")
        self.assertEqual(code, 0, stderr)
        self.assertIn("the first 500 of 700 days give no row", stdout + stderr)
        cleansing = json.loads((self.path / "run" / "data" / "cleansing.json").read_text()
                               .rsplit("}", 1)[0] + "}")
        tested = sum(day >= "2003-06-02" for day in self.days)
        self.assertEqual(cleansing["rows"]["test"], tested)
        self.assertIn("test from 2003-06-02 on", (self.path / "run" / "report.html").read_text())
        code, _, stderr = self.rubato("predict", "--run", "run", "--in", "prices.csv", "--out",
                                      "out.csv")
        self.assertEqual(code, 0, stderr)
        with open(self.path / "out.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(list(rows[0]), ["date", "next_date", "mean"])
        self.assertEqual([row["date"] for row in rows], self.days[500:])
        self.assertEqual([row["next_date"] for row in rows], [*self.days[501:], ""])

    def test_what_is_wrong_is_a_sentence(self):
        swapped = [*self.lines[:9], self.lines[10], self.lines[9], *self.lines[11:]]
        for name, lines, sentence in (
                ("swapped", swapped, f":11: the day {self.days[8]} comes after {self.days[9]}"),
                ("double", [*self.lines, self.lines[-1]], "stands in line 701 too"),
                ("negative", [*self.lines, "2010-01-01,-1"], "'-1', which is no price above 0"),
                ("few", self.lines[:400], "has 399 days with all prices, and 502 are the least")):
            (self.path / f"{name}.csv").write_text("\n".join(lines) + "\n")
            code, _, stderr = self.train("none", f"data.path={name}.csv", run="series.toml")
            self.assertEqual((code, sentence in stderr), (4, True), stderr)
        for setting, sentence in (("series.prices=['close']", "did you mean 'Close'?"),
                                  ("data.format=csv", "series.date is about a price series"),
                                  ("split.test_from=soon", "neither a number nor a date")):
            code, _, stderr = self.train("none", setting, run="series.toml")
            self.assertEqual((code, sentence in stderr), (2, True), stderr)

    def test_init_names_the_format_where_each_row_is_a_day(self):
        code, stdout, stderr = self.rubato("init", "prices.csv", "--label", "Close")
        self.assertEqual(code, 0, stderr)
        self.assertIn("take it out of drop; if each row is a day with its prices, see data.format "
                      "= \"series\"\n", stdout)

    def test_scaled_returns_are_predicted_in_percent(self):
        metrics = self.train_well("scaled", "series.scale=ewma", run="series.toml")
        self.assertLess(metrics["test"]["rmse"], 2.0)
        code, _, stderr = self.rubato("predict", "--run", "scaled", "--in", "prices.csv", "--out",
                                      "scaled.csv")
        self.assertEqual(code, 0, stderr)
        code, _, stderr = self.train("none", "series.scale=ewma", "target.kind=count",
                                     run="series.toml")
        self.assertEqual((code, "series.scale" in stderr), (2, True), stderr)

    @unittest.skipUnless(DATA, "RUBATO_DATA_DIR is not set: no real data to test with")
    def test_standard_and_poors_500(self):
        path = pathlib.Path(DATA) / "markets" / "qrm_SP500.csv.gz"
        metrics = self.train_well("index", f"data.path={path}", "series.date=Date",
                                  "series.prices=['^GSPC']", "split.test_from=1983-01-28",
                                  run="series.toml")
        self.assertEqual(metrics["test"]["rows"], 8303)


if __name__ == "__main__":
    unittest.main()
