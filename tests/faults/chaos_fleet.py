"""A fleet under chaos, in a folder of its own: the product's launcher, scheduler and servers, with
workers that push integers (chaos_worker). It meets on tcp; who listens where, and through what it
is reached, is drawn anew for each life (life.py).

Run as a program it is the launcher: chaos_fleet.py RUN BIN trains until it is stopped."""

import collections
import json
import mmap
import pathlib
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "launch"), str(ROOT / "tests/launch")]
from rubato_cli.base.console import Console  # noqa: E402
from rubato_cli.base.failure import Failure  # noqa: E402
from rubato_cli.files.run_folder import RunFolder  # noqa: E402
from rubato_cli.fleet.builds import Build  # noqa: E402
from rubato_cli.fleet.process import die_with_parent  # noqa: E402
from rubato_cli.fleet.sockets import SocketFolder  # noqa: E402
from rubato_cli.fleet.stop_signals import StopSignals  # noqa: E402
from rubato_cli.run.start import Start, train  # noqa: E402
from targets import TARGETS  # noqa: E402

RECORD = struct.Struct("<QQqq16q")  # tests/faults/push_record.h
ROLES = ("server", "worker", "scheduler")
HERE = pathlib.Path(__file__).resolve().parent
FEW_FILES = 16  # too few for any of them


class Pushes:
    """What workers write of their pushes while they go (push_record.h), in `folder`."""

    def __init__(self, folder):
        self._folder = folder
        self._maps = {}  # by file name
        self._lives = collections.Counter()  # so many of a file are over

    def newest(self, pids):
        """The newest life of each process of `pids` that has one, as (pid, record)."""
        found = []
        for name, record in ((name, self._newest(name)) for name in self._files()):
            if record is not None and int(name.split("-")[1]) in pids:
                found.append((int(name.split("-")[1]), record))
        return found

    def iterations(self):
        """All that were ever pushed."""
        return sum(life[3] - life[2] for name in self._files() for life in self._all(name))

    def _files(self):
        for file in self._folder.iterdir():
            if file.name not in self._maps and file.stat().st_size > 0:
                with open(file, "rb") as opened:
                    self._maps[file.name] = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        return sorted(self._maps)

    def _newest(self, name):
        self._all(name)
        at = self._lives[name]
        return RECORD.unpack_from(self._maps[name], (at - 1) * RECORD.size) if at else None

    def _all(self, name):
        data, at = self._maps[name], self._lives[name]
        while (at + 1) * RECORD.size <= len(data) and RECORD.unpack_from(data, at * RECORD.size)[0]:
            at += 1
        self._lives[name] = at
        return [RECORD.unpack_from(data, life * RECORD.size) for life in range(at)]


class ChaosFleet:
    """Its processes are the launcher's children, under the names that its folder of programs gives
    them. `hosts` (hosts.py), `links` (links.py): what it meets through."""

    def __init__(self, place, options, hosts, links):
        """`place`: a folder for all that no fault is about; the run is in place / "disk"."""
        self.place = place
        self.run = place / "disk" / "run"
        self.programs = place / "bin"
        self.options = options
        self.hosts = hosts
        self.links = links
        for folder in (self.run, self.programs, place / "lives"):
            folder.mkdir(parents=True)
        # What the oracle and the summary rest on is written whatever becomes of the disk.
        for name in ("pushes", "telemetry", "logs"):
            (place / name).mkdir()
            (self.run / name).symlink_to(place / name)
        self.pushes = Pushes(place / "pushes")
        self._prepare(options.bin)
        self.fewest = self._fewest_files()
        self._plan()
        self._log = open(place / "launcher.log", "w+", encoding="utf-8")
        die = die_with_parent()
        self.launcher = subprocess.Popen(
            [sys.executable, "-B", __file__, str(self.run), str(self.programs)],
            stdout=self._log, stderr=subprocess.STDOUT, preexec_fn=lambda: (die(), _heed()))

    def names(self, role):
        return names_of(self.options, role)

    def _prepare(self, programs):
        options = self.options
        job = subprocess.run(
            [programs / "chaos_prepare", "--places", str(options.servers * 2), "--seats",
             str(options.workers), "--staleness", options.staleness, "--lease-ms",
             str(int(options.lease * 1000))], check=True, capture_output=True, text=True).stdout
        folder = RunFolder(str(self.run))
        folder.write_json("job.json", json.loads(job))
        folder.write_json("target.json", TARGETS["binary"])
        folder.write_json("config.json", {
            "fleet": {"servers": options.servers, "shards_per_server": 2,
                      "workers": options.workers, "transport": "tcp",
                      "host": self.hosts.address("scheduler-0"), "port": 0,
                      "interface": "", "ports": "", "encrypt": False,
                      "lease_seconds": options.lease, "restarts": 1_000_000},
            "train": {"epochs": 1, "staleness": options.staleness, "best_epoch": False,
                      "rollback_above": 0.0, "rollback_rate": 0.5, "seed": 1},
            "optimizer": {"learning_rate": 1.0}})

    def _plan(self):
        """What lives begin with."""
        programs = self.options.bin.resolve()
        real = {"rubato-scheduler": programs / "rubato-scheduler",
                "rubato-server": programs / "rubato-server",
                "rubato-worker": programs / "chaos_worker"}
        for program in real:
            (self.programs / program).symlink_to(HERE / "life.py")
        hosts = {name: {"address": self.hosts.address(name),
                        "namespace": self.hosts.namespace(name)}
                 for role in ROLES for name in self.names(role)}
        (self.programs / "plan.json").write_text(json.dumps({
            "seed": self.options.seed, "lives": str(self.place / "lives"),
            "sockets": str(self.place / "sockets"), "proxy": self.links.socket,
            "hub": self.hosts.hub,
            "hosts": hosts, "fewest": self.fewest,
            "programs": {name: str(path) for name, path in real.items()}}))

    def _fewest_files(self):
        """By role, how many open files a process needs to start, as its sentence says that it gives
        when it gets fewer."""
        tried = self.place / "tried"
        shutil.copytree(self.run, tried)
        nowhere = ("--run", tried, "--scheduler", "tcp://127.0.0.1:1")
        listen = ("--listen", "tcp://127.0.0.1:0")
        return {"scheduler": self._files_of("rubato-scheduler", "--run", tried, *listen),
                "server": self._files_of("rubato-server", *nowhere, *listen, "--server", "0"),
                "worker": self._files_of("chaos_worker", "train", *nowhere, "--seat", "0")}

    def _files_of(self, program, *arguments):
        few = (FEW_FILES, FEW_FILES)
        done = subprocess.run(
            [self.options.bin / program, *arguments], check=False, capture_output=True, text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, few))
        sentence = re.search(r"needs (\d+) more open files, and of the limit of \d+ only (\d+)",
                             done.stderr)
        if done.returncode != 2 or sentence is None:
            raise SystemExit(f"{program} with {FEW_FILES} open files: {done.stderr}")
        return FEW_FILES - int(sentence[2]) + int(sentence[1])

    def processes(self, role):
        """Living ones, by pid: of "scheduler", "server" or "worker"."""
        launcher = self.launcher.pid
        try:
            children = pathlib.Path(f"/proc/{launcher}/task/{launcher}/children").read_text()
        except OSError:
            return []
        found = []
        for pid in children.split():
            entry = pathlib.Path("/proc", pid)
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                state = (entry / "stat").read_bytes().rsplit(b")", 1)[1].split()[0]
            except OSError:
                continue
            if words[0] == bytes(self.programs / f"rubato-{role}") and state != b"Z":
                found.append(int(pid))
        return sorted(found)

    def lives(self):
        """By name, what each life of it began with (life.py)."""
        return {file.name: [json.loads(line) for line in file.read_text().splitlines()]
                for file in sorted((self.place / "lives").iterdir())}

    def records(self):
        """The newest life of each worker process that lives, as (pid, record)."""
        return self.pushes.newest(set(self.processes("worker")))

    def events(self, kind):
        """What schedulers have told."""
        try:
            lines = (self.place / "telemetry/scheduler-0.jsonl").read_bytes().splitlines()
        except OSError:
            return []
        found = []
        for line in lines:
            if f'"event":"{kind}"'.encode() in line:
                try:
                    found.append(json.loads(line))
                except ValueError:
                    pass  # cut short by a kill
        return found

    def said(self):
        self._log.flush()
        return pathlib.Path(self._log.name).read_text(encoding="utf-8")

    def stop(self):
        """One signal; the launcher's exit code, 75 if the last snapshot is committed."""
        self.launcher.send_signal(signal.SIGTERM)
        return self.launcher.wait(timeout=180)

    def kill(self):
        self.launcher.kill()
        self.launcher.wait()


def names_of(options, role):
    count = {"scheduler": 1, "server": options.servers, "worker": options.workers}[role]
    return [f"{role}-{index}" for index in range(count)]


def _heed():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def main():
    folder = RunFolder(sys.argv[1])
    folder.lock()
    build = Build(pathlib.Path(sys.argv[2]), "")
    console = Console()
    try:
        with StopSignals() as stop, SocketFolder() as sockets:
            train(console, Start(build, folder, stop, sockets), None)
    except Failure as failure:
        print(failure.sentence, flush=True)
        sys.exit(failure.code)


if __name__ == "__main__":
    main()
