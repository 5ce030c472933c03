#!/usr/bin/env python3
"""The units of launch/systemd: as systemd checks them, and as a fleet that their ExecStart lines
alone start, under their system call filter. There is no systemd here that would run them."""

import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import unittest

from engine_fleet import EngineFleet, free_address
from processes import wait_until
from real_fleet import BIN, FleetTest
from systemd_units import COMMON, UNITS, Service, environment_file, sandbox

SERVICES = ("rubato-scheduler.service", "rubato-server@.service", "rubato-worker@.service")
EXPOSURE_MAX = 3.0
HAS_ANALYZE = shutil.which("systemd-analyze") is not None


@unittest.skipUnless(HAS_ANALYZE, "no systemd-analyze here: package systemd")
class UnitsTest(FleetTest):
    def setUp(self):
        self.units = self.path / "units"
        shutil.copytree(UNITS, self.units, dirs_exist_ok=True)
        for name in SERVICES:
            text = (self.units / name).read_text()
            (self.units / name).write_text(text.replace("/usr/bin/", f"{BIN.resolve()}/"))

    def analyze(self, *words):
        return subprocess.run(["systemd-analyze", *words], cwd=self.units, check=False,
                              capture_output=True, text=True)

    def test_verify_prints_nothing(self):
        names = [name.replace("@", "@0") for name in SERVICES]
        done = self.analyze("verify", "./rubato.target", *(f"./{name}" for name in names))
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("", "", 0))

    def test_exposure_is_low(self):
        for name in SERVICES:
            done = self.analyze("security", "--offline=true", f"./{name}")
            found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
            self.assertIsNotNone(found, done.stderr)
            print(f"{name}: exposure {found[1]}", file=sys.stderr)
            self.assertLessEqual(float(found[1]), EXPOSURE_MAX)

    def test_all_files_are_known(self):
        """A file that is added here has to be tried, too."""
        self.assertEqual({path.name for path in UNITS.rglob("*") if path.is_file()},
                         {*SERVICES, "rubato.target", "fleet.env", COMMON.name})


class Heard:
    """The service manager's end of a process's NOTIFY_SOCKET."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self._said = []

    def said(self):
        while True:
            try:
                self._said.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return self._said

    def close(self):
        self._socket.close()


class UnitFleet(EngineFleet):
    """What systemd would run: ExecStart lines, the environment file, the system call filter."""

    def __init__(self, folder, variables):
        super().__init__(folder)
        self._variables = variables
        self._sandboxes = {}
        self.services = {}
        self.heard = {}

    def __exit__(self, *_):
        super().__exit__()
        for heard in self.heard.values():
            heard.close()

    def run(self, unit):
        """Starts one, again if it was started before."""
        name, _, instance = unit.partition("@")
        service = Service(f"{name}@.service" if instance else f"{name}.service", instance)
        self.services[unit] = service
        if unit in self.heard:
            self.heard.pop(unit).close()
        notify = self.folder / f"{unit}.{len(list(self.folder.glob(unit + '.*.notify')))}.notify"
        self.heard[unit] = Heard(notify)
        program = BIN / pathlib.PurePath(service.command[0]).name
        self.start(unit, [program, *service.command[1:]],
                   {**service.environment, **self._variables, "NOTIFY_SOCKET": notify,
                    "WATCHDOG_USEC": 200_000}, self._sandbox_of(service))

    def _sandbox_of(self, service):
        try:
            return sandbox(service.settings) if HAS_ANALYZE else None
        except OSError:
            return None  # no libseccomp

    def run_all(self):
        """In the order of the units: the scheduler last."""
        units = ("rubato-server@0", "rubato-worker@0", "rubato-worker@1")
        for unit in units:
            self.run(unit)
        for unit in units:
            self.wait_ready(unit)
        self.run("rubato-scheduler")
        self.wait_ready("rubato-scheduler")

    def end(self, name):
        """Listens meanwhile: what a full socket does not take is not told."""
        def ended():
            for heard in self.heard.values():
                heard.said()
            return self.processes[name].poll() is not None

        wait_until(ended)
        return super().end(name)

    def wait_ready(self, unit):
        wait_until(lambda: "READY=1" in self.heard[unit].said()
                   or self.processes[unit].poll() is not None)
        if "READY=1" not in self.heard[unit].said():
            raise AssertionError(f"{unit} ended: {self.log(unit)}")


class SystemdFleetTest(FleetTest):
    def prepare(self, name, *settings):
        sets = [word for setting in ("fleet.servers=1", *settings) for word in ("--set", setting)]
        subprocess.run([BIN / "rubato-data", "prepare", "run.toml", "--out", name, *sets],
                       check=True, cwd=self.path, stdout=subprocess.DEVNULL)
        variables = environment_file()
        self.assertEqual(set(variables), {"RUBATO_RUN", "RUBATO_SCHEDULER"})
        return UnitFleet(self.path / f"{name}-told",
                         {"RUBATO_RUN": self.path / name, "RUBATO_SCHEDULER": free_address()})

    def test_a_fleet_trains_to_its_end(self):
        with self.prepare("whole", "model.kind=mlp") as fleet:
            fleet.run_all()
            for unit in fleet.services:
                self.assertEqual(fleet.end(unit), 0, fleet.log(unit))
            for unit, heard in fleet.heard.items():
                said = heard.said()
                self.assertIn("WATCHDOG=1", said, unit)
                self.assertTrue(any(text.startswith("STATUS=clock ") for text in said), unit)
                self.assertTrue(said[-1].startswith("STOPPING=1"), unit)
            # Once more, as after a boot: there is nothing left to do.
            fleet.run_all()
            for unit in fleet.services:
                self.assertEqual(fleet.end(unit), 0, fleet.log(unit))

    def committed(self, fleet):
        return max((event["committed"] for event in fleet.events("rubato-scheduler", "view")),
                   default=0)

    def test_killed_and_stopped_it_goes_on(self):
        with self.prepare("long", "train.epochs=100000") as fleet:
            fleet.run_all()
            fleet.wait_for("rubato-worker@0", "progress")
            fleet.processes["rubato-scheduler"].send_signal(signal.SIGKILL)
            fleet.processes["rubato-scheduler"].wait()
            fleet.run("rubato-scheduler")
            fleet.wait_ready("rubato-scheduler")
            wait_until(lambda: fleet.events("rubato-scheduler", "view")[-1:])
            fleet.processes["rubato-scheduler"].terminate()
            for unit, service in fleet.services.items():
                self.assertEqual(fleet.end(unit), 75, fleet.log(unit))
                self.assertTrue(service.is_clean(75))
            stopped_at = fleet.wait_for("rubato-scheduler", "done")["clock"]
            self.assertGreater(stopped_at, 0)
            fleet.run_all()
            begun = fleet.wait_for("rubato-worker@0", "begun")
            wait_until(lambda: self.committed(fleet) >= stopped_at)
            self.assertGreaterEqual(begun["clock"], stopped_at)

    def test_what_a_restart_would_not_mend_is_not_restarted(self):
        kept = Service("rubato-worker@.service", "7").settings["RestartPreventExitStatus"]
        self.assertEqual(kept, ["2 4"])
        with self.prepare("few") as fleet:
            fleet.run("rubato-worker@7")
            self.assertEqual(fleet.end("rubato-worker@7"), 2)
            self.assertIn("RUBATO_SEAT 7: the run in", fleet.log("rubato-worker@7"))
            self.assertIn("STOPPING=1\nSTATUS=RUBATO_SEAT 7: the run in",
                          fleet.heard["rubato-worker@7"].said()[-1])


if __name__ == "__main__":
    unittest.main()
