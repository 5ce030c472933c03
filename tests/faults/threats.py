#!/usr/bin/env python3
"""What somebody who wants to harm a fleet can do to it over tcp, against a fleet that trains with
keys: what was refused and where that was counted, what it cost in memory and files, and how fast
training went before, during and after.

threats.py --bin BIN [--seconds 6] [--only NAME]
The fleet has one processor and who harms it another, as if he were on another host; where there is
one only, his own work slows the fleet as well. A row is wrong (exit 1) if something that must be
refused was not, if a process has grown by more than it may, or if the run is not what it was
without. Rates are printed; only the caller can say what else the machine was doing.
"""

import argparse
import contextlib
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

from memory_bound import limited

ROOT = pathlib.Path(__file__).resolve().parents[2]
GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00"
MIB = 1 << 20
MEMORY_MIB = 48  # that a process may grow by, whatever strangers do
SETTLE_SECONDS = 10  # after which all is as before
RUN = """\
[fleet]
servers = 1
workers = 2
transport = "tcp"
encrypt = true
[data]
format = "generated"
rows = 200000
[model]
kind = "linear"
[train]
staleness = 4
epochs = 1000000
best_epoch = false
"""


def greeting(mechanism):
    """Of ZMTP 3.0, from who calls."""
    return GREETING + mechanism.ljust(20, b"\0") + b"\0" + bytes(31)


class Victim:
    """A fleet of one scheduler, one server and two workers, trained by a real launcher."""

    def __init__(self, folder, programs):
        self.folder, self.out = folder, folder / "out"
        (folder / "run.toml").write_text(RUN)
        self.log = open(folder / "launcher.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-B", ROOT / "launch" / "rubato", "train", folder / "run.toml",
             "--out", self.out], stdout=self.log, stderr=self.log,
            env={**os.environ, "RUBATO_BIN": str(programs)})
        self.wait(lambda: self.clock() > 50, "it does not train")
        self.addresses = {name: self.address(name) for name in ("scheduler-0", "server-0")}

    def wait(self, what, otherwise):
        end = time.monotonic() + 120
        while not what():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{otherwise}: {(self.folder / 'launcher.log').read_text()}")
            time.sleep(0.1)

    def events(self, name, kind):
        path = self.out / "telemetry" / f"{name}.jsonl"
        if not path.exists():
            return []
        lines = [line for line in path.read_bytes().split(b"\n") if kind.encode() in line]
        return [event for event in map(json.loads, lines) if event.get("event") == kind]

    def address(self, name):
        return self.events(name, "listening")[-1]["address"]

    def clock(self):
        views = self.events("scheduler-0", "view")
        return views[-1]["min_clock"] if views else 0

    def pid(self, name):
        program = "rubato-" + name.split("-")[0]
        found = subprocess.run(["pgrep", "-P", str(self.process.pid), "-f", program],
                               capture_output=True, text=True, check=False).stdout.split()
        return int(found[0])

    def memory_mib(self, name):
        status = pathlib.Path(f"/proc/{self.pid(name)}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def files(self, name):
        return len(os.listdir(f"/proc/{self.pid(name)}/fd"))

    def refused(self, name):
        """(connections, messages) so far."""
        told = self.events(name, "refused")
        return (told[-1]["connections"], told[-1]["messages"]) if told else (0, 0)

    def rate(self, seconds):
        """Iterations a second."""
        before, began = self.clock(), time.monotonic()
        time.sleep(seconds)
        return (self.clock() - before) / (time.monotonic() - began)

    def key(self, role):
        lines = (self.out / "keys" / "allowed").read_text().splitlines()
        return next(line.split()[1] for line in lines if line.startswith(role))

    def lost(self):
        """Pushes that the scheduler has told of as lost, or possibly so."""
        return len([event for kind in ("torn", "possible_loss", "fleet_resume")
                    for event in self.events("scheduler-0", kind)])

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)


def endpoint_of(address):
    host, port = address.removeprefix("tcp://").rsplit(":", 1)
    return host, int(port)


class Strangers:
    """Connections that speak no good ZMTP, or none."""

    def __init__(self, address):
        self.at = endpoint_of(address)
        self.sockets = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.sockets:
            with contextlib.suppress(OSError):
                one.close()

    def connect(self, says=b""):
        one = socket.socket()
        one.settimeout(2)
        try:
            one.connect(self.at)
            one.sendall(says)
        except OSError:
            one.close()
            return None
        self.sockets.append(one)
        return one

    def keep(self, seconds, count, says):
        """`count` connections that say something and then wait; who is closed comes again."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.sockets = [one for one in self.sockets if is_open(one)]
            for _ in range(count - len(self.sockets)):
                self.connect(says)
            time.sleep(0.2)


def is_open(one):
    one.setblocking(False)
    try:
        return one.recv(4096) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def idle(victim, seconds):
    with Strangers(victim.addresses["server-0"]) as strangers:
        strangers.keep(seconds, 50, b"")


def half_open(victim, seconds):
    with Strangers(victim.addresses["server-0"]) as strangers:
        strangers.keep(seconds, 50, greeting(b"CURVE")[:20])


def garbage(victim, seconds):
    with Strangers(victim.addresses["server-0"]) as strangers:
        strangers.keep(seconds, 50, os.urandom(4096))


def slow_handshake(victim, seconds):
    with Strangers(victim.addresses["server-0"]) as strangers:
        end = time.monotonic() + seconds
        text = greeting(b"CURVE")
        while time.monotonic() < end:
            strangers.sockets = [one for one in strangers.sockets if is_open(one)]
            while len(strangers.sockets) < 50 and strangers.connect():
                pass
            for one in strangers.sockets:
                with contextlib.suppress(OSError):
                    one.send(text[:1])
            time.sleep(0.5)


def endless_without_key(victim, seconds):
    """Frames of a message that never ends, by who speaks the mechanism without keys."""
    frame = b"\x03" + (1 * MIB).to_bytes(8, "big") + bytes(MIB)
    with Strangers(victim.addresses["server-0"]) as strangers:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            one = strangers.connect(greeting(b"NULL"))
            with contextlib.suppress(OSError):
                while one and time.monotonic() < end:
                    one.sendall(frame)
            if one:
                one.close()


def giant_frame(victim, seconds):
    """A command that says to be of 10^11 bytes, where the first step of CURVE is due."""
    said = greeting(b"CURVE") + b"\x06" + (10 ** 11).to_bytes(8, "big") + b"\x05HELLO"
    with Strangers(victim.addresses["server-0"]) as strangers:
        strangers.keep(seconds, 50, said)


def intruder(victim, seconds, verb, where, **flags):
    words = [victim.programs / "intruder", verb, "--address", victim.addresses[where],
             "--listener", victim.key("server"), "--seconds", seconds,
             *(["--scheduler"] if where == "scheduler-0" else [])]
    for name, value in flags.items():
        words += [f"--{name}", value]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def stranger_keys(victim):
    """Keys of another fleet, whose list has this one's scheduler and server as who to trust."""
    folder = victim.folder / "others"
    if not folder.exists():
        subprocess.run([victim.programs / "rubato-keys", "make", folder], check=True)
        allowed = (folder / "allowed").read_text().splitlines()
        kept = [line for line in allowed if not line.startswith(("scheduler", "server"))]
        kept += [f"{role} {victim.key(role)}" for role in ("scheduler", "server")]
        (folder / "allowed").write_text("\n".join(kept) + "\n")
    return folder


def unknown_key(victim, seconds):
    for where in victim.addresses:
        intruder(victim, seconds / 2, "forge", where, keys=stranger_keys(victim), role="worker")


def forged_by_reader(victim, seconds):
    for where in victim.addresses:
        intruder(victim, seconds / 2, "forge", where, keys=victim.out / "keys", role="reader")


def forged_by_worker(victim, seconds):
    for where in victim.addresses:
        intruder(victim, seconds / 2, "forge", where, keys=victim.out / "keys", role="worker")


def flood(victim, seconds):
    """More connections than the server may have files."""
    resource.prlimit(victim.pid("server-0"), resource.RLIMIT_NOFILE, (256, 256))
    with Strangers(victim.addresses["server-0"]) as strangers:
        strangers.keep(seconds, 900, b"")


def replay(victim, seconds):
    """What an honest worker has sent, byte by byte, once more."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        told = {**victim.addresses, "server-0": f"tcp://127.0.0.1:{door.getsockname()[1]}"}
        recorded = record(door, endpoint_of(victim.addresses["server-0"]), lambda: subprocess.run(
            list(map(str, [victim.programs / "intruder", "forge", "--address", told["server-0"],
                           "--listener", victim.key("server"), "--seconds", 1, "--keys",
                           victim.out / "keys", "--role", "worker", "--nonce", 77])),
            check=True, capture_output=True))
    with Strangers(victim.addresses["server-0"]) as strangers:
        strangers.keep(seconds, 5, recorded)


def record(door, to, work):
    """Passes one connection on while `work` runs; what came from who connected."""
    import threading
    heard = []

    def carry(source, sink, keep):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if keep:
                    heard.append(data)
                sink.sendall(data)

    def serve():
        with contextlib.suppress(OSError):
            inner, _ = door.accept()
            outer = socket.create_connection(to)
            threading.Thread(target=carry, args=(outer, inner, False), daemon=True).start()
            carry(inner, outer, True)
            outer.close()

    threading.Thread(target=serve, daemon=True).start()
    work()
    time.sleep(0.5)
    return b"".join(heard)


def endless_with_key(victim, seconds):
    """A worker's key, and a message without end: libzmq keeps its frames until the last one is
    there, and no option bounds their number. So the server meets the limit of its memory, is
    started again, and nothing is lost. What is wrong with that."""
    pid, lost, rate_before = victim.pid("server-0"), victim.lost(), victim.rate(seconds / 2)
    with limited(pid, 256) as bound:
        began = time.monotonic()
        intruding = subprocess.Popen(list(map(str, [
            victim.programs / "intruder", "endless", "--address", victim.addresses["server-0"],
            "--listener", victim.key("server"), "--keys", victim.out / "keys", "--seconds", 60])))
        while os.path.exists(f"/proc/{pid}") and time.monotonic() < began + 60:
            time.sleep(0.02)
        died = time.monotonic() - began
        intruding.kill()
        intruding.wait()
    clock = victim.clock()
    victim.wait(lambda: victim.clock() > clock + 50, "it trains no more")
    back = time.monotonic() - began - died
    victim.addresses["server-0"] = victim.address("server-0")
    print(f"{'endless, with a key':22} the server met the limit of {bound} after {died:.1f} s and "
          f"was back {back:.1f} s later; lost or torn: {victim.lost() - lost}   "
          f"rate {rate_before:6.1f} /s, after x {victim.rate(seconds / 2) / rate_before:.2f}",
          flush=True)
    wrong = []
    if died >= 60:
        wrong.append("the server has not met its limit")
    if victim.lost() > lost:
        wrong.append("pushes were lost, or may have been")
    return [f"endless, with a key: {what}" for what in wrong]


# Name, what is done, and whether it is counted as connections, as messages, or not at all (who does
# not come as far as a key is closed by ZeroMQ, and nobody hears of him).
THREATS = (
    ("idle", idle, None),
    ("half-open", half_open, None),
    ("garbage", garbage, None),
    ("slow handshake", slow_handshake, None),
    ("endless, no key", endless_without_key, None),
    ("giant frame", giant_frame, None),
    ("unknown key", unknown_key, "connections"),
    ("forged by a reader", forged_by_reader, "messages"),
    ("forged by a worker", forged_by_worker, "messages"),
    ("replayed bytes", replay, None),
    ("flood of connections", flood, None),
)


def measure(victim, name, attack, counted, seconds):
    """One row; what is wrong with it."""
    processes = ("scheduler-0", "server-0")
    before = {p: (victim.memory_mib(p), victim.files(p), *victim.refused(p)) for p in processes}
    pids = {p: victim.pid(p) for p in processes}
    rate_before = victim.rate(seconds / 2)
    clock, began = victim.clock(), time.monotonic()
    attack(victim, seconds)
    rate_during = (victim.clock() - clock) / (time.monotonic() - began)
    time.sleep(SETTLE_SECONDS)
    rate_after = victim.rate(seconds / 2)
    after = {p: (victim.memory_mib(p), victim.files(p), *victim.refused(p)) for p in processes}
    refused = [sum(after[p][i] - before[p][i] for p in processes) for i in (2, 3)]
    grown = max(after[p][0] - before[p][0] for p in processes)
    files = max(after[p][1] - before[p][1] for p in processes)
    print(f"{name:22} refused: {refused[0]:6} connections {refused[1]:7} messages   "
          f"memory {grown:+6.1f} MiB   files {files:+3}   rate {rate_before:6.1f} /s, during x "
          f"{rate_during / rate_before:.2f}, after x {rate_after / rate_before:.2f}", flush=True)
    wrong = []
    if pids != {p: victim.pid(p) for p in processes}:
        wrong.append("a process was started again")
    if grown > MEMORY_MIB:
        wrong.append(f"grew by {grown:.0f} MiB")
    if files > 4:
        wrong.append(f"keeps {files} more files open")
    if counted and refused[{"connections": 0, "messages": 1}[counted]] == 0:
        wrong.append("nothing was refused, or not counted")
    if rate_after == 0:
        wrong.append("no longer trains")
    return [f"{name}: {what}" for what in wrong]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    processors = sorted(os.sched_getaffinity(0))
    wrong = []
    with tempfile.TemporaryDirectory(prefix="rubato-threats-") as folder:
        os.sched_setaffinity(0, processors[:1])  # whoever is started from now on has it
        victim = Victim(pathlib.Path(folder), options.bin.resolve())
        victim.programs = options.bin.resolve()
        os.sched_setaffinity(0, processors[-1:])
        try:
            for name, attack, counted in THREATS:
                if options.only in name:
                    wrong += measure(victim, name, attack, counted, options.seconds)
            if options.only in "endless, with a key":
                wrong += endless_with_key(victim, options.seconds)
        finally:
            code = victim.end()
        if code != 75:
            wrong.append(f"the run ended with exit code {code} and not 75")
    for sentence in wrong:
        print(sentence)
    print(f"{len(wrong)} findings: threats do harm" if wrong else "no threat does harm")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
