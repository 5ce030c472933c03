#!/usr/bin/env python3
"""Breaks a fleet of real processes, round after round, and says what became of its pushes.

A round is a fault, the wait until every post is filled and all workers push again, and a pause.
The longest time in which nobody pushed is the round's stall. At the end the run is stopped by a
signal, which commits a last snapshot, and chaos_check holds that against what the workers know.
"""

import argparse
import collections
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from chaos_fleet import ChaosFleet

ROLES = ("server", "worker", "scheduler")
LOOK_SECONDS = 0.01
GIVE_UP_SECONDS = 120.0
SETTLE_SECONDS = 2.0  # beyond leases: what a process takes to start and to be found dead


class Chaos:
    def __init__(self, fleet, options):
        self.fleet = fleet
        self.rng = random.Random(options.seed)
        self.lease = options.lease
        self.faults = collections.Counter()
        self.kills = collections.Counter()
        self.unacknowledged = []  # pushes at each kill, of all workers and shards together
        self.stalls = []  # (seconds, bound, what)
        self._sum = 0
        self._moved = time.monotonic()

    # What the fleet does

    def look(self):
        """Notes whether anybody has pushed."""
        pushed = sum(record[3] for _, record in self.fleet.records())
        now = time.monotonic()
        stall = now - self._moved
        if pushed != self._sum:
            self._sum, self._moved = pushed, now
        return stall

    def wait_until_all_push(self, what):
        """Each post has a process, and each worker pushes. Returns the longest stall meanwhile."""
        options, longest = self.fleet.options, 0.0
        deadline = time.monotonic() + GIVE_UP_SECONDS
        begun = dict(self._pushed_by())
        while True:
            longest = max(longest, self.look())
            now = self._pushed_by()
            moving = [pid for pid, pushed in now.items() if pushed > begun.get(pid, 0)]
            filled = (len(self.fleet.processes("server")) == options.servers
                      and len(self.fleet.processes("scheduler")) == 1)
            if filled and len(moving) == options.workers:
                return longest
            if self.fleet.launcher.poll() is not None:
                raise SystemExit(f"the launcher has ended with {self.fleet.launcher.returncode} "
                                 f"after {what}:\n{self.fleet.said()[-3000:]}")
            if time.monotonic() > deadline:
                raise SystemExit(f"nobody is back {GIVE_UP_SECONDS:.0f} s after {what}:\n"
                                 f"{self.fleet.said()[-3000:]}")
            time.sleep(LOOK_SECONDS)

    def _pushed_by(self):
        living = set(self.fleet.processes("worker"))
        return {pid: record[3] for pid, record in self.fleet.records() if pid in living}

    def _note_unacknowledged(self):
        places = self.fleet.options.servers * 2
        living = set(self.fleet.processes("worker"))
        self.unacknowledged.append(sum(
            max(0, record[3] - applied) for pid, record in self.fleet.records() if pid in living
            for applied in record[4:4 + places]))

    # Faults

    def round(self):
        kind = self.rng.choices(
            ("kill", "kill two roles", "kill two at once", "kill all servers", "freeze a little",
             "freeze beyond a lease", "kill twice"), (5, 5, 3, 2, 1, 1, 4))[0]
        self.faults[kind] += 1
        what, slack = getattr(self, "_" + kind.replace(" ", "_"))()
        stall = self.wait_until_all_push(what)
        self.stalls.append((stall, self.lease * slack + SETTLE_SECONDS, what))
        time.sleep(self.rng.uniform(0, 0.5))

    def _kill(self):
        return self._hit((self.rng.choice(ROLES),)), 1

    def _kill_two_roles(self):
        return self._hit(self.rng.sample(ROLES, 2)), 2

    def _kill_two_at_once(self):
        role = self.rng.choice(ROLES[:2])
        return self._hit((role, role)), 2

    def _kill_all_servers(self):
        return self._hit(("server",) * self.fleet.options.servers), 2

    def _kill_twice(self):
        """The second one while the fleet mends the first."""
        first = self._hit((self.rng.choice(ROLES),))
        time.sleep(self.rng.uniform(0, 0.6))
        return f"{first}, then {self._hit((self.rng.choice(ROLES),))}", 2

    def _freeze_a_little(self):
        return self._freeze(self.rng.uniform(0, 0.5) * self.lease), 2

    def _freeze_beyond_a_lease(self):
        return self._freeze(self.rng.uniform(1.5, 2.5) * self.lease), 1

    def _hit(self, roles):
        """Kills a process of each of `roles`, different ones."""
        victims = []
        for role in roles:
            left = [pid for pid in self.fleet.processes(role) if pid not in victims]
            if left:
                victims.append(self.rng.choice(left))
                self.kills[role] += 1
        self._note_unacknowledged()
        for pid in victims:
            _send(pid, signal.SIGKILL)
        return "kill of " + " and ".join(roles)

    def _freeze(self, seconds):
        role = self.rng.choice(ROLES)
        pids = self.fleet.processes(role)
        if not pids:
            return f"freeze of no {role}"
        pid = self.rng.choice(pids)
        _send(pid, signal.SIGSTOP)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.stalls.append((self.look(), self.lease + SETTLE_SECONDS + seconds, "freeze"))
            time.sleep(LOOK_SECONDS)
        _send(pid, signal.SIGCONT)
        return f"freeze of a {role} for {seconds:.1f} s"


def _send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def report(chaos, rounds, seconds, checked):
    fleet = chaos.fleet
    pushes = sum(life[3] - life[2] for _, life in fleet.records())
    print(f"{rounds} rounds in {seconds:.0f} s; lease {chaos.lease:g} s; "
          f"{fleet.options.servers} servers of 2 shards, {fleet.options.workers} workers, "
          f"s = {fleet.options.staleness}, {fleet.options.transport}")
    for kind, count in sorted(chaos.faults.items()):
        print(f"  {kind:24} {count}")
    print("kills: " + ", ".join(f"{role} {chaos.kills[role]}" for role in ROLES))
    print(f"pushes unacknowledged at a kill: median {statistics.median(chaos.unacknowledged):.0f}, "
          f"most {max(chaos.unacknowledged)}")
    print(f"pushes of the newest lives {pushes}; "
          f"fleet resumes {len(fleet.events('fleet_resume'))}, "
          f"commits {len(fleet.events('committed'))}")
    worst = max(chaos.stalls)
    beyond = [stall for stall in chaos.stalls if stall[0] > stall[1]]
    print(f"longest stall {worst[0]:.2f} s (bound {worst[1]:.1f} s): {worst[2]}; beyond its bound: "
          f"{len(beyond)}")
    for stall, bound, what in beyond:
        print(f"  {stall:.2f} s, bound {bound:.1f} s: {what}")
    print(checked.stdout, end="")


def check(fleet):
    reported = {event["life"]
                for kind in ("torn", "possible_loss") for event in fleet.events(kind)}
    resumed = [event["clock"] for event in fleet.events("fleet_resume")]
    arguments = [text for life in sorted(reported) for text in ("--reported", str(life))]
    arguments += [text for clock in resumed for text in ("--resumed", str(clock))]
    return subprocess.run([fleet.options.bin / "chaos_check", "--run", fleet.run, *arguments],
                          check=False, capture_output=True, text=True)


def parse():
    parser = argparse.ArgumentParser(prog="tests/chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--staleness", default="2")
    parser.add_argument("--lease", type=int, default=2, help="seconds")
    parser.add_argument("--transport", default="auto", choices=("auto", "tcp"))
    parser.add_argument("--keep", action="store_true", help="leave the run's folder behind")
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    return parser.parse_args()


def main():
    options = parse()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rubato-chaos-"))
    fleet = ChaosFleet(folder, options.bin, options)
    chaos = Chaos(fleet, options)
    try:
        chaos.wait_until_all_push("the start")
        begun = time.monotonic()
        for _ in range(options.rounds):
            chaos.round()
        seconds = time.monotonic() - begun
        code = fleet.stop()
        if code != 75:
            raise SystemExit(f"the launcher ended with {code}:\n{fleet.said()[-3000:]}")
        checked = check(fleet)
        report(chaos, options.rounds, seconds, checked)
    finally:
        fleet.kill()
        if options.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    lost = [line.split()[-1] for line in checked.stdout.splitlines() if line.startswith("lost ")]
    print(f"{options.rounds} faults, {sum(chaos.kills.values())} kills, "
          f"{lost[0] if lost else '?'} updates lost")
    sys.exit(checked.returncode)


if __name__ == "__main__":
    main()
