#!/usr/bin/env python3
"""A long training under churn: does any process grow, or keep descriptors?

The MLP of deaths.py with an epoch's worth of iterations again and again, a worker killed every so
often. Samples resident memory and open descriptors of the launcher, the scheduler and the servers,
which live through it all, and prints for each the slope of a line through its last two thirds.
Usage: tests/faults/soak.py [--minutes M] [--worker-every S]
"""

import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import deaths

PAGE = os.sysconf("SC_PAGESIZE")
SAMPLE_SECONDS = 5.0


def sample(pid):
    """(resident bytes, open descriptors)"""
    proc = pathlib.Path(f"/proc/{pid}")
    resident = int((proc / "statm").read_text().split()[1]) * PAGE
    return resident, len(list((proc / "fd").iterdir()))


def slope(points):
    """Of a least-squares line through (x, y), in y per x."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    return (sum((x - mean_x) * (y - mean_y) for x, y in points)
            / sum((x - mean_x) ** 2 for x, _ in points))


def name_of(pid, launcher):
    if pid == launcher:
        return "launcher"
    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    program = words[0].rsplit(b"/", 1)[1].decode().removeprefix("rubato-")
    return f"{program}-{words[words.index(b'--server') + 1].decode()}" if b"--server" in words \
        else program


def lasting(run, launcher):
    """Process ids of those that nobody kills."""
    found = [launcher]
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(run).encode() in words and words[0].endswith((b"-scheduler", b"-server")):
            found.append(int(entry.name))
    return found


def watch(run, launcher, minutes):
    """{name: [(minutes since the start, resident bytes, descriptors)]}"""
    begun, samples = time.monotonic(), {}
    while time.monotonic() - begun < 60 * minutes:
        time.sleep(SAMPLE_SECONDS)
        if launcher.poll() is not None:
            raise SystemExit(f"the run ended with {launcher.returncode}")
        at = (time.monotonic() - begun) / 60
        for pid in lasting(run, launcher.pid):
            samples.setdefault(name_of(pid, launcher.pid), []).append((at, *sample(pid)))
    return samples


def report(samples):
    print(f"{'process':12} {'MiB first':>10} {'MiB last':>10} {'KiB/minute':>11}  descriptors")
    for name, points in sorted(samples.items()):
        settled = points[len(points) // 3:]
        grows = slope([(at, resident) for at, resident, _ in settled]) / 1024
        files = [files for _, _, files in settled]
        print(f"{name:12} {settled[0][1] / 2**20:10.1f} {settled[-1][1] / 2**20:10.1f} "
              f"{grows:11.2f}  {min(files)} to {max(files)}")


def main():
    parser = argparse.ArgumentParser(prog="tests/faults/soak.py", description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, default=deaths.ROOT / "build/release/bin")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--worker-every", type=float, default=20)
    parser.add_argument("--floor", type=float, default=0.05)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rubato-soak-") as scratch:
        folder = pathlib.Path(scratch)
        run = folder / "run"
        (folder / "run.toml").write_text(deaths.RUN.format(rows=30_000, epochs=2000))
        subprocess.run([options.bin / "rubato-data", "prepare", folder / "run.toml", "--out", run],
                       check=True, stdout=subprocess.DEVNULL)
        with open(folder / "log", "w", encoding="utf-8") as log:
            launcher = subprocess.Popen(
                [sys.executable, "-B", deaths.__file__, "--launch", run, options.bin.resolve(),
                 str(options.floor)], stdout=log, stderr=subprocess.STDOUT)
            killer = deaths.Killer(run, "worker", options.worker_every, random.Random(1))
            try:
                samples = watch(run, launcher, options.minutes)
            finally:
                killer.stop()
                launcher.send_signal(signal.SIGTERM)
                launcher.wait(timeout=120)
        report(samples)
        print(f"{killer.kills} workers killed in {options.minutes:g} minutes")


if __name__ == "__main__":
    main()
