#!/usr/bin/env python3
"""Gradients that are no numbers and training that runs away, in real fleets: who makes them is put
out, and who asks for it goes back."""

import json
import os
import subprocess
import sys
import unittest

from real_fleet import BIN, ROOT, FleetTest

# Steps so long that the first pass ends far above any loss that a beginning has.
RUNS_AWAY = ("optimizer.kind=sgd", "optimizer.learning_rate=100", "train.best_epoch=true",
             "train.epochs=4")


class RollbackTest(FleetTest):
    def test_a_run_that_diverges_ends(self):
        code, _, stderr = self.train("as-ever", *RUNS_AWAY)
        self.assertEqual(code, 4, stderr)
        self.assertRegex(stderr, r"training diverged at clock \d+: .*; lower optimizer")

    def test_one_that_asks_for_it_comes_back_with_shorter_steps_and_ends_well(self):
        metrics = self.train_well("back", *RUNS_AWAY, "train.rollback_above=2",
                                  "train.rollback_rate=0.01")
        rollbacks = metrics["faults"]["rollbacks"]
        self.assertEqual([(one["clock"], one["snapshot"]) for one in rollbacks], [(0, 0)])
        self.assertAlmostEqual(rollbacks[0]["learning_rate"], 1)
        self.assertIn("training diverged", rollbacks[0]["why"])
        self.assertEqual(metrics["train"]["clock"], self.job("back")["last_clock"])
        self.assertEqual(metrics["train"]["resumed_from_clock"], 0)
        self.assertGreater(metrics["test"]["auc"], 0.6)
        code, stdout, _ = self.rubato("status", "back")
        self.assertEqual(code, 0)
        self.assertRegex(stdout, r"(?m)^went back to clock 0, on with learning rate 1: training")
        self.assertIn("went back by itself", (self.path / "back" / "report.html").read_text())
        # The run file is the same, and so is the run.
        more = self.train_well("back", *RUNS_AWAY, "train.epochs=5", "train.rollback_above=2",
                               "train.rollback_rate=0.01", resume=True)
        self.assertEqual(more["faults"]["rollbacks"], rollbacks)

    def test_one_that_runs_away_again_and_again_ends(self):
        code, _, stderr = self.train("spent", *RUNS_AWAY, "train.rollback_above=2",
                                     "train.rollback_rate=1")
        self.assertEqual(code, 4, stderr)
        self.assertEqual(stderr.count("; going back to clock 0, "), 3, stderr)
        self.assertRegex(stderr.splitlines()[-1],
                         r"^rubato: training diverged at clock \d+: .*; the run has gone back 3 "
                         r"times already, and its learning rate is down to 100: lower ")

    def test_it_goes_back_to_the_best_epoch(self):
        """Any epoch that is not the best so far is one too many here."""
        out = "best"
        settings = ("optimizer.kind=sgd", "optimizer.learning_rate=3", "train.best_epoch=true",
                    "train.epochs=30", "train.batch=16", "train.rollback_above=1.00001",
                    "train.rollback_rate=0.9")
        code, _, stderr = self.train(out, *settings)
        self.assertIn(code, (0, 4), stderr)
        rollbacks = json.loads((self.path / out / "rollbacks.json").read_text())["rollbacks"]
        self.assertRegex(rollbacks[0]["why"],
                         r"^epoch \d+: validation log loss is [\d.]+, and [\d.]+ was the best "
                         r"before$")
        self.assertGreater(rollbacks[0]["snapshot"], 0)
        self.assertEqual((rollbacks[0]["clock"] + 1) % self.job(out)["iterations_per_epoch"], 0)
        self.assertEqual([round(one["factor"], 9) for one in rollbacks],
                         [0.9, 0.81, 0.729][:len(rollbacks)])
        self.assertEqual(code == 4, stderr.splitlines()[-1].startswith("rubato: epoch "), stderr)

    def test_what_cannot_be_is_refused(self):
        for settings, sentence in (
                (("train.rollback_above=1",), "give a number above 1, as 2.0"),
                (("train.rollback_above=2",), "train.best_epoch = false keeps none"),
                (("train.strikes=5", "train.deterministic=true"), "leave train.strikes out")):
            with self.subTest(settings):
                code, _, stderr = self.train("refused", *settings)
                self.assertEqual(code, 2, stderr)
                self.assertIn(sentence, stderr)


AMOUNTS = """\
[fleet]
servers = 1
workers = 2
[data]
format = "csv"
path = "{name}.csv"
label = "y"
[target]
kind = "real"
[optimizer]
kind = "adagrad"
learning_rate = 0.05
[train]
epochs = 4
batch = 16
"""

# A machine that reads other rows than those of the run: labels whose squares are infinite.
BROKEN_WORKER = """\
#!/bin/sh
case "$*" in
*"--seat "{seat}*)
  run=$(printf '%s' "$*" | sed 's/.*--run \\([^ ]*\\).*/\\1/')
  mkdir -p "$run.broken/data"
  cp "$run"/*.* "$run.broken"
  cp "$run"/data/*.* "$run.broken/data"
  cp "{broken}"/data/*.rbd "$run.broken/data"
  exec "{worker}" $(printf '%s' "$*" | sed 's/--run \\([^ ]*\\)/--run \\1.broken/') ;;
esac
exec "{worker}" "$@"
"""

# Prepares a run that does not know which rows it has, or who has others would be refused at once.
BLIND_DATA = """\
#!{python} -B
import subprocess, sys
sys.path.insert(0, "{launch}")
from rubato_cli.files.run_folder import RunFolder
code = subprocess.run(["{data}", *sys.argv[1:]]).returncode
if code == 0 and "prepare" in sys.argv:
    folder = RunFolder(sys.argv[sys.argv.index("--out") + 1])
    folder.write_json("job.json", {{**folder.read_json("job.json"), "rows_digest": 0}})
sys.exit(code)
"""


class QuarantineTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, scale in (("well", 1.0), ("broken", 1e30)):
            rows = [f"{(i * 7) % 10 * scale:g},{(i * 3) % 10}" for i in range(2000)]
            (cls.path / f"{name}.csv").write_text("\n".join(["y,x", *rows]) + "\n")
            (cls.path / f"{name}.toml").write_text(AMOUNTS.format(name=name))
        subprocess.run([BIN / "rubato-data", "prepare", "broken.toml", "--out", "broken"],
                       cwd=cls.path, check=True, stdout=subprocess.DEVNULL)

    def use_workers(self, seat):
        """Of which that of `seat` is broken; "[0-9]": each."""
        self.programs = self.path / self.id()
        self.programs.mkdir()
        for program in BIN.iterdir():
            (self.programs / program.name).symlink_to(program)
        for name, text in (("worker", BROKEN_WORKER), ("data", BLIND_DATA)):
            program = self.programs / f"rubato-{name}"
            program.unlink()
            program.write_text(text.format(
                seat=seat, broken=self.path / "broken", worker=BIN / "rubato-worker",
                data=BIN / "rubato-data", python=sys.executable, launch=ROOT / "launch"))
            os.chmod(program, 0o700)

    def test_a_worker_that_makes_no_numbers_is_put_out_and_the_run_ends_well(self):
        self.use_workers(1)
        code, stdout, stderr = self.train("one", run="well.toml")
        self.assertEqual(code, 0, stderr)
        metrics = self.metrics("one")
        (span,) = metrics["faults"]["quarantined"]
        self.assertEqual(span["seat"], 1)
        self.assertEqual(span["end"], self.job("one")["last_clock"])
        self.assertEqual(span["why"], "the gradients of 10 iterations were no numbers")
        self.assertEqual(metrics["workers"][1]["nonfinite"], 10)
        self.assertEqual(metrics["workers"][0]["nonfinite"], 0)
        self.assertEqual(metrics["updates"]["lost"], 0)
        told = (rf"(?m)^worker 1 trained nothing from clock {span['begin']} to {span['end'] - 1}: "
                r"the gradients of 10 iterations were no numbers$")
        self.assertRegex(stdout, told)
        self.assertRegex(self.rubato("status", "one")[1], told)
        self.assertRegex(stderr, rf"(?m)^worker-1 trains nothing from clock {span['begin']} on: ")
        self.assertIn("in quarantine", (self.path / "one" / "report.html").read_text())

    def test_what_it_would_validate_is_validated_by_another(self):
        self.use_workers(0)
        code, _, stderr = self.train("zero", "train.rollback_above=2", run="well.toml")
        self.assertEqual(code, 0, stderr)
        metrics = self.metrics("zero")
        self.assertEqual([span["seat"] for span in metrics["faults"]["quarantined"]], [0])
        self.assertEqual(metrics["faults"]["rollbacks"], [])
        self.assertEqual(self.events("zero", "worker-0", "validation"), [])
        self.assertEqual(stderr.count("nobody has validated it"), 4, stderr)
        made = json.loads((self.path / "zero" / "validations.json").read_text())["validations"]
        self.assertEqual([one["epoch"] for one in made], [0, 1, 2, 3])
        self.assertLess(max(one["figures"]["rmse"] for one in made), 10)  # of labels up to 9

    def test_an_epoch_may_be_too_short_for_all_strikes(self):
        self.use_workers(1)
        code, _, stderr = self.train("short", "train.batch=256", run="well.toml")
        self.assertEqual(code, 0, stderr)
        (span,) = self.metrics("short")["faults"]["quarantined"]
        self.assertEqual((span["seat"], span["begin"]), (1, 2))
        self.assertEqual(self.job("short")["iterations_per_epoch"], 4)
        self.assertEqual(span["why"], "the gradients of 3 iterations were no numbers")

    def test_where_no_worker_trains_no_epoch_is_committed(self):
        self.use_workers("[0-9]")
        code, _, stderr = self.train("none", "train.batch=256", run="well.toml")
        self.assertEqual(code, 4, stderr)
        self.assertRegex(stderr.splitlines()[-1], r"training diverged at clock \d+")
        self.assertEqual(self.events("none", "scheduler-0", "committed"), [])

    def test_where_no_worker_trains_the_run_ends(self):
        self.use_workers("[0-9]")
        code, _, stderr = self.train("all", run="well.toml")
        self.assertEqual(code, 4, stderr)
        self.assertRegex(stderr.splitlines()[-1], r"training diverged at clock \d+")

    def test_without_strikes_the_first_one_ends_it(self):
        self.use_workers(1)
        code, _, stderr = self.train("never", "train.strikes=0", run="well.toml")
        self.assertEqual(code, 4, stderr)
        self.assertRegex(stderr.splitlines()[-1],
                         r"worker-1 .*training diverged at clock \d+: the mean loss is not a")


if __name__ == "__main__":
    unittest.main()
