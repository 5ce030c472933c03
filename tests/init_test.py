#!/usr/bin/env python3
"""`rubato init` on what a fake rubato-data saw: the choices it makes, and what it says of them."""

import unittest

from fake_fleet import FakeFleetTest


class InitTest(FakeFleetTest):
    def test_init_writes_a_run_file_once(self):
        (self.path / "my.csv").write_text("ID,AGE,y good bad good")
        code, stdout, stderr = self.rubato("init", "my.csv", "--label", "y")
        self.assertEqual(code, 0, stderr)
        text = (self.path / "my.toml").read_text()
        for line in ('path = "my.csv"', 'label = "y"', 'positive = "bad"',
                     'drop = ["ID", "AGE", "DAY"]', 'categorical = ["odd \\"name\\"", "CODE"]'):
            self.assertIn(line + "\n", text)
        self.assertIn("3 rows, 1 positive (y = bad); 0 numeric and 2 categorical columns, 3 left "
                      "out\n  left out: column 'ID' looks like an id\n  left out: column 'AGE' "
                      "holds $1; write 1\n  left out: column 'DAY' holds dates; name it in "
                      "data.time and take it out of drop\n  taken as a category: column 'CODE' "
                      "holds codes\n", stdout)
        code, _, stderr = self.rubato("init", "my.csv", "--label", "y")
        self.assertEqual(code, 2)
        self.assertIn("my.toml exists already", stderr)
        code, _, stderr = self.rubato("init", "nope.csv", "--label", "y")
        self.assertEqual((code, stderr.splitlines()[-1]), (2, "rubato: opening nope.csv failed: No "
                                                       "such file or directory; check the path"))
        (self.path / "three.csv").write_text("y 1 2 3")
        code, _, stderr = self.rubato("init", "three.csv", "--label", "y")
        self.assertEqual(code, 2)
        self.assertIn("column 'y' holds '1', '2', '3', and a label has two values", stderr)
        self.assertFalse((self.path / "three.toml").exists())

    def test_a_label_that_is_not_utf8_is_no_value_of_a_run_file(self):
        (self.path / "odd.csv").write_bytes(b"y m\xe4nnlich weiblich")
        code, _, stderr = self.rubato("init", "odd.csv", "--label", "y")
        self.assertEqual(code, 2)
        self.assertIn("odd.csv: a value of column 'y' is not UTF-8; convert the file, as in iconv",
                      stderr)
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

    def test_init_cuts_few_rows_into_small_batches(self):
        for rows, batch, epochs in ((3, 16, 30), (9_999, 16, 30), (12_800, 32, 10),
                                    (200_000, 256, 10)):
            (self.path / "few.csv").write_text("y 0" + " 1" * (rows - 1))
            code, _, stderr = self.rubato("init", "few.csv", "--label", "y")
            self.assertEqual(code, 0, stderr)
            text = (self.path / "few.toml").read_text()
            self.assertIn(f"epochs = {epochs}\nbatch = {batch} ", text)
            (self.path / "few.toml").unlink()


if __name__ == "__main__":
    unittest.main()
