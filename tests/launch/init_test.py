#!/usr/bin/env python3
"""`rubato init` on what a fake rubato-data saw: the choices it makes, and what it says of them."""

import json
import sys
import unittest

from fake_fleet import ROOT, FakeFleetTest

sys.path.insert(0, str(ROOT / "launch"))
from rubato_cli.own_data import column_table, label_guess  # noqa: E402


class InitTest(FakeFleetTest):
    def test_init_writes_a_run_file_once(self):
        (self.path / "my.csv").write_text("ID,AGE,y good bad good")
        code, stdout, stderr = self.rubato("init", "my.csv", "--label", "y")
        self.assertEqual(code, 0, stderr)
        text = (self.path / "my.toml").read_text()
        for line in ('path = "my.csv"', 'label = "y"',
                     'positive = "bad"  # guessed from the word \'bad\'',
                     'drop = ["ID", "AGE", "DAY"]', 'categorical = ["odd \\"name\\"", "CODE"]',
                     'missing = ["INCOME=-999"]'):
            self.assertIn(line + "\n", text)
        self.assertIn("3 rows, 1 positive (y = bad); 1 numeric and 2 categorical columns, 3 left "
                      "out\n  the positive value 'bad' was guessed from the word 'bad', beside "
                      "'good' (2); if it is the other, change positive in my.toml or give "
                      "--positive\n", stdout)
        self.assertIn("  column      taken as  missing  different  values        why\n"
                      "  ID          left out    1,000          5  1, a\\nb, ...  "
                      "looks like an id\n"
                      '  odd "name"  category    1,000          5  1, a\\nb, ...  texts\n',
                      stdout)
        self.assertIn("  left out: column 'ID' looks like an id\n  left out: column "
                      "'AGE' holds $1; write 1\n  left out: column 'DAY' holds dates; name it in "
                      "data.time and take it out of drop\n  taken as missing: column 'INCOME': "
                      "-999 (7 rows) is far; take it out of missing if it is a "
                      "measurement\n", stdout)
        code, _, stderr = self.rubato("init", "my.csv", "--label", "y")
        self.assertEqual(code, 2)
        self.assertIn("my.toml exists already", stderr)
        code, _, stderr = self.rubato("init", "nope.csv", "--label", "y")
        self.assertEqual((code, stderr.splitlines()[-1]), (2, "rubato: opening nope.csv failed: No "
                                                       "such file or directory; check the path"))

    def test_of_more_than_two_values_the_positive_ones_are_named(self):
        (self.path / "three.csv").write_text("y paid late paid lost grace")
        code, _, stderr = self.rubato("init", "three.csv", "--label", "y")
        self.assertEqual(code, 2)
        self.assertIn("column 'y' holds 'paid' (2), 'late' (1), 'lost' (1), 'grace' (1): say "
                      "which count as 1 (the rest counts as 0), as in --positive late --positive "
                      'lost, which writes positive = ["late", "lost"]', stderr)
        self.assertIn("; or learn each of them, with --target classes", stderr)
        self.assertFalse((self.path / "three.toml").exists())
        flags = ("--positive", "late", "--positive", "lost")
        code, stdout, stderr = self.rubato("init", "three.csv", "--label", "y", *flags)
        self.assertEqual(code, 0, stderr)
        self.assertIn("2 positive (y = late or lost)", stdout)
        self.assertIn("the rest counts as 0: 'paid' (2), 'grace' (1)", stdout)
        self.assertIn('positive = ["late", "lost"]\n', (self.path / "three.toml").read_text())
        for flag, words in (("Late", "does not hold it, but 'paid' (2), 'late' (1)"),
                            ("grace", "")):
            code, _, stderr = self.rubato("init", "three.csv", "--label", "y", "--positive", flag,
                                          "--out", "again.toml")
            self.assertEqual(code, 2 if words else 0, stderr)
            self.assertIn(words, stderr)
        (self.path / "many.csv").write_text("y " + " ".join(f"v{i}" for i in range(201)))
        code, _, stderr = self.rubato("init", "many.csv", "--label", "y")
        self.assertEqual(code, 2)
        self.assertIn("column 'y' has more than 200 values, and not all are numbers; "
                      "choose another --label, or mend those rows", stderr)

    def test_a_value_from_a_line_that_is_no_row_is_no_choice(self):
        (self.path / "joined.csv").write_text("y 0 1 y 0 1")
        code, _, stderr = self.rubato("init", "joined.csv", "--label", "y")
        self.assertEqual(code, 2)
        self.assertTrue(stderr.endswith("rubato: joined.csv: the header again\n"), stderr)

    def test_words_in_a_value_go_before_rarity(self):
        for bad, good, word in (
                ("Charged Off", "Fully Paid", "charged off"), ("default", "No default", "default"),
                ("bad", "Not bad", "bad"), ("Defaulted", "non-default", "defaulted"),
                ("fraud", "no fraud", "fraud"), ("late", "never late", "late"),
                ("Yes", "No", "yes"), ("TRUE", "FALSE", "true"), ("Y", "N", "y"),
                ("PastDue", "Current", "past due"), ("has not paid", "has paid", "not paid"),
                ("Delinquent", "B", "delinquent"), ("M", "benign", "benign"),
                ("malignant", "benign", "malignant"), ("unpaid", "paid", "unpaid"),
                ("Exited", "Stayed", "exited"), ("churn", "didn't churn", "churn"),
                ("nonperforming", "performing", "nonperforming"),
                ("fraud", "no loss or fraud", "fraud"), ("paid late", "paid in time", "late")):
            guess = label_guess.guess({bad: 90, good: 10})
            self.assertEqual(guess.positive, bad)
            self.assertIn(f"the word '{word}'", guess.how)

    def test_without_words_numbers_and_then_rarity_decide(self):
        for values, positive, how in (({"1": 9, "0": 1}, "1", "1 beside 0"),
                                      ({"+1.0": 9, "-1": 1}, "+1.0", "1 beside 0"),
                                      ({"1": 9, "2": 1}, "2", "rarer"),
                                      ({"default": 9, "late": 1}, "late", "rarer"),
                                      ({"Claim": 9, "No claim": 1}, "Claim", "denies"),
                                      ({"None": 1, "Claim": 9}, "Claim", "denies"),
                                      ({"notable": 9, "paidup": 1}, "paidup", "rarer")):
            guess = label_guess.guess(values)
            self.assertEqual(guess.positive, positive)
            self.assertIn(how, guess.how)

    def test_a_guess_that_may_be_the_wrong_one_is_said_to_be(self):
        frequent = "it is the more frequent one"
        good = "the label's name sounds as if it were the good outcome"
        for label, values, positive, reason in (
                ("y", {"1": 9, "0": 1}, "1", frequent), ("y", {"1": 1, "0": 9}, "1", ""),
                ("y", {"bad": 6, "good": 5}, "bad", frequent),
                ("repaid", {"1": 1, "0": 9}, "1", good), ("not_repaid", {"1": 1, "0": 9}, "1", ""),
                ("LoanApproved", {"yes": 1, "no": 9}, "yes", good),
                ("n", {"yes": 1, "no": 9}, "yes", ""),
                ("approved_fraud", {"1": 1, "0": 9}, "1", ""),
                ("accepted_then_defaulted", {"1": 1, "0": 9}, "1", ""),
                ("passed_away", {"1": 1, "0": 9}, "1", ""),
                ("passed", {"1": 1, "0": 9}, "1", good),
                ("approved_not_late", {"1": 1, "0": 9}, "1", good),
                ("paid", {"late": 1, "paid": 9}, "late", "")):
            self.assertEqual(label_guess.doubt(label, values, positive), reason, label)
        (self.path / "repaid.csv").write_text("repaid 0 0 1")
        _, stdout, stderr = self.rubato("init", "repaid.csv", "--label", "repaid")
        self.assertIn(f"'0' (2); but {good}: ", stdout, stderr)
        self.assertIn(': positive = "0" in repaid.toml turns it round\n', stdout)

    def test_what_is_offered_as_positive_is_what_sounds_so(self):
        for values, offered in ((["0", "0.5", "1"], ["0.5", "1"]), (["-1", "0", "1"], ["1"]),
                                (["0", "1", "no", "yes", "YES"], ["1", "yes", "YES"]),
                                (["1", "2", "3"], ["3"]), (["paid", "late"], ["late"])):
            rows = {value: 9 - i for i, value in enumerate(values)}
            self.assertEqual(label_guess.candidates(rows), offered)

    def test_hidden_layers_are_for_many_rows_of_both_classes(self):
        few = 'kind = "linear"  # few rows; or "mlp", "wide_deep", "deepfm"\n'
        for bad, good, line in ((200, 1800, 'kind = "mlp"  # or "linear", "wide_deep", '
                                            '"deepfm"\n'),
                                (199, 1801, few), (1801, 199, few), (200, 1799, few)):
            (self.path / "size.csv").write_text("y" + " bad" * bad + " good" * good)
            code, stdout, stderr = self.rubato("init", "size.csv", "--label", "y")
            self.assertEqual(code, 0, stderr)
            self.assertIn(line, (self.path / "size.toml").read_text(), (bad, good))
            self.assertIn("  different values are those of the first 1,000 rows\n", stdout)
            (self.path / "size.toml").unlink()

    def test_how_the_lines_are_laid_out_is_passed_on_and_written(self):
        (self.path / "bare.csv").write_text("x good bad")
        for flags, lines in (([], ""), (["--no-header"], "header = false\n"),
                             (["--header", "--skip-lines", "2"],
                              "header = true\nskip_lines = 2\n")):
            code, stdout, stderr = self.rubato("init", "bare.csv", "--label", "column_2", "--json",
                                               *flags)
            self.assertEqual(code, 0, stderr)
            self.assertIn(f'label = "column_2"\n{lines}positive = "bad"',
                          (self.path / "bare.toml").read_text())
            asked = json.loads(stdout)["asked"]
            for flag in flags or ["--skip-lines", "0"]:
                self.assertIn(flag, asked)
            self.assertEqual({"--header", "--no-header"}.intersection(asked),
                             {"--header", "--no-header"}.intersection(flags))
            (self.path / "bare.toml").unlink()

    def test_a_label_that_is_not_utf8_is_no_value_of_a_run_file(self):
        (self.path / "odd.csv").write_bytes(b"y m\xe4nnlich weiblich")
        code, _, stderr = self.rubato("init", "odd.csv", "--label", "y")
        self.assertEqual(code, 2)
        self.assertIn("odd.csv: a value of column 'y' is not UTF-8; convert the file, as in iconv "
                      "-f cp1252", stderr)
        self.assertFalse((self.path / "odd.toml").exists())

    def test_init_chooses_the_positive_value_and_counts_rows_without_a_label(self):
        for values, positive in (("0 1 1", "1"), ("-1 +1 +1", "+1"), ("1 1 2", "2"),
                                 ("1.0 0.0 1.0", "1.0"), ("no Yes Yes", "Yes"),
                                 ("Default Paid Default", "Default"), ("a b a", "b")):
            (self.path / "my file.csv").write_text(f"y {values} ?")
            code, stdout, stderr = self.rubato("init", "my file.csv", "--label", "y")
            self.assertEqual(code, 0, stderr)
            self.assertIn(f"4 rows (1 without a label will be dropped), {values.count(positive)} "
                          f"positive (y = {positive})", stdout)
            self.assertIn("train 'my file.toml' --out 'my file-run'\n", stdout)
            (self.path / "my file.toml").unlink()


class ColumnTableTest(unittest.TestCase):
    def test_bytes_that_are_no_utf8_are_escaped(self):
        column = {"name": "stadt", "type": "category", "reason": "texts", "missing": 0,
                  "distinct": 2, "examples": [{"latin1": "K\xf6ln \x80"}, "Köln"]}
        self.assertIn("  K\\xf6ln \\x80, Köln  ", column_table.lines([column], "x.csv")[1])

    def test_many_columns_are_grouped(self):
        columns = [{"name": f"c{i}", "type": "number", "reason": "numbers", "missing": 0,
                    "distinct": 3, "examples": ["1"]} for i in range(1000)]
        columns[500]["type"], columns[500]["reason"] = "category", "texts"
        self.assertEqual(column_table.lines(columns, "x.csv"), [
            "  number (numbers): c0, c1, c2, c3 and 995 more", "  category (texts): c500",
            "  each of the 1,000 columns: rubato-data inspect x.csv"])

    def test_long_names_and_values_are_cut(self):
        column = {"name": "n" * 40, "type": "number", "reason": "why", "missing": 0,
                  "texts": 0, "sentinels": [], "distinct": 1, "examples": ["v" * 40]}
        head, row = column_table.lines([column], "x.csv")
        self.assertEqual(row, f"  {'n' * 29}...  number          0          1  {'v' * 27}...  why")
        self.assertEqual(len(head), len(row))


if __name__ == "__main__":
    unittest.main()
