"""A fleet under chaos, in a folder of its own: the product's launcher, scheduler and servers, with
workers that push integers (chaos_worker).

Run as a program it is the launcher: chaos_fleet.py RUN BIN trains until it is stopped."""

import json
import pathlib
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
from rubato_cli.fleet.sockets import SocketFolder  # noqa: E402
from rubato_cli.fleet.stop_signals import StopSignals  # noqa: E402
from rubato_cli.run.start import Start, train  # noqa: E402
from targets import TARGETS  # noqa: E402

RECORD = struct.Struct("<QQqq16q")  # tests/faults/push_record.h


class ChaosFleet:
    """Its processes are found by the run's folder, which their command lines name."""

    def __init__(self, folder, programs, options):
        self.run = folder / "run"
        self.programs = folder / "bin"
        self.options = options
        (self.run / "pushes").mkdir(parents=True)
        self.programs.mkdir()
        for program, source in (("rubato-scheduler", "rubato-scheduler"),
                                ("rubato-server", "rubato-server"),
                                ("rubato-worker", "chaos_worker")):
            (self.programs / program).symlink_to((programs / source).resolve())
        self._prepare(programs)
        self._log = open(folder / "launcher.log", "w+", encoding="utf-8")
        self.launcher = subprocess.Popen(
            [sys.executable, "-B", __file__, str(self.run), str(self.programs)],
            stdout=self._log, stderr=subprocess.STDOUT, preexec_fn=_heed)

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
                      "workers": options.workers, "transport": options.transport,
                      "host": "127.0.0.1", "port": 0, "lease_seconds": options.lease,
                      "restarts": 1_000_000},
            "train": {"epochs": 1, "staleness": options.staleness, "best_epoch": False,
                      "seed": 1}})

    def processes(self, role):
        """Living ones, by pid: of "scheduler", "server" or "worker"."""
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                state = (entry / "stat").read_bytes().rsplit(b")", 1)[1].split()[0]
            except OSError:
                continue
            if words[0] == bytes(self.programs / f"rubato-{role}") and state != b"Z":
                found.append(int(entry.name))
        return sorted(found)

    def records(self):
        """The newest life of each worker process, as (pid, record)."""
        newest = []
        for file in (self.run / "pushes").iterdir():
            data = file.read_bytes()
            lives = [life for life in RECORD.iter_unpack(data[:len(data) // RECORD.size
                                                              * RECORD.size]) if life[0]]
            if lives:
                newest.append((int(file.name.split("-")[1]), lives[-1]))
        return newest

    def events(self, kind):
        """What schedulers have told."""
        try:
            lines = (self.run / "telemetry/scheduler-0.jsonl").read_bytes().splitlines()
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
