"""What `rubato init` makes of columns as people have them: markers of missing values, sentinels,
codes, counts, and numbers with marks."""

import json
import random
import unittest

from real_fleet import FleetTest

ROWS = 2000
MARKERS = ("\\N", "-", "None", "#DIV/0!", "(null)", ".A", "<NA>", "1.#QNAN", "n/a", ".")
YEARS = ("< 1 year", "1 year", *(f"{n} years" for n in range(2, 10)), "10+ years")
EFFECTS = [((code * 37) % 11 - 5) * 0.06 for code in range(26)]

# Column -> (one value of row i, what it is taken as, a word of the reason)
COLUMNS = {
    "income": (lambda i, r: MARKERS[i // 10 % 10] if i % 10 == 0 else f"{r.uniform(9e3, 9e4):.2f}",
               "number", "numbers"),
    "rent": (lambda i, r: "-999" if i % 20 == 0 else f"{r.uniform(300, 2000):.0f}", "number", ""),
    "debt": (lambda i, r: "99999999" if i % 25 == 0 else f"{r.uniform(0, 5e4):.0f}", "number", ""),
    "region": (lambda i, r: f"{r.randint(1, 56):02}", "category", "leading zeros"),
    "sector_code": (lambda i, r: str(r.randint(1, 40)), "category", "name"),
    "v26": (lambda i, r: str(i % 26), "category", "rises and falls"),
    "children": (lambda i, r: str(r.choice((0, 0, 0, 1, 1, 2, 3, 4))), "number", "count"),
    "rate": (lambda i, r: f"{r.uniform(5, 25):.2f}%", "number", "percent"),
    "amount": (lambda i, r: f"${r.uniform(500, 40000):,.2f}", "number", "'$'"),
    "balance": (lambda i, r: f"({r.uniform(1, 9000):,.0f})" if i % 3 else "1,200", "number",
                "separators"),
    "term": (lambda i, r: r.choice((" 36 months", " 60 months")), "number", "in months"),
    "employed": (lambda i, r: r.choice(YEARS), "number", "in years"),
    "grade": (lambda i, r: r.choice("123AB"), "category", ""),
    "opened": (lambda i, r: f"2015-0{r.randint(1, 9)}-1{r.randint(0, 9)}", "left_out", "dates"),
}
MISSING = {"income": ROWS // 10, "rent": ROWS // 20, "debt": ROWS // 25}


class OddColumnsTest(FleetTest):
    def write(self):
        draw = random.Random(7)
        lines = ["\t".join([*COLUMNS, "label"])]
        for i in range(ROWS):
            label = int(draw.random() < 0.35 + EFFECTS[i % 26])
            lines.append("\t".join([*(make(i, draw) for make, _, _ in COLUMNS.values()),
                                   str(label)]))
        (self.path / "odd.csv").write_text("\n".join(lines) + "\n")

    def test_each_column_is_what_a_person_would_take_it_for_and_why_is_said(self):
        self.write()
        code, stdout, stderr = self.rubato("init", "odd.csv", "--label", "label", "--json")
        self.assertEqual(code, 0, stderr)
        seen = {column["name"]: column for column in json.loads(stdout)["columns"]}
        for name, (_, kind, word) in COLUMNS.items():
            with self.subTest(column=name):
                self.assertEqual(seen[name]["type"], kind, seen[name]["reason"])
                self.assertIn(word, seen[name]["reason"])
        self.check_table()

    def check_table(self):
        """The table counts what will be missing, however it was spelled."""
        (self.path / "odd.toml").unlink()
        code, stdout, stderr = self.rubato("init", "odd.csv", "--label", "label")
        self.assertEqual(code, 0, stderr)
        rows = {line.split()[0]: line for line in stdout.splitlines() if line.startswith("  ")}
        for name, missing in MISSING.items():
            self.assertIn(f" {missing} ", rows[name])
        text = (self.path / "odd.toml").read_text()
        self.assertIn('missing = ["rent=-999", "debt=99999999"]', text)


if __name__ == "__main__":
    unittest.main()
