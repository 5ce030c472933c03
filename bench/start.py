"""See bench/start. Time runs from the command, so it holds the launcher, the reading of the data (a
loan book of 20,000 rows) and the evaluation."""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = pathlib.Path(os.environ["RUBATO_BIN"])
FLEETS = ((1, 4), (4, 16))  # servers and workers, beside one scheduler
RUN = """\
[fleet]
servers = {servers}
workers = {workers}
[data]
path = "book.csv"
label = "default"
drop = ["true_pd"]
[model]
kind = "linear"
[train]
epochs = {epochs}
batch = 64
best_epoch = false
"""
SHORT, ENDLESS = 1, 1_000_000
POLL_SECONDS = 0.01


class Fleet:
    """One `rubato train` in a folder of its own."""

    def __init__(self, book, folder, size, epochs):
        servers, workers = size
        self._workers, self.out = workers, folder / "run"
        (folder / "book.csv").symlink_to(book)
        (folder / "run.toml").write_text(RUN.format(servers=servers, workers=workers,
                                                    epochs=epochs))
        self._begun = time.time()
        self._process = subprocess.Popen(
            [sys.executable, "-B", ROOT / "launch" / "rubato", "train", folder / "run.toml",
             "--out", self.out], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def trains(self):
        """Whether somebody has pushed; a failure if it has ended."""
        if self._process.poll() is not None:
            sys.exit(f"ended too soon: {self._process.stderr.read()}")
        return bool(self._of_workers("progress"))

    def interrupt(self):
        self._process.send_signal(signal.SIGINT)

    def end(self, code):
        """When it did; a failure with another exit code."""
        _, stderr = self._process.communicate()
        ended = time.time()
        if self._process.returncode != code:
            sys.exit(f"ended with {self._process.returncode}: {stderr}")
        return ended

    def begun(self):
        """Seconds to the first worker that has its life, and to the last."""
        times = self._of_workers("begun")
        return min(times) - self._begun, max(times) - self._begun

    def pushed(self):
        """Seconds to the first push. Workers tell of pushes four times a second: what is told first
        says how many there were by then, and since when."""
        first = []
        for seat in range(self._workers):
            events = list(self._events(seat))
            begun = next(event["time_ms"] for event in events if event["event"] == "begun")
            told = next((event for event in events
                         if event["event"] == "progress" and event["clock"] > 0), None)
            if told:
                each = (told["time_ms"] - begun) / told["clock"]
                first.append((begun + each) / 1000)
        return min(first) - self._begun

    def done(self):
        """When the last worker was."""
        return max(self._of_workers("done"))

    def left(self):
        """Its processes that live on."""
        return sum(1 for pid in pathlib.Path("/proc").glob("[0-9]*")
                   if str(self.out).encode() in _command_line(pid))

    def _of_workers(self, kind):
        return [event["time_ms"] / 1000 for seat in range(self._workers)
                for event in self._events(seat) if event["event"] == kind]

    def _events(self, seat):
        path = self.out / "telemetry" / f"worker-{seat}.jsonl"
        with contextlib.suppress(FileNotFoundError):
            for line in path.read_text().splitlines():
                with contextlib.suppress(json.JSONDecodeError):  # it is being written
                    yield json.loads(line)


def _command_line(pid):
    try:
        return (pid / "cmdline").read_bytes()
    except OSError:
        return b""


def measure(book, size):
    """Seconds, by what they are of; and who is left."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("whole", "stopped"):
            (pathlib.Path(scratch) / name).mkdir()
        whole = Fleet(book, pathlib.Path(scratch) / "whole", size, SHORT)
        ended = whole.end(0)
        all_begun = whole.begun()
        seconds = {"first life": all_begun[0], "last life": all_begun[1],
                   "first push": whole.pushed(), "last push to the end": ended - whole.done()}
        left = whole.left()
        stopped = Fleet(book, pathlib.Path(scratch) / "stopped", size, ENDLESS)
        while not stopped.trains():
            time.sleep(POLL_SECONDS)
        asked = time.time()
        stopped.interrupt()
        seconds["Ctrl-C to the end"] = stopped.end(75) - asked
        return seconds, left + stopped.left()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as scratch:
        book = pathlib.Path(scratch) / "book.csv"
        subprocess.run([BIN / "rubato-data", "generate", "--rows", "20000", "--out", book],
                       check=True, stdout=subprocess.DEVNULL)
        for size in FLEETS:
            results = [measure(book, size) for _ in range(repeats)]
            print(f"1 scheduler, {size[0]} servers, {size[1]} workers; {repeats} times")
            for name in results[0][0]:
                values = [seconds[name] for seconds, _ in results]
                print(f"  {name:22} median {statistics.median(values):6.2f} s, "
                      f"{min(values):.2f} to {max(values):.2f}")
            print(f"  {'processes left':22} {sum(left for _, left in results)}", flush=True)


if __name__ == "__main__":
    main()
