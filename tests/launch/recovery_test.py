#!/usr/bin/env python3
"""Real fleets that are killed or stopped half-way, and what `--resume` makes of them."""

import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import unittest

from kept_snapshots import Rounds, whole_snapshots
from processes import read_until, signal_all, wait_until
from real_fleet import BIN, DEADLINE_SECONDS, FleetTest, ask_scheduler, flip_a_byte

# Long enough to be met half-way, with a snapshot at every tenth of it. At s = 0 the weights are
# exact, so a resumed run must end where the uninterrupted one did.
# The first death ends it.
LONG = ("train.epochs=60", "train.batch=32", "snapshot.every_clocks=300", "fleet.restarts=0")


class RecoveryTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.whole = cls("train_well").train_well("whole", *LONG)

    def start_to_commit(self, out, *more):
        """A run that has committed a snapshot, and is not near its end."""
        rubato = self.start(out, *LONG, *more)
        wait_until(lambda: self.events(out, "scheduler-0", "committed")
                   or rubato.process.poll() is not None)
        committed = self.events(out, "scheduler-0", "committed")
        self.assertTrue(committed, "it ended before its first snapshot")
        self.assertLess(committed[-1]["clock"], 0.6 * self.whole["train"]["clock"])
        return rubato

    def check_resume(self, out):
        metrics = self.train_well(out, *LONG, resume=True)
        clock, last = metrics["train"]["resumed_from_clock"], metrics["train"]["clock"]
        self.assertGreater(clock, 0)
        self.assertEqual(last, self.whole["train"]["clock"])
        self.assertLessEqual(metrics["train"]["rows"], (last - clock) * 32 * 2)
        for field in ("auc", "logloss"):
            self.assertAlmostEqual(metrics["test"][field], self.whole["test"][field], delta=1e-6)

    def together(self, scenario, names):
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            futures = {name: pool.submit(scenario, name) for name in names}
        for name, future in futures.items():
            with self.subTest(name):
                future.result()

    def test_a_killed_process_is_named_and_resume_ends_where_it_would_have(self):
        def scenario(role):
            rubato = self.start_to_commit(role)
            self.kill(role, role)
            code, _, stderr = rubato.end()
            self.assertEqual(code, 3, stderr)
            self.assertRegex(stderr.splitlines()[-1], rf"^rubato: {role}-\d was killed by signal 9 "
                             rf"\(SIGKILL\), .*{role}/logs/{role}-\d\.log")
            self.assert_nobody_left(role)
            self.check_resume(role)

        self.together(scenario, ("scheduler", "server", "worker"))

    def test_a_killed_launcher_leaves_nobody_and_can_be_resumed(self):
        rubato = self.start_to_commit("launcher")
        rubato.process.kill()
        rubato.end()
        self.assert_nobody_left("launcher")
        self.check_resume("launcher")

    def test_one_signal_stops_with_a_snapshot(self):
        def scenario(name):
            rubato = self.start_to_commit(name)
            before = self.events(name, "scheduler-0", "committed")[-1]["clock"]
            rubato.process.send_signal(signal.Signals[name])
            self.check_stop(name, rubato, before)

        self.together(scenario, ("SIGINT", "SIGTERM"))

    def test_snapshots_are_kept_over_kills_resumes_and_predictions(self):
        Rounds(self, "kept").run(4)

    def damage_newest(self, run):
        """Flips a byte of the newest snapshot's rows; returns the file, and the clocks of this
        snapshot and of the one before it."""
        older, newest = ask_scheduler(run, "--kept")[-2:]
        file = next(run.glob(f"snapshots/{newest['snapshot']}-1-*/rows-00000.sst"))
        flip_a_byte(file)
        return file, newest, older

    def check_warned(self, stderr, file, newest, older):
        self.assertIn(f"warning: snapshot {newest['snapshot']} at clock {newest['clock']} is "
                      f"damaged: row file {file}: its checksum is wrong; going back to snapshot "
                      f"{older['snapshot']} at clock {older['clock']}", stderr)

    def test_behind_a_damaged_snapshot_the_older_whole_one_is_used(self):
        rubato = self.start_to_commit("damaged")
        wait_until(lambda: len(self.events("damaged", "scheduler-0", "committed")) > 1)
        rubato.process.kill()
        rubato.end()
        self.assert_nobody_left("damaged")
        run = self.path / "damaged"
        damage = self.damage_newest(run)
        before = sorted(run.glob("snapshots/**/*"))
        code, _, stderr = self.rubato("predict", "--run", "damaged", "--in", "few.csv",
                                      "--out", "scored.csv")
        self.assertEqual(code, 0, stderr)
        self.check_warned(stderr, *damage)
        self.assertEqual(sorted(run.glob("snapshots/**/*")), before)
        self.assertEqual(whole_snapshots(run), [damage[2]["snapshot"]])
        code, _, stderr = self.train("damaged", *LONG, resume=True)
        self.assertEqual(code, 0, stderr)
        self.check_warned(stderr, *damage)
        metrics = self.metrics("damaged")
        self.assertEqual(metrics["train"]["resumed_from_clock"], damage[2]["clock"])
        self.assertAlmostEqual(metrics["test"]["logloss"], self.whole["test"]["logloss"],
                               delta=1e-6)
        self.assertTrue(damage[0].exists(), "what is damaged is for a person to remove")
        self.assertEqual(len(whole_snapshots(run)), 2)  # snapshot.keep

    def test_a_finished_run_with_a_damaged_last_snapshot_is_trained_to_its_end_again(self):
        damage = self.damage_newest(self.copy_of_whole("rotten"))
        code, _, stderr = self.train("rotten", *LONG, resume=True)
        self.assertEqual(code, 0, stderr)
        self.check_warned(stderr, *damage)
        metrics = self.metrics("rotten")
        self.assertEqual(metrics["train"]["clock"], self.whole["train"]["clock"])
        self.assertAlmostEqual(metrics["test"]["logloss"], self.whole["test"]["logloss"],
                               delta=1e-6)

    def test_without_a_whole_snapshot_everything_is_refused(self):
        run = self.copy_of_whole("hopeless")
        for file in run.glob("snapshots/*-0-*/manifest"):
            flip_a_byte(file)
        for command in (("train", "run.toml", "--out", "hopeless", "--resume",
                         *(word for setting in LONG for word in ("--set", setting))),
                        ("predict", "--run", "hopeless", "--in", "few.csv", "--out", "no.csv")):
            code, _, stderr = self.rubato(*command)
            self.assertEqual(code, 4, stderr)
            self.assertRegex(stderr.splitlines()[-1],
                             r"^rubato: snapshot \d+ at clock \d+ is damaged: manifest .*, and no "
                             r"other one is whole; restore .*/hopeless/snapshots from a copy, or "
                             r"train into a new folder$")

    def test_a_damaged_state_names_commands_that_exist(self):
        run = self.copy_of_whole("stateless")
        flip_a_byte(run / "snapshots" / "scheduler.state")
        code, _, stderr = self.train("stateless", *LONG, resume=True)
        self.assertEqual(code, 4, stderr)
        words = re.search(r"scheduler's state .*/stateless/snapshots/scheduler.state is damaged: "
                          r".*; restore it from a copy, or start the run over: `(rm -r \S+)`, then "
                          r"`rubato train` and --resume", stderr)[1].split()
        self.assertEqual(subprocess.run(words, check=False).returncode, 0)
        code, _, stderr = self.train("stateless", "train.epochs=1", *LONG[1:], resume=True)
        self.assertEqual(code, 0, stderr)
        self.assertIn("nothing was committed: this run starts over", stderr)

    def test_a_second_signal_stops_at_once(self):
        for number, wanted in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            out = f"twice-{wanted}"
            rubato = self.start_to_commit(out)
            for pid in self.processes(out, "server"):
                os.kill(pid, signal.SIGSTOP)  # so the first signal alone would wait
            rubato.process.send_signal(number)
            read_until("stopping", rubato.process.stderr)
            rubato.process.send_signal(number)
            self.assertEqual(rubato.end()[0], wanted)
            self.assert_nobody_left(out)

    def test_a_finished_run_is_left_alone(self):
        before = (self.path / "whole" / "metrics.json").read_text()
        code, stdout, _ = self.train("whole", *LONG, resume=True)
        self.assertEqual(code, 0)
        self.assertIn("whole: this run is finished", stdout)
        self.assertEqual((self.path / "whole" / "metrics.json").read_text(), before)

    def copy_of_whole(self, name):
        """A copy of the finished run; returns its folder."""
        shutil.copytree(self.path / "whole", self.path / name)
        return self.path / name

    def test_a_run_that_died_after_its_last_commit_is_only_evaluated(self):
        run = self.copy_of_whole("unreported")
        for name in ("metrics.json", "evaluation.json", "report.html"):
            (run / name).unlink()
        metrics = self.train_well("unreported", *LONG, resume=True)
        self.assertTrue((run / "report.html").exists())
        self.assertEqual(metrics["test"], self.whole["test"])
        self.assertEqual(metrics["validation"], self.whole["validation"])
        self.assertEqual(metrics["train"]["clock"], self.whole["train"]["clock"])
        self.assertEqual(metrics["train"]["resumed_from_clock"], self.whole["train"]["clock"])
        self.assertEqual(metrics["train"]["rows"], 0)

    def test_fewer_epochs_than_are_committed_are_refused_and_nothing_changes(self):
        before = (self.path / "whole" / "config.json").read_text()
        code, _, stderr = self.train("whole", *LONG[1:], "train.epochs=59", resume=True)
        self.assertEqual(code, 2)
        last = self.whole["train"]["clock"]
        self.assertRegex(stderr.splitlines()[-1],
                         rf"whole: train.epochs = 59 ends at clock {last * 59 // 60}, but clock "
                         rf"{last} is trained and committed here already; ask for 60 epochs")
        self.assertEqual((self.path / "whole" / "config.json").read_text(), before)

    def test_without_its_snapshots_a_run_starts_over_and_says_so(self):
        shutil.rmtree(self.copy_of_whole("lost") / "snapshots")
        code, _, stderr = self.train("lost", "train.epochs=1", *LONG[1:], resume=True)
        self.assertEqual(code, 0, stderr)
        self.assertIn("nothing was committed: this run starts over", stderr)
        self.assertEqual(self.metrics("lost")["train"]["clock"], self.job("lost")["last_clock"])

    def check_stop(self, out, rubato, before):
        code, _, stderr = rubato.end()
        self.assertEqual(code, 75, stderr)
        clock = int(re.search(r"stopped with a snapshot at clock (\d+); go on with", stderr)[1])
        self.assertGreater(clock, before)
        self.assert_nobody_left(out)
        self.check_resume(out)

    def test_a_signal_to_any_process_or_to_all_is_one_stop_with_a_snapshot(self):
        def scenario(role):
            out = f"stop-{role}"
            rubato = self.start_to_commit(out)
            before = self.events(out, "scheduler-0", "committed")[-1]["clock"]
            if role == "all":
                signal_all(rubato.process.pid, self.processes(out), signal.SIGTERM)
            else:
                os.kill(self.processes(out, role)[0], signal.SIGTERM)
            self.check_stop(out, rubato, before)

        self.together(scenario, ("all", "scheduler", "server", "worker"))

    def test_a_signal_ends_a_preparation_and_leaves_nothing(self):
        fifo = self.path / "fifo.toml"
        os.mkfifo(fifo)
        process = subprocess.Popen([BIN / "rubato-data", "prepare", fifo, "--out", "unprepared"],
                                   cwd=self.path, stderr=subprocess.PIPE, text=True)
        with open(fifo, "w", encoding="utf-8") as run:  # opens once it is being read
            process.send_signal(signal.SIGTERM)
            run.write((self.path / "run.toml").read_text())
        _, stderr = process.communicate(timeout=DEADLINE_SECONDS)
        self.assertEqual(process.returncode, 143, stderr)
        self.assertEqual(stderr, "rubato-data: stopped while preparing the data\n")
        self.assertFalse(list(self.path.glob("*unprepared*")))

    def test_changed_keys_are_refused_by_name(self):
        code, _, stderr = self.train("whole", *LONG, "optimizer.l2=0.5", resume=True)
        self.assertEqual(code, 2)
        self.assertIn("changed since the run began: optimizer.l2 (0.0, now 0.5)", stderr)

    def test_with_nothing_committed_it_starts_over(self):
        rubato = self.start("early", *LONG[:2], LONG[3])
        # As soon as there is a worker: a full push log asks for a snapshot soon.
        wait_until(lambda: self.events("early", "worker-1", "launched"))
        self.kill("early", "worker")
        self.assertEqual(rubato.end()[0], 3)
        code, _, stderr = self.train("early", "train.epochs=2", "train.batch=32", resume=True)
        self.assertEqual(code, 0, stderr)
        self.assertIn("nothing was committed: this run starts over", stderr)
        self.assertEqual(self.metrics("early")["train"]["resumed_from_clock"], 0)
        self.assertEqual(self.metrics("early")["train"]["clock"], self.job("early")["last_clock"])

    def test_a_stop_before_anything_is_trained_waits_for_no_snapshot(self):
        """Its workers never come: a snapshot was waited for until the scheduler lost patience."""
        self.programs = self.path / "without-workers"
        self.programs.mkdir()
        for program in BIN.iterdir():
            (self.programs / program.name).symlink_to(program)
        worker = self.programs / "rubato-worker"
        worker.unlink()
        worker.write_text("#!/bin/sh\nexec sleep 3600\n")
        worker.chmod(0o700)
        rubato = self.start("unbegun", "train.epochs=1")
        wait_until(lambda: self.events("unbegun", "worker-1", "launched"))
        rubato.process.send_signal(signal.SIGTERM)
        code, _, stderr = rubato.end()
        self.assertEqual(code, 75, stderr)
        self.assertIn("stopped with nothing new to keep; go on with", stderr)
        self.assert_nobody_left("unbegun")
        self.programs = BIN
        self.assertEqual(self.train("unbegun", "train.epochs=1", resume=True)[0], 0)


if __name__ == "__main__":
    unittest.main()
