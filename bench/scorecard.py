#!/usr/bin/env python3
"""What Rubato does beside what this machine could do, row by row.

scorecard.py --bin BIN [--quick] [--only WORDS] [--json FILE] [--list]
Each row is measured some times (5; 2 with --quick) and judged by its median: PASS, SHORT of its
target, or INVALID where the machine changed its mind meanwhile, as raw ZeroMQ beside it shows.
Ratios are of figures of one run, so that a busy machine disturbs both. `--json`: the samples, too.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[1]
RULES = ("sgd", "momentum", "adagrad", "adam", "ftrl")
SLOWEST_RAW_GB_PER_S = 2.6  # of raw ZeroMQ at 1 MiB: below, the machine is not itself


@dataclass(frozen=True)
class Sample:
    value: float
    told: str  # the figure itself
    valid: bool = True


@dataclass(frozen=True)
class Row:
    """`measure`: one sample. `most`: the target is a bound from above."""

    name: str
    beside: str
    target: float
    measure: Callable[["Bench"], Sample]
    most: bool = False

    def verdict(self, samples: list[Sample]) -> str:
        valid = [sample.value for sample in samples if sample.valid]
        if 2 * len(valid) <= len(samples):
            return "INVALID"
        middle = statistics.median(valid)
        met = middle <= self.target if self.most else middle >= self.target
        return "PASS" if met else "SHORT"


class Bench:
    """The programs, a folder for what they read and write, and inputs that are made once."""

    def __init__(self, programs: pathlib.Path, folder: pathlib.Path, quick: bool) -> None:
        self.programs, self.folder, self.quick = programs, folder, quick
        self._count = 0

    def run(self, *words: object) -> str:
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False,
                              cwd=self.folder, env={**os.environ, "RUBATO_BIN": str(self.programs)})
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, words))}: exit code {done.returncode}: {done.stderr}")
        return done.stdout

    def rubato(self, *words: object) -> float:
        """Seconds."""
        began = time.monotonic()
        self.run(sys.executable, "-B", ROOT / "launch" / "rubato", *words)
        return time.monotonic() - began

    def new(self, stem: str) -> pathlib.Path:
        self._count += 1
        return self.folder / f"{stem}-{self._count}"

    def google(self, program: str, name: str) -> dict[str, float]:
        """Counters of one benchmark."""
        told = json.loads(self.run(
            self.programs / program, f"--benchmark_filter=^{name}$", "--benchmark_format=json",
            f"--benchmark_min_time={0.1 if self.quick else 0.5}"))
        (found,) = told["benchmarks"]
        return found

    def loopback(self, only: str, transport: str) -> dict[str, float]:
        path = self.new("loopback")
        self.run(self.programs / "rubato-bench-loopback", "--only", only, "--transport", transport,
                 "--repeats", 1, "--megabytes", 512 if self.quick else 1024, "--json", path)
        return json.loads(path.read_text().splitlines()[-1])

    def once(self, name: str, make: Callable[[pathlib.Path], None]) -> pathlib.Path:
        path = self.folder / name
        if not path.exists():
            make(path)
        return path

    def libsvm(self) -> pathlib.Path:
        """Rows of 40 fields, hashed to 2^20."""
        def make(path: pathlib.Path) -> None:
            draw = random.Random(1)
            with path.open("w") as file:
                for _ in range(20_000 if self.quick else 100_000):
                    keys = sorted(draw.sample(range(1, 1 << 20), 40))
                    file.write(f"{draw.random() < 0.2:d} "
                               + " ".join(f"{key}:1" for key in keys) + "\n")
        return self.once("rows.libsvm", make)

    def csv(self, rows: int) -> pathlib.Path:
        return self.once(f"book-{rows}.csv", lambda path: self.run(
            self.programs / "rubato-data", "generate", "--rows", rows, "--out", path) and None)


def worker(only: str, transport: str) -> Callable[[Bench], Sample]:
    """Its bytes beside those of raw ZeroMQ."""
    def measure(bench: Bench) -> Sample:
        told = bench.loopback(only, transport)
        raw = min(told["raw_before_gb_per_s"], told["raw_after_gb_per_s"])
        return Sample(told["of_raw"], f"{told['gb_per_s']:.2f} GB/s",
                      bool(told["valid"]) and raw >= SLOWEST_RAW_GB_PER_S)
    return measure


def keys(only: str) -> Callable[[Bench], Sample]:
    """Rows of 16 floats a second over tcp, in millions."""
    def measure(bench: Bench) -> Sample:
        told = bench.loopback(only, "tcp")
        rate = told["gb_per_s"] * 1e3 / 64
        return Sample(rate, f"{rate:.1f} M rows/s", bool(told["valid"]))
    return measure


def small(transport: str) -> Callable[[Bench], Sample]:
    def measure(bench: Bench) -> Sample:
        told = bench.loopback("small", transport)
        return Sample(told["of_raw"], f"{told['p50_us']:.0f} us")
    return measure


def counter(program: str, name: str, of: str, shown: str) -> Callable[[Bench], Sample]:
    def measure(bench: Bench) -> Sample:
        told = bench.google(program, name)
        return Sample(told[of], f"{told[shown] * (1e-9 if shown == 'bytes_per_second' else 1):.1f} "
                      f"{'GB/s' if shown == 'bytes_per_second' else shown}")
    return measure


def rows_of(rule: str, dim: int) -> Callable[[Bench], Sample]:
    """Rows of `dim` floats beside the same rule on a block, in bytes a second."""
    def measure(bench: Bench) -> Sample:
        row = bench.google("optimizer_bench", f"StepRows/{rule}/{dim}/manual_time")["GB/s"]
        block = bench.google("optimizer_bench", f"StepRows/{rule}/65536/manual_time")["GB/s"]
        return Sample(row / block, f"{row:.1f} GB/s")
    return measure


def prepare(write: Callable[[Bench], pathlib.Path], settings: str) -> Callable[[Bench], Sample]:
    """MB of the file in a second, which is in memory."""
    def measure(bench: Bench) -> Sample:
        data = write(bench)
        run = bench.new("prepare")
        run.with_suffix(".toml").write_text(f"[data]\npath = \"{data}\"\n{settings}"
                                            "[model]\nkind = \"linear\"\n")
        data.read_bytes()
        began = time.monotonic()
        bench.run(bench.programs / "rubato-data", "prepare", run.with_suffix(".toml"),
                  "--out", run)
        rate = data.stat().st_size * 1e-6 / (time.monotonic() - began)
        return Sample(rate, f"{rate:.0f} MB/s")
    return measure


def tiny(command: str) -> Callable[[Bench], Sample]:
    """Seconds from start to end of a run of 1,000 rows, or of predicting one row with it."""
    def train(bench: Bench) -> tuple[pathlib.Path, float]:
        bench.csv(1000)
        run = bench.once("tiny.toml", lambda path: path.write_text(
            '[data]\nformat = "csv"\npath = "book-1000.csv"\nlabel = "default"\n'
            'drop = ["true_pd"]\n[model]\nkind = "linear"\n[train]\nepochs = 2\n') and None)
        out = bench.new("tiny")
        return out, bench.rubato("train", run, "--out", out)

    def predict(bench: Bench) -> float:
        out = bench.once("trained", lambda path: train(bench)[0].rename(path) and None)
        row = bench.once("row.csv", lambda path: path.write_text("".join(
            bench.csv(1000).open().readlines()[:2])) and None)
        return bench.rubato("predict", "--run", out, "--in", row, "--out", bench.new("scores"))

    def measure(bench: Bench) -> Sample:
        seconds = train(bench)[1] if command == "train" else predict(bench)
        return Sample(seconds, f"{seconds:.2f} s")
    return measure


def all_rows() -> Iterator[Row]:
    for transport, target in (("ipc", 0.75), ("tcp", 0.8)):
        for what in ("push", "pull"):
            yield Row(f"dense {what} over {transport}", "raw ZeroMQ", target,
                      worker(f"dense {what}", transport))
    yield Row("sparse push over tcp", "M rows/s", 15, keys("sparse push"))
    yield Row("sparse pull over tcp", "M rows/s", 20, keys("sparse pull"))
    for transport in ("ipc", "tcp"):
        yield Row(f"4 KiB there and back over {transport}", "raw ZeroMQ's echo", 1.5,
                  small(transport), most=True)
    for rule in RULES:
        yield Row(f"{rule}, a block in L2", "axpy", 0.6, counter(
            "optimizer_bench", f"StepRows/{rule}/65536/manual_time", "of_axpy", "GB/s"))
        yield Row(f"{rule}, a block beyond caches", "axpy", 0.9, counter(
            "optimizer_bench", f"StepRows/{rule}/8388608/manual_time", "of_axpy", "GB/s"))
        for dim in (8, 10, 16):
            yield Row(f"{rule}, rows of {dim}", "its block", 0.5, rows_of(rule, dim))
    for dim in (1, 16):
        for what, rule in (("Gather", "sgd"), ("Apply", "adagrad")):
            name = f"{what}/{rule}/dim:{dim}/rows:10000000/batch:16384/manual_time"
            yield Row(f"{what.lower()}, {rule}, 10M rows of {dim}", "flat, prefetched", 0.6,
                      counter("table_bench", name, "of_flat", "Mrows/s"))
    for name in ("EncodeBf16", "DecodeBf16"):
        yield Row(f"{name}, 64 MiB", "memcpy", 0.8, counter(
            "codec_bench", f"{name}/16777216", "of_memcpy", "bytes_per_second"))
    yield Row("prepare CSV", "MB/s", 200, prepare(
        lambda bench: bench.csv(50_000 if bench.quick else 400_000),
        'format = "csv"\nlabel = "default"\ndrop = ["true_pd"]\n'))
    yield Row("prepare LIBSVM, values 1", "MB/s", 450,
              prepare(Bench.libsvm, 'format = "libsvm"\n'))
    yield Row("train 1,000 rows", "s, start to end", 0.6, tiny("train"), most=True)
    yield Row("predict 1 row", "s, start to end", 0.35, tiny("predict"), most=True)


def line(row: Row, samples: list[Sample]) -> str:
    values = sorted(sample.value for sample in samples)
    told = sorted(samples, key=lambda sample: sample.value)[len(samples) // 2].told
    bound = f"{'<=' if row.most else '>='} {row.target:g}"
    return (f"{row.name:36} {told:>16}  {statistics.median(values):8.2f} "
            f"[{values[0]:.2f}-{values[-1]:.2f}]  {bound:>8} {row.beside:22} "
            f"{row.verdict(samples)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--list", action="store_true", help="names of the rows, and no more")
    options = parser.parse_args()
    rows = [row for row in all_rows() if options.only in row.name]
    if not rows:
        parser.error(f"no row has {options.only!r} in its name; --list has them")
    if options.list:
        print("\n".join(row.name for row in rows))
        return 0
    record = []
    with tempfile.TemporaryDirectory(prefix="rubato-scorecard-") as folder:
        bench = Bench(options.bin.resolve(), pathlib.Path(folder), options.quick)
        for row in rows:
            samples = [row.measure(bench) for _ in range(2 if options.quick else 5)]
            print(line(row, samples), flush=True)
            record.append({"row": row.name, "beside": row.beside, "target": row.target,
                           "verdict": row.verdict(samples),
                           "samples": [vars(sample) for sample in samples]})
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    passed = sum(one["verdict"] == "PASS" for one in record)
    print(f"{passed} of {len(record)} rows pass")
    return 0


if __name__ == "__main__":
    sys.exit(main())
