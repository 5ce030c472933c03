#!/usr/bin/env python3
"""A byte of each file of a finished run is changed in turn: it is named, or it changes no score."""

import random
import re
import shutil
import unittest

from real_fleet import FleetTest, flip_a_byte

SETTINGS = ("train.epochs=2", "train.best_epoch=true", "snapshot.every_clocks=25")
LONGER = ("train.epochs=3", *SETTINGS[1:])
# Nothing is read back from these, and the page is made again when somebody asks for it.
FOR_PEOPLE = ("telemetry/", "logs/", "report.html", ".lock")
IMAGE = re.compile(r"snapshots/\d")
# What a command reads of a run.
READ = {"predict": ("config.json", "job.json", "run.toml", "metrics.json", "data/encoding.json",
                    "snapshots/scheduler.state"),
        "resume": ("config.json", "job.json", "run.toml", "target.json", "validations.json",
                   "workers.json", "data/encoding.json", "data/cleansing.json", "data/train.rbd",
                   "data/validation.rbd", "data/test.rbd",
                   "snapshots/scheduler.state"),
        "resume finished": ("job.json", "metrics.json", "target.json")}


class ChecksumTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        test = cls("train_well")
        test.train_well("whole", *SETTINGS)
        cls.scores = test.predict("whole")[2]
        shutil.copytree(cls.path / "whole", cls.path / "longer")
        cls.longer = test.train_well("longer", *LONGER, resume=True)

    def predict(self, run):
        """(exit code, stderr, what was predicted)"""
        scored = self.path / "scored.csv"
        scored.unlink(missing_ok=True)
        code, _, stderr = self.rubato("predict", "--run", run, "--in", "few.csv", "--out",
                                      "scored.csv")
        return code, stderr, scored.read_bytes() if scored.exists() else None

    def files(self, chance):
        """Those with something in them, by their paths in the folder; of those for people, and of
        the images, which are alike, some."""
        whole = self.path / "whole"
        names = sorted(str(file.relative_to(whole)) for file in whole.rglob("*")
                       if file.is_file() and file.stat().st_size > 0)
        alike = ([name for name in names if name.startswith(FOR_PEOPLE)],
                 [name for name in names if IMAGE.match(name)])
        chosen = {name for group in alike for name in chance.sample(group, 4)}
        return sorted({*names}.difference(*alike) | chosen)

    def damaged(self, name, chance):
        """A copy of the run with a byte of its file `name` changed."""
        run = self.path / "damaged"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(self.path / "whole", run)
        flip_a_byte(run / name, chance.randrange((run / name).stat().st_size))

    def check(self, command, name, code, stderr):
        """Whether the run went well in spite of the change; then its figures must be the same."""
        self.assertNotIn("Traceback", stderr)
        if name.startswith(FOR_PEOPLE):
            self.assertEqual(code, 0, stderr)
            self.assertNotIn("damaged/" + name, stderr)
        elif name in READ[command]:
            self.assertEqual(code, 4, stderr)
            self.assertIn("damaged/" + name, stderr)
        elif name.startswith("snapshots/") and "warning: snapshot" in stderr:
            self.assertEqual(code, 0, stderr)
            self.assertIn("damaged/" + name, stderr)
            return False
        else:
            self.assertEqual(code, 0, stderr)
        return code == 0

    def test_predict(self):
        chance = random.Random(2)
        for name in self.files(chance):
            with self.subTest(name):
                self.damaged(name, chance)
                code, stderr, scores = self.predict("damaged")
                if self.check("predict", name, code, stderr):
                    self.assertEqual(scores, self.scores)

    def test_resume_for_one_more_epoch(self):
        chance = random.Random(3)
        for name in self.files(chance):
            with self.subTest(name):
                self.damaged(name, chance)
                code, _, stderr = self.train("damaged", *LONGER, resume=True)
                if self.check("resume", name, code, stderr):
                    metrics = self.metrics("damaged")
                    self.assertEqual(metrics["test"], self.longer["test"])
                    self.assertEqual(metrics["validation"], self.longer["validation"])

    def test_resume_of_a_finished_run(self):
        for name in READ["resume finished"]:
            self.damaged(name, random.Random(4))
            code, _, stderr = self.train("damaged", *SETTINGS, resume=True)
            self.check("resume finished", name, code, stderr)

    def test_what_one_digit_of_the_encoding_did(self):
        self.damaged("data/encoding.json", random.Random(5))
        encoding = self.path / "damaged" / "data" / "encoding.json"
        whole = self.path / "whole" / "data" / "encoding.json"
        text = whole.read_text()
        offset = text.index('"mean": ') + len('"mean": ')
        encoding.write_text(text[:offset] + "9" + text[offset + 1:])
        code, stderr, scores = self.predict("damaged")
        self.assertEqual((code, scores), (4, None))
        self.assertIn("damaged/data/encoding.json: is not as it was written", stderr)


if __name__ == "__main__":
    unittest.main()
