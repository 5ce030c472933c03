#!/usr/bin/env python3
"""Whether a run keeps the snapshots that it was asked to keep, over any number of starts.

Usage: tests/launch/kept_snapshots.py [--rounds 100]    kills -9 as many starts of one run,
predicting in between, and counts its whole snapshots after each; exit 0: there were never too few
"""

import argparse
import random
import sys
import time

from processes import wait_until
from real_fleet import FleetTest, ask_scheduler

KEEP = 3
ENDLESS = ("train.epochs=100000", "train.batch=32", "snapshot.every_clocks=25",
           f"snapshot.keep={KEEP}", "fleet.restarts=0")
KILLED_WITHIN_SECONDS = 0.5  # of a commit
VICTIMS = ("launcher", "scheduler", "server", "worker")


class Rounds:
    """Rounds of one run in `out` of a FleetTest's folder."""

    def __init__(self, test, out):
        self.test, self.out = test, out
        self.chance = random.Random(1)
        self.kills = self.predictions = 0
        self.fewest = KEEP

    def run(self, count):
        for number in range(count):
            self.kill_a_start(resume=number > 0)
            self.check("after a kill")
            if self.chance.random() < 0.5:
                self.predict()
                self.check("after a prediction")

    def kill_a_start(self, resume):
        test, before = self.test, len(self.commits())
        rubato = test.start(self.out, *ENDLESS, resume=resume)
        wanted = before + 1 + self.chance.randrange(2)
        wait_until(lambda: len(self.commits()) >= wanted or rubato.process.poll() is not None)
        time.sleep(self.chance.uniform(0, KILLED_WITHIN_SECONDS))  # inside a cut, too
        test.assertIsNone(rubato.process.poll(), "it ended by itself")
        victim = self.chance.choice(VICTIMS)
        if victim == "launcher":
            rubato.process.kill()
        else:
            test.kill(self.out, victim)
        _, _, stderr = rubato.end()
        test.assertNotIn("damaged", stderr)
        test.assert_nobody_left(self.out)
        self.kills += 1

    def predict(self):
        done = self.test.rubato("predict", "--run", self.out, "--in", "few.csv", "--out",
                                f"{self.out}-scored.csv")
        self.test.assertEqual(done[0], 0, done[2])
        self.test.assertNotIn("damaged", done[2])
        self.predictions += 1

    def commits(self):
        return self.test.events(self.out, "scheduler-0", "committed")

    def check(self, when):
        """At least as many whole ones as were committed, up to KEEP."""
        whole = len(whole_snapshots(self.test.path / self.out))
        committed = len({event["snapshot"] for event in self.commits()})
        self.test.assertGreaterEqual(whole, min(KEEP, committed), f"round {self.kills}, {when}")
        if committed >= KEEP:
            self.fewest = min(self.fewest, whole)


def whole_snapshots(run):
    """Numbers of the snapshots of `run` that are kept and of which every byte is as written."""
    whole = []
    for kept in ask_scheduler(run, "--kept"):
        events = ask_scheduler(run, "--committed", "--snapshot", str(kept["snapshot"]))
        if events[0]["event"] == "committed" and kept["snapshot"] > 0:
            whole.append(kept["snapshot"])
    return whole


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100, metavar="N")
    count = parser.parse_args().rounds
    FleetTest.setUpClass()
    try:
        rounds = Rounds(FleetTest("rubato"), "run")
        rounds.run(count)
        print(f"{rounds.kills} kills and resumes, {rounds.predictions} predictions, "
              f"{len(rounds.commits())} commits: whole snapshots never fewer than {rounds.fewest} "
              f"(snapshot.keep = {KEEP}) once {KEEP} were committed")
    finally:
        FleetTest.doClassCleanups()
    return 0 if rounds.fewest >= KEEP else 1


if __name__ == "__main__":
    sys.exit(main())
