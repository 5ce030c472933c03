#!/usr/bin/env python3
"""Real fleets whose workers become more and fewer while they train: each row of each epoch is
trained once, and what cannot be leaves the run as it is."""

import json
import os
import re
import signal
import sys
import unittest

from processes import processes_that_name, wait_until
from real_fleet import BIN, FleetTest, Rubato

BATCH = 32
SETTINGS = (f"train.batch={BATCH}", "snapshot.every_clocks=1000000")
ENDLESS = (*SETTINGS, "train.epochs=100000")

# In the place of a program: with these arguments it does something else.
OTHER = """\
#!/bin/sh
case "$*" in
*"{arguments}"*) {instead} ;;
esac
exec "{program}" "$@"
"""

# Of a worker: it begins, and has no memory for an iteration.
NO_MEMORY = f"""exec {sys.executable} -B -c '
import os, subprocess, sys
worker = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
for line in worker.stdout:
    os.write(1, line)
    if b"begun" in line:
        worker.kill()
        worker.wait()
        os.write(2, b"no memory\\n")
        os._exit(4)
' "{BIN / 'rubato-worker'}" "$@" --floor-seconds 1000"""


def rows_of(job, workers, seat, clock):
    """How many rows `seat` of so many workers trains at `clock`."""
    per_epoch, rows = job["iterations_per_epoch"], job["iteration_rows"]
    index = clock % per_epoch
    if index == per_epoch - 1:
        return 0  # the evaluation
    begin, end = (index * rows + at * rows // workers for at in (seat, seat + 1))
    return max(0, min(end, job["train_rows"]) - begin)


class WorkersTest(FleetTest):
    def workers(self, *arguments):
        return self.rubato("workers", *arguments)

    def changed(self, out, number, wanted):
        """Asks for `number`, gets `wanted`; from which clock on."""
        code, stdout, stderr = self.workers(out, number)
        self.assertEqual(code, 0, stderr)
        words = "worker" if wanted == 1 else "workers"
        found = re.fullmatch(rf"{out}: {wanted} {words} from clock (\d+) on\n", stdout)
        self.assertTrue(found, stdout)
        return int(found[1])

    def refused(self, sentence, *arguments):
        code, stdout, stderr = self.workers(*arguments)
        self.assertEqual((code, stdout), (2, ""), stderr)
        self.assertIn(sentence, stderr.splitlines()[-1])

    def start_endless(self, out, *more):
        """A run that trains, and would for days."""
        rubato = self.start(out, *ENDLESS, *more)
        self.addCleanup(rubato.process.kill)
        wait_until(lambda: self.events(out, "worker-1", "progress")
                   or rubato.process.poll() is not None)
        return rubato

    def stop(self, out, rubato):
        """Ends it with a snapshot; at which clock."""
        rubato.process.send_signal(signal.SIGTERM)
        code, _, self.said = rubato.end()
        self.assertEqual(code, 75, self.said)
        self.assert_nobody_left(out)
        return int(re.search(r"stopped with a snapshot at clock (\d+)", self.said)[1])

    def told(self, out, name):
        return json.loads((self.path / out / name).read_text())

    def job_and_rows(self, out):
        rows = self.told(out, "data/cleansing.json")["rows"]
        return {**self.job(out), "train_rows": rows["train"]}

    def check_rows(self, out):
        """Each process told at each moment exactly the rows that were its own by then, and those of
        all fleets are each row of each epoch once."""
        job = self.job_and_rows(out)
        changes = self.told(out, "workers.json")["workers"]
        fleets = list(zip(changes, [*changes[1:], {"clock": job["last_clock"]}]))
        trained = 0
        for fleet, following in fleets:
            for seat in range(fleet["workers"]):
                trained += sum(rows_of(job, fleet["workers"], seat, clock)
                               for clock in range(fleet["clock"], following["clock"]))
        self.assertEqual(trained, self.told(out, "config.json")["train"]["epochs"]
                         * job["train_rows"])
        for seat in range(max(fleet["workers"] for fleet in changes)):
            self.check_told(out, seat, job, changes)

    def check_told(self, out, seat, job, changes):
        begins, own, clock = [], 0, 0
        telemetry = self.path / out / "telemetry" / f"worker-{seat}.jsonl"
        for event in map(json.loads, telemetry.read_text().splitlines()):
            if event["event"] == "begun":
                own, clock = 0, event["clock"]
                workers = [fleet["workers"] for fleet in changes if fleet["clock"] <= clock][-1]
                begins.append(clock)
            elif event["event"] == "progress":
                own += sum(rows_of(job, workers, seat, passed)
                           for passed in range(clock, event["clock"]))
                clock = event["clock"]
                self.assertEqual(event["rows"], own, f"worker {seat} at clock {clock}")
        self.assertEqual(begins, [fleet["clock"] for fleet in changes if seat < fleet["workers"]])

    def test_two_four_one_and_three_train_each_row_once(self):
        rubato = self.start_endless("more")
        self.assertEqual(self.workers("more")[1], "more: 2 workers\n")
        clocks = [0, self.changed("more", "+2", 4), self.changed("more", "1", 1)]
        self.assertEqual(self.workers("more", "+0")[1], "more: 1 worker already\n")
        code, stdout, _ = self.workers("more", "+1", "--json")
        document = json.loads(stdout)
        clocks.append(document["clock"])
        self.assertEqual((code, document["workers"], document["before"]), (0, 2, 1))
        clocks.append(self.stop("more", rubato))
        self.assertEqual(clocks, sorted(set(clocks)))
        epochs = clocks[-1] // self.job("more")["iterations_per_epoch"] + 2
        metrics = self.train_well("more", *SETTINGS, f"train.epochs={epochs}", "fleet.workers=3",
                                  resume=True)
        self.assertEqual(metrics["train"]["workers"], [
            {"clock": clock, "workers": workers}
            for clock, workers in zip(clocks, (2, 4, 1, 2, 3))])
        self.assertEqual(metrics["train"]["resumed_from_clock"], clocks[-1])
        self.assertEqual([worker["seat"] for worker in metrics["workers"]], [0, 1, 2])
        self.assertNotIn("faults", metrics)
        self.check_rows("more")
        self.check_shown("more", clocks)

    def check_shown(self, out, clocks):
        words = (f"2, from clock {clocks[1]} on 4, from clock {clocks[2]} on 1, from clock "
                 f"{clocks[3]} on 2, from clock {clocks[4]} on 3")
        self.assertIn(f"\nworkers: {words}\n", self.workers(out)[1])
        self.assertIn(f"\nworkers: {words}\n", self.rubato("status", out)[1])
        self.assertIn(words, (self.path / out / "report.html").read_text())

    def test_a_worker_that_dies_meanwhile_is_named_and_the_run_ends_well(self):
        rubato = self.start_endless("killed", "train.staleness=2")
        self.kill("killed", "worker")
        self.changed("killed", "3", 3)
        self.kill("killed", "worker")
        self.changed("killed", "-1", 2)
        clock = self.stop("killed", rubato)
        self.assertEqual(len(re.findall(r"(?m)^worker-\d was killed by signal 9", self.said)), 2)
        epochs = clock // self.job("killed")["iterations_per_epoch"] + 2
        metrics = self.train_well("killed", *SETTINGS, f"train.epochs={epochs}",
                                  "train.staleness=2", resume=True)
        self.assertEqual(metrics["train"]["clock"], self.job("killed")["last_clock"])
        self.assertEqual([fleet["workers"] for fleet in metrics["train"]["workers"]], [2, 3, 2])

    def test_what_a_torn_snapshot_lacks_is_named(self):
        rubato = self.start_endless("torn", "train.staleness=inf")
        (behind,) = set(self.processes("torn", "worker")) & set(processes_that_name("seat\0" "1"))
        os.kill(behind, signal.SIGSTOP)
        wait_until(lambda: self.newest_clock("torn", 0) > self.newest_clock("torn", 1) + 500)
        clock = self.changed("torn", "3", 3)
        self.stop("torn", rubato)
        spans = [span for span in self.events("torn", "scheduler-0", "torn")
                 if span["end"] == clock]
        (span,) = [span for span in spans if span["seat"] == 1]
        self.assertLess(span["begin"], clock - 400)
        self.assertTrue(all(0 < span["begin"] < clock and span["seat"] < 2 for span in spans))

    def newest_clock(self, out, seat):
        return self.events(out, f"worker-{seat}", "progress")[-1]["clock"]

    def test_what_cannot_be_is_refused_and_the_run_goes_on(self):
        rubato = self.start_endless("refused")
        for number in ("0", "-2", "-9"):
            self.refused("a run needs at least one worker", "refused", number)
        self.refused(f"an iteration of this run has {2 * BATCH} rows", "refused", "65")
        self.refused("is no number of workers", "refused", "many")
        self.refused("it must be an integer from 1 to 1024", "refused", "2000")
        (self.path / "refused" / "workers-asked.json").write_text("{")
        wait_until(lambda: not (self.path / "refused" / "workers-asked.json").exists())
        self.changed("refused", "3", 3)
        self.stop("refused", rubato)
        self.assertEqual([fleet["workers"] for fleet in self.told("refused", "workers.json")[
            "workers"]], [2, 3])

    def test_bits_that_are_promised_stay(self):
        rubato = self.start_endless("bits", "train.deterministic=true", "train.strikes=0")
        self.refused("train.deterministic = true", "bits", "3")
        self.stop("bits", rubato)
        code, _, stderr = self.train("bits", *ENDLESS, "train.deterministic=true",
                                     "train.strikes=0", "fleet.workers=3", resume=True)
        self.assertEqual(code, 2, stderr)
        self.assertIn("fleet.workers changed (2, now 3)", stderr)

    def test_without_a_training_it_says_what_to_do(self):
        self.refused("has no config.json", "nowhere", "+1")
        self.train_well("whole", "train.epochs=1")
        self.refused("whole: this run is finished; nothing is left to train", "whole", "+1")
        self.stop("idle", self.start_endless("idle"))
        self.refused("nobody trains in idle; `rubato train` with --resume, --out idle and --set "
                     "fleet.workers=3 goes on with 3", "idle", "+1")

    def use_other(self, name, arguments, instead):
        """A program `name` that does something else with `arguments`."""
        self.programs = self.path / self.id()
        self.programs.mkdir()
        for program in BIN.iterdir():
            (self.programs / program.name).symlink_to(program)
        other = self.programs / name
        other.unlink()
        other.write_text(OTHER.format(arguments=arguments, instead=instead, program=BIN / name))
        os.chmod(other, 0o700)

    def check_refused(self, out, number, why):
        """By what turns out only when it is done; the run goes on as it was."""
        rubato = self.start_endless(out)
        self.refused(f"{out}: {why}", out, number)
        self.assertEqual(self.workers(out)[1], f"{out}: 2 workers\n")
        self.stop(out, rubato)
        self.assertEqual(self.told(out, "workers.json")["workers"], [{"clock": 0, "workers": 2}])
        self.assertEqual(self.job(out)["seats"], 2)

    def test_workers_that_cannot_begin_are_taken_back(self):
        self.use_other("rubato-worker", "--seat 2", "echo 'no such GPU' >&2; exit 4")
        self.check_refused("back", "4", "worker-2 ended with exit code 4: no such GPU")

    def test_workers_that_begin_and_cannot_train_are_taken_back(self):
        self.use_other("rubato-worker", "--seat 2", NO_MEMORY)
        self.check_refused("memory", "3", "worker-2 ended with exit code 4: no memory")

    def test_what_is_prepared_by_half_is_undone(self):
        self.use_other("rubato-data", "--committed", f"""
            cp "$2" kept.toml; "{BIN / 'rubato-data'}" "$@"; cp kept.toml "$2"
            echo 'no space left' >&2; exit 3""")
        self.check_refused("half", "3", "no space left")

    def ask(self, out, number, until):
        """A `rubato workers` that waits, once `until` is there."""
        waiting = Rubato(self.path, ["workers", out, number], self.programs)
        wait_until((self.path / out / until).exists)
        return waiting

    def test_a_launcher_that_dies_before_the_new_fleet_has_begun_is_followed(self):
        self.use_other("rubato-worker", "--seat 2", "exec sleep 1000")
        rubato = self.start_endless("dead")
        waiting = self.ask("dead", "3", "workers-taken.json")
        wait_until(lambda: len(self.told("dead", "workers.json")["workers"]) == 2)
        rubato.process.kill()
        rubato.end()
        code, _, stderr = waiting.end()
        self.assertEqual(code, 2)
        self.assertIn("nobody trains in dead; ", stderr.splitlines()[-1])
        self.assert_nobody_left("dead")
        clock = self.told("dead", "workers.json")["workers"][-1]["clock"]
        epochs = clock // self.job("dead")["iterations_per_epoch"] + 1
        metrics = self.train_well("dead", *SETTINGS, f"train.epochs={epochs}", resume=True)
        self.assertEqual(metrics["train"]["workers"], [{"clock": 0, "workers": 2}])
        self.assertFalse(list((self.path / "dead").glob("workers-*.json")))
        self.check_last_fleet("dead", metrics)

    def check_last_fleet(self, out, metrics):
        """That it trained all from where it began to the last clock."""
        job, begin = self.job_and_rows(out), metrics["train"]["resumed_from_clock"]
        self.assertEqual([worker["rows"] for worker in metrics["workers"]], [
            sum(rows_of(job, 2, seat, clock) for clock in range(begin, job["last_clock"]))
            for seat in range(2)])

    def test_a_stop_that_comes_meanwhile_is_one(self):
        rubato = self.start_endless("stopped")
        servers = self.processes("stopped", "server")
        for pid in servers:
            os.kill(pid, signal.SIGSTOP)  # so that no snapshot comes
        waiting = self.ask("stopped", "3", "workers-taken.json")
        rubato.process.send_signal(signal.SIGTERM)
        for pid in servers:
            os.kill(pid, signal.SIGCONT)
        code, _, stderr = rubato.end()
        self.assertEqual(code, 75, stderr)
        code, _, stderr = waiting.end()
        self.assertEqual(code, 2)
        self.assertIn("nobody trains in stopped; ", stderr.splitlines()[-1])
        self.assertEqual(self.told("stopped", "config.json")["fleet"]["workers"], 2)

    def test_once_all_is_trained_nothing_is_changed(self):
        self.use_other("rubato-worker", "evaluate", "exec sleep 1000")
        rubato = self.start("over", *SETTINGS, "train.epochs=2")
        self.addCleanup(rubato.process.kill)
        wait_until(lambda: self.events("over", "scheduler-0", "done"))
        self.refused("over: training has come to its last clock", "over", "+1")
        rubato.process.kill()
        rubato.end()
        self.assert_nobody_left("over")

    def test_a_wish_can_be_withdrawn_until_it_is_taken_up(self):
        rubato = self.start_endless("wish")
        rubato.process.send_signal(signal.SIGSTOP)
        waiting = self.ask("wish", "3", "workers-asked.json")
        self.assertIn("wish: 2 workers, 3 are asked for", self.workers("wish")[1])
        self.refused("it changes the workers, wait for it", "wish", "4")
        waiting.process.send_signal(signal.SIGINT)
        code, _, stderr = waiting.end()
        self.assertEqual((code, stderr.splitlines()[-1]), (130, "rubato: wish stays as it is"))
        waiting = self.ask("wish", "3", "workers-asked.json")
        waiting.process.kill()  # nobody waits for it, and it stands
        waiting.end()
        servers = self.processes("wish", "server")
        for pid in servers:
            os.kill(pid, signal.SIGSTOP)  # so that no snapshot comes
        rubato.process.send_signal(signal.SIGCONT)
        wait_until((self.path / "wish" / "workers-taken.json").exists)
        waiting = self.ask("wish", "4", "workers-asked.json")
        for pid in servers:
            os.kill(pid, signal.SIGCONT)
        code, stdout, stderr = waiting.end()
        self.assertEqual(code, 0, stderr)
        self.assertIn("wish: 4 workers from clock", stdout)
        self.stop("wish", rubato)
        self.assertEqual([fleet["workers"] for fleet in self.told("wish", "workers.json")[
            "workers"]], [2, 3, 4])


if __name__ == "__main__":
    unittest.main()
