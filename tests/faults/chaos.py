#!/usr/bin/env python3
"""Breaks a fleet of real processes, round after round, and says what became of its pushes.

A round is a fault, or two at once, the wait until every post is filled and all workers push again,
and a pause. The longest time in which nobody pushed is the round's stall. At the end the run is
stopped by a signal, which commits a last snapshot, and chaos_check holds that against what the
workers know.
"""

import argparse
import collections
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

from chaos_fleet import ROLES, ChaosFleet, names_of
from chaos_rounds import Chaos
from hosts import HUB, Hosts, NoHosts, OneHost
from links import Links
from rubato_cli.files.scratch import ScratchFolder, temporary_folder
from small_disk import NoDisk, SmallDisk

NOT_KEPT = shutil.ignore_patterns("lock", "sockets")


def report(chaos, rounds, seconds, checked):
    fleet = chaos.fleet
    options = fleet.options
    iterations, shards = fleet.pushes.iterations(), 2 * options.servers
    print(f"{rounds} rounds in {seconds:.0f} s, seed {options.seed}; lease {chaos.lease:g} s; "
          f"{options.servers} servers of 2 shards, {options.workers} workers, "
          f"s = {options.staleness}")
    report_kinds(chaos)
    print("kills: " + ", ".join(f"{role} {chaos.kills[role]}" for role in ROLES))
    if chaos.unacknowledged:
        print("pushes unacknowledged at a kill: median "
              f"{statistics.median(chaos.unacknowledged):.0f}, most {max(chaos.unacknowledged)}")
    report_lives(fleet)
    print(f"pushes {shards * iterations}, one to each of {shards} shards in {iterations} "
          f"iterations: {shards * iterations / max(seconds, 1):.0f} a second; "
          f"fleet resumes {len(fleet.events('fleet_resume'))}, "
          f"commits {len(fleet.events('committed'))}")
    report_stalls(chaos.stalls)
    print(checked.stdout, end="")


def report_kinds(chaos):
    """Alone: in rounds of a single fault, whose bound is a lease, what the system takes to settle,
    and as long as the fault goes on."""
    print(f"{'faults by kind, and their longest stalls':33} count   alone  bound    two  bound")
    for kind, count in sorted(chaos.faults.items()):
        of_kind = [stall for stall in chaos.stalls if kind in stall.kinds]
        row = "".join(
            f"{worst.seconds:7.2f}{worst.bound:7.1f}" if worst else f"{'-':>7}{'-':>7}"
            for worst in (max((stall for stall in of_kind if (len(stall.kinds) == 1) == alone),
                              default=None) for alone in (True, False)))
        print(f"  {kind:31} {count:5} {row}")


def report_lives(fleet):
    """What processes were started with: what differs from life to life."""
    drawn = collections.Counter()
    for name, lives in fleet.lives().items():
        for life in lives:
            for option, value in life.items():
                if option not in ("pid", "address"):
                    drawn[f"{name.split('-')[0]}: {option} {value}"] += 1
    few = ", ".join(f"{role} {count}" for role, count in fleet.fewest.items())
    print(f"lives by what they were started with (the fewest open files: {few}):")
    for option, count in sorted(drawn.items()):
        print(f"  {option:48} {count}")


def report_stalls(stalls):
    worst = max(stalls)
    beyond = [stall for stall in stalls if stall.seconds > stall.bound]
    print(f"longest stall {worst.seconds:.2f} s (bound {worst.bound:.1f} s): {worst.what}; "
          "beyond its bound: "
          f"{len(beyond)}")
    for stall in beyond:
        print(f"  {stall.seconds:.2f} s, bound {stall.bound:.1f} s: {stall.what}")


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
    parser.add_argument("--one-host", action="store_true", help="no network namespaces")
    parser.add_argument("--keep", action="store_true", help="leave the run's folder behind")
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    return parser.parse_args()


def make_hosts(options):
    """And whether they can be parted."""
    if not options.one_host:
        try:
            return Hosts([name for role in ROLES for name in names_of(options, role)]), True
        except NoHosts as why:
            print(f"no partitions: {why}")
    return OneHost(), False


def make_disk(place):
    try:
        return SmallDisk(place / "disk")
    except NoDisk as why:
        print(f"no full disk: {why}")
        return None


def main():
    options = parse()
    scratch = ScratchFolder(temporary_folder(pathlib.Path("/tmp")), "rubato-chaos-")
    place = scratch.path
    (place / "sockets").mkdir()
    disk = make_disk(place)
    hosts, partitions = make_hosts(options)
    links = Links(options.bin / "chaos_proxy", place / "sockets" / "proxy",
                  hosts.namespace(HUB))
    fleet = ChaosFleet(place, options, hosts, links)
    try:
        code = run(Chaos(fleet, options, partitions, disk))
    finally:
        fleet.kill()
        links.close()
        hosts.close()
        if options.keep:
            kept = f"{place}-kept"
            shutil.copytree(place, kept, symlinks=True, ignore=NOT_KEPT)
            print(f"kept: {kept}")
        if disk:
            disk.close()
        scratch.remove()
    sys.exit(code)


def run(chaos):
    fleet, rounds = chaos.fleet, chaos.fleet.options.rounds
    chaos.wait_until_all_push("the start")
    begun = time.monotonic()
    for _ in range(rounds):
        chaos.round()
    seconds = time.monotonic() - begun
    code = fleet.stop()
    if code != 75:
        raise SystemExit(f"the launcher ended with {code}:\n{fleet.said()[-3000:]}")
    checked = check(fleet)
    report(chaos, rounds, seconds, checked)
    lost = [line.split()[-1] for line in checked.stdout.splitlines() if line.startswith("lost ")]
    print(f"{sum(chaos.faults.values())} faults, {sum(chaos.kills.values())} kills, "
          f"{lost[0] if lost else '?'} updates lost")
    return checked.returncode


if __name__ == "__main__":
    main()
