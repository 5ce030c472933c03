#!/usr/bin/env python3
"""What a fleet on three hosts by ssh gives, and what it costs when a link is cut or a host is lost
while it trains: the scores beside those of one host, what was lost, and for how long each worker
stood still. Root only; keys are on, as the hosts (ssh_hosts.py) have addresses of their own.

RUBATO_BIN=BIN RUBATO_DATA_DIR=DATA ssh_show.py [--epochs 20] [--long 400] [--only WORDS]
`--long`: epochs of the runs in which something happens. Standing still is the longest time between
two `progress` events of a worker, which tells of itself every 0.25 s: it did not train meanwhile,
whatever the reason. What is lost is at most `torn`: iterations of a worker that was put out of the
fleet (`out`), of which some shards had their part and others had not. Exit 1 if more was lost, or
if scores are not those of one host.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "launch"), str(HERE.parents[1] / "launch")]

from hosts import NoHosts  # noqa: E402 (needs the path)
from processes import wait_until  # noqa: E402
from real_fleet import BIN, ROOT, Rubato  # noqa: E402
from ssh_fleet import NAMES, SshRubato  # noqa: E402
from ssh_hosts import SshHosts  # noqa: E402

RUN = ROOT / "launch" / "runs" / "taiwan_default.toml"
WORKERS = [f"worker-{seat}" for seat in range(4)]
FLEET = ("fleet.servers=2", "fleet.workers=4")
CUT_SECONDS = 20.0
BEGIN_CLOCK = 300  # of what happens
AUC_BESIDE = 0.003  # of two trainings that differ in the order in which pushes arrive


@dataclasses.dataclass(frozen=True)
class Case:
    """`happen`: what is done to the hosts once the run is on its way. `lines`: of each host in the
    file of hosts. `shared`: they all see the run's folder."""

    what: str
    settings: tuple = ()
    happen: object = None
    lines: tuple = ("slots=2",) * len(NAMES)
    shared: bool = False


def cut(name):
    def happen(hosts):
        hosts.unplug(name)
        time.sleep(CUT_SECONDS)
        hosts.plug_in(name)
    return happen


CASES = (
    Case("link of a server down 20 s, lease 60", ("fleet.lease_seconds=60",), cut("two")),
    Case("link of a server down 20 s, lease 10", (), cut("two")),
    Case("link of 2 workers down 20 s, lease 10", (), cut("three")),
    Case("host of 2 workers lost, lease 10", ("launch.supervisor_seconds=10",),
         lambda hosts: hosts.lose("three"), ("slots=3",) * len(NAMES)),
    # Whose pushes a server has forgotten has them still: no worker is lost with it.
    Case("host of a server lost, lease 5",
         ("data.shared=true", "snapshot.every_clocks=200", "fleet.lease_seconds=5",
          "launch.supervisor_seconds=10"), lambda hosts: hosts.lose("two"), shared=True,
         lines=("slots=3", "slots=1 roles=server", "slots=4")),
)


class Run:
    """One that has ended, in the folder `out`."""

    def __init__(self, out):
        self.out = out

    def events(self, name, kind):
        with contextlib.suppress(OSError):
            lines = (self.out / "telemetry" / f"{name}.jsonl").read_text().splitlines()
            return [event for event in map(json.loads, lines) if event["event"] == kind]
        return []

    @property
    def clock(self):
        return max((event["min_clock"] for event in self.events("scheduler-0", "view")), default=0)

    @property
    def metrics(self):
        return json.loads((self.out / "metrics.json").read_text())

    @property
    def auc(self):
        return self.metrics["test"]["auc"]

    @property
    def lost(self):
        return self.metrics["updates"]["lost"]

    @property
    def torn(self):
        """Iterations of who was put out that some shards have and others have not."""
        return sum(event["end"] - event["begin"] for event in self.events("scheduler-0", "torn"))

    def stood(self):
        """Of each worker."""
        for name in WORKERS:
            times = [event["time_ms"] / 1000 for event in self.events(name, "progress")]
            yield max((after - before for before, after in zip(times, times[1:], strict=False)),
                      default=float("nan"))

    @property
    def seconds(self):
        """Of training."""
        return self.metrics["train"]["seconds"]

    def tell(self, what):
        evicted = len(self.events("scheduler-0", "evicted"))
        lives = sum(len(self.events(name, "begun")) for name in WORKERS)
        stood = " ".join(f"{seconds:6.2f}" for seconds in self.stood())
        print(f"{what:38} {self.auc:7.4f} {self.lost:4} {self.torn:4} {evicted:4} {lives:5} "
              f"{self.seconds:6.1f}  {stood}",
              flush=True)


def end(command, out):
    code, _, stderr = command.end()
    if code != 0:
        raise SystemExit(f"ssh_show: {out}: exit code {code}: {stderr}")
    return Run(out)


def words(out, *settings):
    return ["train", RUN, "--out", out,
            *(word for setting in (*FLEET, *settings) for word in ("--set", setting))]


def by_ssh(folder, case):
    """A run on hosts that are made for it."""
    for name in ("disk", "shared", "keys"):
        (folder / name).mkdir(parents=True)
    hosts = SshHosts(NAMES, folder / "keys", {ROOT, BIN, folder}, [folder / "disk"])
    with contextlib.closing(hosts):
        (folder / "hosts").write_text("".join(
            f"{name} {line}\n" for name, line in zip(NAMES, case.lines, strict=True)))
        os.environ["RUBATO_SSH"] = hosts.ssh
        out = folder / ("shared" if case.shared else "disk") / "run"
        command = SshRubato(hosts, folder, [*words(out, *case.settings), "--launcher", "ssh",
                                            "--hosts", folder / "hosts"])
        if case.happen is not None:
            wait_until(lambda: Run(out).clock >= BEGIN_CLOCK or command.process.poll() is not None)
            if command.process.poll() is None:
                case.happen(hosts)
        return end(command, out)


def show(folder, epochs, cases, *settings):
    """What is wrong, as sentences."""
    wrong = []
    settings = (f"train.epochs={epochs}", *settings)
    alone = end(Rubato(folder, words(folder / f"alone-{epochs}", *settings)),
                folder / f"alone-{epochs}")
    alone.tell(f"one host, {epochs} epochs")
    for number, case in enumerate(cases):
        run = by_ssh(folder / f"{epochs}-{number}",
                     dataclasses.replace(case, settings=(*case.settings, *settings)))
        run.tell(case.what)
        if run.lost > run.torn:
            wrong.append(f"{case.what}: {run.lost} updates were lost")
        if abs(run.auc - alone.auc) > AUC_BESIDE:
            wrong.append(f"{case.what}: AUC {run.auc:.4f}, and {alone.auc:.4f} on one host")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--long", type=int, default=400)
    parser.add_argument("--only", default="", help="cases whose names hold these words")
    arguments = parser.parse_args()
    print(f"{'':38} {'AUC':>7} {'lost':>4} {'torn':>4} {'out':>4} {'lives':>5} "
          f"{'train':>6}  "
          "longest stand of workers 0 to 3 [s]", flush=True)
    cases = [case for case in CASES if arguments.only in case.what]
    with tempfile.TemporaryDirectory(prefix="ssh-show-") as scratch:
        folder = pathlib.Path(scratch)
        try:
            wrong = show(folder, arguments.epochs,
                         [Case(f"three hosts, {arguments.epochs} epochs")])
            # Without the best epoch: else whoever validates is waited for, or done without and
            # made up for afterwards, by a fleet for each epoch that he has missed.
            wrong += show(folder, arguments.long, cases, "train.best_epoch=false")
        except NoHosts as why:
            raise SystemExit(f"ssh_show: {why}") from why
    for sentence in wrong:
        print(sentence)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
