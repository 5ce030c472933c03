#!/usr/bin/env python3
"""What deaths cost a real training: one model trained quietly a few times, and under kills.

An MLP with embeddings on the generated book, each iteration of a floor's length, so that the run
lasts. Prints the test log loss of each run, the kills, and how soon the fleet was whole again.
Usage: tests/faults/deaths.py --bin build/release/bin [--quiet N] [--server-every S] ...
Run as `deaths.py --launch RUN BIN FLOOR` it is the launcher of one of them.
"""

import argparse
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "launch"))
from rubato_cli.base.console import Console  # noqa: E402
from rubato_cli.base.failure import Failure  # noqa: E402
from rubato_cli.files.run_folder import RunFolder  # noqa: E402
from rubato_cli.fleet.builds import Build  # noqa: E402
from rubato_cli.fleet.sockets import SocketFolder  # noqa: E402
from rubato_cli.fleet.stop_signals import StopSignals  # noqa: E402
from rubato_cli.run.start import Start, train_and_evaluate  # noqa: E402

RUN = """\
[fleet]
servers = 2
workers = 3
lease_seconds = 2
restarts = 1000
[data]
format = "generated"
rows = {rows}
[model]
kind = "mlp"
[train]
staleness = 4
epochs = {epochs}
batch = 64
best_epoch = false
[snapshot]
every_clocks = 100
"""


def launch(run, programs, floor):
    """Trains and evaluates the prepared run; its metrics go to metrics.json."""
    folder = RunFolder(run)
    folder.lock()
    flags = ["--floor-seconds", floor]
    try:
        with StopSignals() as stop, SocketFolder() as sockets:
            start = Start(Build(pathlib.Path(programs), ""), folder, stop, sockets,
                          lambda seat: flags)
            left = int(folder.read_json("job.json")["last_clock"])
            folder.write_json("metrics.json", train_and_evaluate(Console(), start, None, left))
    except Failure as failure:
        sys.exit(failure.sentence)


class Killer:
    """Kills a process of one role every so many seconds until it is told to stop."""

    def __init__(self, run, role, seconds, rng):
        self.kills = 0
        self._run, self._role, self._seconds, self._rng = run, role, seconds, rng
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._kill_on)
        self._thread.start()

    def stop(self):
        self._done.set()
        self._thread.join()

    def _kill_on(self):
        while not self._done.wait(self._seconds):
            pids = [int(entry.name) for entry in pathlib.Path("/proc").glob("[0-9]*")
                    if self._is_victim(entry)]
            if pids:
                os.kill(self._rng.choice(pids), signal.SIGKILL)
                self.kills += 1

    def _is_victim(self, entry):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return (words[0].endswith(f"/rubato-{self._role}".encode()) and b"--serve" not in words
                and b"evaluate" not in words and str(self._run).encode() in words)


def train(options, folder, name, every):
    run = folder / name
    subprocess.run([options.bin / "rubato-data", "prepare", folder / "run.toml", "--out", run],
                   check=True, stdout=subprocess.DEVNULL)
    killers = {}
    with open(folder / f"{name}.log", "w", encoding="utf-8") as log:
        launcher = subprocess.Popen(
            [sys.executable, "-B", __file__, "--launch", run, options.bin.resolve(),
             str(options.floor)], stdout=log, stderr=subprocess.STDOUT)
        for role, seconds in every.items():
            if seconds:
                killers[role] = Killer(run, role, seconds, random.Random(len(killers)))
        code = launcher.wait()
    for killer in killers.values():
        killer.stop()
    if code != 0:
        sys.exit(f"{name} ended with {code}:\n{(folder / f'{name}.log').read_text()[-2000:]}")
    metrics = RunFolder(str(run)).read_json("metrics.json")
    kills = {role: killer.kills for role, killer in killers.items()}
    loss, seconds = metrics["test"]["logloss"], metrics["train"]["seconds"]
    print(f"{name}: log loss {loss:.6f}, {seconds:.0f} s, kills {json.dumps(kills)}", flush=True)
    return metrics


def report(quiet, metrics):
    losses = [run["test"]["logloss"] for run in quiet]
    loss = metrics["test"]["logloss"]
    beyond = max(0.0, loss - max(losses), min(losses) - loss)
    print(f"  spread of the quiet runs {min(losses):.6f} to {max(losses):.6f}; {beyond:.6f} beyond")
    faults = metrics["faults"]
    for role in ("server", "worker", "scheduler"):
        back = [death["back_seconds"] for death in faults["deaths"]
                if death["process"].startswith(role) and death["back_seconds"] is not None]
        if back:
            print(f"  {role}: {len(back)} back, after {statistics.median(back):.2f} s (median), "
                  f"{max(back):.2f} s (most)")
    print(f"  fleet resumes {len(faults['fleet_resumes'])}, evictions {faults['evictions']}, "
          f"iterations skipped {_length(faults['skipped'])}, repeated "
          f"{_length(faults['repeated'])}, torn {_length(faults['torn'])}; "
          f"updates lost {metrics['updates']['lost']}")


def _length(spans):
    return sum(span["end"] - span["begin"] for span in spans)


def main():
    parser = argparse.ArgumentParser(prog="tests/faults/deaths.py", description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--rows", type=int, default=30_000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--floor", type=float, default=0.08, help="seconds of an iteration")
    parser.add_argument("--quiet", type=int, default=3)
    parser.add_argument("--server-every", type=float, default=10)
    parser.add_argument("--worker-every", type=float, default=7)
    parser.add_argument("--scheduler-every", type=float, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rubato-deaths-") as scratch:
        folder = pathlib.Path(scratch)
        (folder / "run.toml").write_text(RUN.format(rows=options.rows, epochs=options.epochs))
        quiet = [train(options, folder, f"quiet-{i}", {}) for i in range(options.quiet)]
        every = {"server": options.server_every, "worker": options.worker_every}
        report(quiet, train(options, folder, "kills", every))
        every["scheduler"] = options.scheduler_every
        report(quiet, train(options, folder, "kills-of-schedulers-too", every))


if __name__ == "__main__":
    launch(*sys.argv[2:]) if sys.argv[1:2] == ["--launch"] else main()
