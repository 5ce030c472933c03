#!/usr/bin/env python3
"""PyTorch on the workloads of bench/gpu.sh (bench/gpu_workloads.h), on this GPU: what the product
is compared with. W1 with AdaGrad for its table and Adam for its layers, the others with Adam, tf32
products unless said; inputs on the GPU already unless said.

Usage: bench/torch_baseline.py --out FILE [--quick] [--seconds N]
FILE is written after every row. Exit code 0, also where there is no PyTorch or no GPU: then a
sentence says so, and FILE is not written.
"""

import argparse
import importlib
import importlib.util
import json
import pathlib
import statistics
import sys
import time

BATCH = 8192
LEVELS, COLUMNS, NUMERIC, DIM = 400_000, 26, 16, 16  # of W1


class Bench:
    """Times steps, and keeps what came out in a file."""

    def __init__(self, torch, options):
        self.torch = torch
        self.path = pathlib.Path(options.out)
        self.end = time.monotonic() + options.seconds
        self.steps, self.warm_up, self.repeats = (10, 3, 3) if options.quick else (60, 20, 5)
        self.rows = {}

    def seconds(self, step, factor=1):
        """Of one step: the median of some repeats. step(i) is step number i."""
        for i in range(self.warm_up * factor):
            step(i)
        self.torch.cuda.synchronize()
        found = []
        for _ in range(self.repeats):
            start = time.perf_counter()
            for i in range(self.steps * factor):
                step(i)
            self.torch.cuda.synchronize()
            found.append((time.perf_counter() - start) / (self.steps * factor))
        return statistics.median(found)

    def add(self, name, rows, seconds):
        self.rows[name] = rows / seconds
        print(f"PyTorch {name}: {seconds * 1e6:.1f} us a step, {rows / seconds / 1e6:.2f} M "
              "samples/s", flush=True)
        device = self.torch.cuda.get_device_name()
        self.path.write_text(json.dumps({"device": device, "torch": self.torch.__version__,
                                         "samples_per_second": self.rows}, indent=1) + "\n")

    def has_time(self, name):
        if time.monotonic() < self.end:
            return True
        print(f"PyTorch {name}: left out, the time is up")
        return False


def layers(torch, widths):
    """Linear layers with relus between them."""
    modules = []
    for i, o in zip(widths, widths[1:]):
        modules += [torch.nn.Linear(i, o), torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1]).cuda()


def loss_of(torch, margin, label):
    return torch.nn.functional.binary_cross_entropy_with_logits(margin, label)


def labels(torch, rows):
    return (torch.rand(rows, 1, device="cuda") < 0.1).float()


def w1_step(torch, batches, on_gpu):
    """on_gpu(t): tensor t of a batch on the GPU."""
    table = torch.nn.Embedding(LEVELS * COLUMNS, DIM, sparse=True, device="cuda")
    model = layers(torch, (NUMERIC + COLUMNS * DIM, 512, 256, 1))
    of_table = torch.optim.Adagrad(table.parameters(), lr=0.01)
    of_layers = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def step(i):
        keys, numeric, label = map(on_gpu, batches[i % len(batches)])
        rows = table(keys).view(len(label), -1)
        loss = loss_of(torch, model(torch.cat([numeric, rows], 1)), label)
        of_table.zero_grad()
        of_layers.zero_grad()
        loss.backward()
        of_table.step()
        of_layers.step()
    return step


def w1(bench):
    torch = bench.torch
    first = torch.arange(COLUMNS, device="cuda") * LEVELS
    batches = [((torch.rand(BATCH, COLUMNS, device="cuda") ** 3 * LEVELS).long() + first,
                torch.randn(BATCH, NUMERIC, device="cuda"), labels(torch, BATCH))
               for _ in range(32)]
    bench.add("W1 eager", BATCH, bench.seconds(w1_step(torch, batches, lambda t: t)))
    torch.cuda.empty_cache()
    pinned = [(keys.int().cpu().pin_memory(), numeric.cpu().pin_memory(), label.cpu().pin_memory())
              for keys, numeric, label in batches]
    step = w1_step(torch, pinned, lambda t: t.to("cuda", non_blocking=True))
    bench.add("W1 eager, inputs from host", BATCH, bench.seconds(step))
    torch.cuda.empty_cache()


def dense_step(torch, model, optimizer, inputs, narrow=False):
    """A step of a model without a table; `inputs` are pairs (x, label) that take turns."""
    def step(i):
        x, label = inputs[i % len(inputs)]
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=narrow):
            loss = loss_of(torch, model(x).float(), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return step


def w2(bench, precision, how):
    torch = bench.torch
    name = f"W2 {precision} {how}"
    if not bench.has_time(name):
        return
    model = layers(torch, (512, 2048, 2048, 1024, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    inputs = [(torch.randn(BATCH, 512, device="cuda"), labels(torch, BATCH)) for _ in range(8)]
    run = torch.compile(model) if how == "compiled" else model
    step = dense_step(torch, run, optimizer, inputs, precision == "bf16")
    bench.add(name, BATCH, bench.seconds(step))


def w3_step(torch, rows, capturable):
    model = layers(torch, (64, 256, 128, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True, capturable=capturable)
    inputs = [(torch.randn(rows, 64, device="cuda"), labels(torch, rows))]
    return dense_step(torch, model, optimizer, inputs)


def w3(bench, rows):
    torch = bench.torch
    step = w3_step(torch, rows, capturable=False)
    bench.add(f"W3 {rows} eager", rows, bench.seconds(step, factor=5))
    step = w3_step(torch, rows, capturable=True)
    side = torch.cuda.Stream()  # as the documentation of CUDAGraph has it
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for i in range(3):
            step(i)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step(0)
    bench.add(f"W3 {rows} graph", rows, bench.seconds(lambda _: graph.replay(), factor=20))


def measure(bench):
    torch = bench.torch
    torch.set_float32_matmul_precision("high")
    torch.manual_seed(1)
    for rows in (1024, 256):
        w3(bench, rows)
    w1(bench)
    for how in ("eager", "compiled"):  # the compiler takes longest
        for precision in ("tf32", "bf16"):
            w2(bench, precision, how)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="JSON file for rubato-bench-gpu --baseline")
    parser.add_argument("--quick", action="store_true", help="few steps, to try the script")
    parser.add_argument("--seconds", type=float, default=120.0, help="no compiled row starts later")
    options = parser.parse_args()
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed for this python3: no baseline was measured here")
        return 0
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        print(f"PyTorch {torch.__version__} sees no GPU: no baseline was measured here")
        return 0
    measure(Bench(torch, options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
