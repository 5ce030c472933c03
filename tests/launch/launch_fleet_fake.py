#!/usr/bin/env python3
"""Stands in for the C++ executables in launch_test.py: the same command lines, events and exit
codes, with a fate for each process instead of work.

Usage: launch_fleet_fake.py PROGRAM ARGUMENTS...   A run file is JSON: {"servers", "workers",
"clocks", "best_epoch", "transport", "restarts", "target" (of targets.py), "fates": {NAME: FATE}};
FATE is "kill" (by signal 9), "kill once" (the first of its name), "abort" (a library finds no
memory), "error4" (a reason, exit 4), "lose" (exit 3 once a server has gone), "slow" (never done by
itself), "stay" (done, but never ends by itself), "ask" (each validation waits for a mark),
"miss" (does not validate the first epoch) or "silent" (exit 1 with nothing but a log line).
"""

import atexit
import json
import os
import pathlib
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "launch"))
import targets  # noqa: E402
from rubato_cli.files.run_folder import RunFolder  # noqa: E402


def say(event, **fields):
    process = sys.argv[1].removeprefix("rubato-")
    print(json.dumps({"process": process, "event": event, **fields}), flush=True)


def fail(message, code):
    say("error", message=message)
    sys.exit(code)


def option(name, default=None):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


def wait_until(condition):
    while not condition():
        time.sleep(0.005)


class Run:
    """The run folder as the fakes use it: their fates, and marks by which they meet."""

    def __init__(self, name):
        self.path = pathlib.Path(option("--run"))
        self.config = RunFolder(option("--run")).read_json("config.json")
        self.fake = self.config["fake"]
        self.name = name
        self.target = self.fake.get("target", "binary")
        self.fate = self.fake["fates"].get(name)
        self.marks = self.path / "marks"
        self.marks.mkdir(exist_ok=True)
        self.mark("pid-" + name, str(os.getpid()))

    def mark(self, name, text=""):
        new = self.marks / f".{name}"
        new.write_text(text)
        new.rename(self.marks / name)

    def marked(self, name):
        return (self.marks / name).exists()

    def meet_fate(self):
        print(f"{self.name} lives", file=sys.stderr, flush=True)
        first = not self.marked(f"died-{self.name}")
        if self.fate == "kill" or (self.fate == "kill once" and first):
            self.mark(f"died-{self.name}")
            self.mark("gone")
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fate == "error4":
            fail("labels are all the same in train.rbd; check data.label", 4)
        if self.fate == "lose":
            wait_until(lambda: self.marked("gone"))
            fail("lost the connection to server-0", 3)
        if self.fate == "abort":
            print("FATAL ERROR: OUT OF MEMORY (src/socket.cpp:12)", file=sys.stderr, flush=True)
            os.abort()
        if self.fate == "silent":
            print("something went wrong in the engine", file=sys.stderr, flush=True)
            sys.exit(1)


def await_orders():
    """As common/base/stop_signals.cc: tells of signals, and is stopped by the end of stdin. Returns
    a list that is empty until then."""
    stopped, heard = [], []

    def tell(number, _):
        if number != signal.SIGHUP:
            heard.append(number)
        event = {"event": "signal", "name": signal.Signals(number).name,
                 "count": max(len(heard), 1)}
        os.write(1, json.dumps(event).encode() + b"\n")

    def watch():
        sys.stdin.read()
        stopped.append(True)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, tell)
        # Python would take its handlers away before the process is gone.
        atexit.register(signal.signal, number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    threading.Thread(target=watch, daemon=True).start()
    return stopped


def refuse(sentence):
    print(f"rubato-data: {sentence}", file=sys.stderr)
    sys.exit(2)


def prepare():
    out = pathlib.Path(option("--out"))
    if "--resume" not in sys.argv:
        if out.exists() and any(out.iterdir()):
            refuse(f"{out}: is there already and not empty; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    fake = json.loads(pathlib.Path(sys.argv[3]).read_text())
    if "--set" in sys.argv and not option("--set").startswith("train."):
        refuse(f"--set: unknown key '{option('--set').split('=')[0]}'")
    config = {"fleet": {"servers": fake["servers"], "workers": fake["workers"],
                        "shards_per_server": 2, "transport": fake.get("transport", "auto"),
                        "host": "127.0.0.1", "port": 0, "interface": "",
                        "ports": "", "encrypt": False,
                        "lease_seconds": fake.get("lease", 10),
                        "restarts": fake.get("restarts", 0)},
              "train": {"epochs": 2, "seed": 7, "staleness": 4,
                        "rollback_above": 0.0, "rollback_rate": 0.5,
                        "best_epoch": fake.get("best_epoch", False)},
              "optimizer": {"learning_rate": 0.1}, "fake": fake}
    folder = RunFolder(option("--out"))
    folder.write_json("config.json", config)
    folder.write_json("job.json", {"last_clock": fake["clocks"],
                                   "iterations_per_epoch": fake["clocks"] // 2})
    folder.write_json("target.json", targets.TARGETS[fake.get("target", "binary")])
    (out / "data").mkdir(exist_ok=True)
    folder.write_json("data/cleansing.json", {"data_sha256": "00ff"})
    print("rows: 30 read")


def as_json(text):
    """As data_json.cc: an object is a text that is no UTF-8."""
    data = os.fsencode(text)
    return text if text == data.decode(errors="replace") else {"latin1": data.decode("latin1")}


def inspect():
    if not os.path.exists(sys.argv[3]):
        refuse(f"opening {sys.argv[3]} failed: No such file or directory; check the path")
    columns = [{"name": name, "type": kind, "reason": reason, "missing": 1000, "texts": 0,
                "distinct": 5, "examples": ["1", "a\nb"],
                "sentinels": []} for name, kind, reason in (
                    ("ID", "left_out", "looks like an id"), ('odd "name"', "category", "texts"),
                    ("CODE", "category", "codes"), ("AGE", "left_out", "marks"),
                    ("DAY", "left_out", "dates"), ("INCOME", "number", "numbers"),
                    (option("--label"), "label", ""))]
    columns[5]["sentinels"] = [{"value": "-999", "rows": 7}]
    warnings = [{"column": "ID", "kind": "id_like", "sentence": "column 'ID' looks like an id"},
                {"column": "AGE", "kind": "marks_differ",
                 "sentence": "column 'AGE' holds $1; write 1; as it is, it is a category"},
                {"column": "DAY", "kind": "date",
                 "sentence": "column 'DAY' holds dates; name it in data.time; as it is, no"},
                {"column": "INCOME", "kind": "sentinel",
                 "sentence": "column 'INCOME': -999 (7 rows) is far; say it"}]
    values = pathlib.Path(sys.argv[3]).read_text(errors="surrogateescape").split()[1:]
    print(json.dumps({"rows": len(values), "distinct_rows": min(len(values), 1000),
                      "columns": columns, "warnings": warnings,
                      "asked": sys.argv[4:],
                      "stray_label": "the header again" if option("--label") in values else "",
                      "label_facts": {"numbers": 0},
                      "label_values": [{"value": as_json(value), "rows": values.count(value)}
                                       for value in dict.fromkeys(values) if value != "?"]}))


def config():
    try:
        fake = json.loads(pathlib.Path(sys.argv[3]).read_text())
    except ValueError:  # a draft of init's, which is TOML
        fake = {}
    print(json.dumps({"fleet": {name: fake.get(name, 0) for name in
                                ("servers", "workers", "restarts")},
                      "launch": {"kind": fake.get("launcher", "local"), "slurm": [],
                                 "slurm_servers": [], "slurm_workers": []}}))


def data():
    {"prepare": prepare, "inspect": inspect, "config": config}[sys.argv[2]]()


def say_committed():
    committed = pathlib.Path(option("--run")) / "committed"
    last = int(committed.read_text()) if committed.exists() else 0
    clocks = {1: last // 2 - 1, 2: last} if last else {0: 0}
    if "--kept" in sys.argv:
        for number, clock in clocks.items():
            say("kept", snapshot=number, clock=clock)
        return
    number = int(option("--snapshot", max(clocks)))
    say("committed", snapshot=number, clock=clocks[number])


def scheduler():
    if "--committed" in sys.argv or "--kept" in sys.argv:
        return say_committed()
    run = Run("serve-scheduler" if "--serve" in sys.argv else "scheduler")
    stopped = await_orders()
    run.mark(run.name + "-arguments", json.dumps(sys.argv))
    say("listening", address=option("--listen").replace(":0", ":4711"))
    if "--serve" in sys.argv:
        wait_until(lambda: stopped)
        return
    if "--resume" in sys.argv:
        say("resumed", clock=8)
    for seat in range(run.fake["workers"]):
        say("started", seat=seat, life=seat + 1, clock=8 if "--resume" in sys.argv else 0)
    run.meet_fate()
    workers = [f"done-worker-{seat}" for seat in range(run.fake["workers"])]
    wait_until(lambda: stopped or all(run.marked(worker) for worker in workers))
    if stopped and run.fate == "slow":
        time.sleep(600)
    clock = run.fake["clocks"]
    say("committed", snapshot=1, clock=clock // 2 - 1)
    say("committed", snapshot=2, clock=clock)
    (run.path / "committed").write_text(str(clock))
    if stopped:
        sys.exit(75)
    say("done", clock=clock, lost=0)


def server():
    run = Run(f"server-{option('--server')}")
    stopped = await_orders()
    say("listening", address=option("--listen"))
    run.meet_fate()
    wait_until(lambda: stopped)
    first = 2 * int(option("--server"))
    say("done", shards=[{"place": place, "pushes": 10, "duplicates_refused": 1}
                        for place in (first, first + 1)])


def train():
    run = Run(f"worker-{option('--seat')}")
    await_orders()
    say("begun", life=1, clock=0)
    run.meet_fate()
    for clock in range(run.fake["clocks"]):
        say("progress", clock=clock, epoch=0, loss=0.5, samples_per_second=100, rows=clock)
        time.sleep(0.002)
    run.mark("progress-" + run.name)
    wait_until(lambda: run.fate != "slow")
    if option("--seat") == "0":
        half = run.fake["clocks"] // 2
        for epoch, figures in enumerate(targets.VALIDATED[run.target]):
            if run.fate == "miss" and epoch == 0:
                continue
            wait_until(lambda: run.fate != "ask" or run.marked(f"may-validate-{epoch}"))
            say("validation", epoch=epoch, clock=(epoch + 1) * half - 1, figures=figures)
    say("done", seat=int(option("--seat")), rows=100, pushes=20, max_staleness=3,
        seconds={"compute": 1.5, "wait": 0.25, "pull": 0.125, "push": 0.0625, "other": 0.0625})
    run.mark("done-" + run.name)
    wait_until(lambda: run.fate != "stay")


def evaluate():
    run = Run("evaluate")
    run.meet_fate()
    found = targets.EVALUATED[run.target]
    if run.fake["fates"].get("worker-0") == "miss":
        found = {**found, "validation": {"auc": 0.85, "logloss": 0.25, "rows": 10}}
    RunFolder(option("--run")).write_json("evaluation.json", found)


def predict():
    run = Run("predict")
    pathlib.Path(option("--out")).write_text("half")
    run.meet_fate()
    pathlib.Path(option("--out")).write_text("x,pd\n1,0.5\n")


def worker():
    {"train": train, "evaluate": evaluate, "predict": predict}[sys.argv[2]]()


if __name__ == "__main__":
    if "--supervised" in sys.argv:
        sys.argv.remove("--supervised")
    {"rubato-data": data, "rubato-scheduler": scheduler, "rubato-server": server,
     "rubato-worker": worker}[sys.argv[1]]()
