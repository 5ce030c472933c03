#!/usr/bin/env python3
"""A fleet without a launcher: its scheduler tells what all of its processes tell, whoever dies; its
processes end with it, and one that is stopped leaves nothing behind that is not in a snapshot."""

import json
import shutil
import signal
import subprocess
import unittest

from engine_fleet import EngineFleet, free_address
from processes import wait_until
from real_fleet import BIN, FleetTest

LONG = ("train.epochs=100", "train.batch=32")  # some seconds
OFTEN = (*LONG, "snapshot.every_clocks=200")
SELDOM = "snapshot.every_clocks=1000000"  # none by itself


class AloneFleet(EngineFleet):
    """Of two servers and two workers, on the run in `run`."""

    def __init__(self, folder, run):
        super().__init__(folder)
        self.environment = {"RUBATO_RUN": run, "RUBATO_SCHEDULER": free_address()}

    def begin(self):
        self.scheduler("scheduler")
        for index in (0, 1):
            self.server(f"server-{index}", index)
            self.start(f"worker-{index}", [BIN / "rubato-worker", "train"],
                       {**self.environment, "RUBATO_SEAT": index})

    def scheduler(self, name, *flags):
        self.start(name, [BIN / "rubato-scheduler", *flags], self.environment)

    def server(self, name, index):
        self.start(name, [BIN / "rubato-server"], {**self.environment, "RUBATO_SERVER": index})

    def kill(self, name):
        self.processes[name].kill()
        self.processes[name].wait()

    def lines(self, name):
        """Whole lines that a process has written to stdout."""
        return [line for line in (self.folder / f"{name}.jsonl").read_bytes().splitlines(True)
                if line.endswith(b"\n")]

    def told(self, scheduler, process):
        """What a scheduler has written of one process."""
        return [line for line in self.lines(scheduler) if json.loads(line)["process"] == process]

    def own(self, name, kind):
        """Events of the scheduler `name` itself."""
        return [event for event in self.events(name, kind) if event["process"] == "scheduler"]


class AloneTest(FleetTest):
    def fleet(self, name, *settings):
        sets = [word for setting in settings for word in ("--set", setting)]
        subprocess.run([BIN / "rubato-data", "prepare", "run.toml", "--out", name, *sets],
                       check=True, cwd=self.path, stdout=subprocess.DEVNULL)
        return AloneFleet(self.path / f"{name}-told", self.path / name)

    def check_ends(self, fleet, codes):
        """`codes`: of each process that is to end by itself."""
        ended = {name: fleet.end(name) for name in codes}
        self.assertEqual(ended, codes, "\n".join(fleet.log(name)[-300:] for name in codes))

    def check_nothing_is_lost(self, fleet, scheduler):
        self.assertEqual(fleet.own(scheduler, "done")[0]["lost"], 0)
        self.assertEqual(fleet.events(scheduler, "torn"), [])
        self.assertEqual(fleet.events(scheduler, "evicted"), [])

    def test_the_scheduler_has_each_line_of_all_whoever_dies(self):
        with self.fleet("lines", *OFTEN) as fleet:
            fleet.begin()
            fleet.wait_for("scheduler", "committed")
            fleet.kill("scheduler")
            fleet.scheduler("next-scheduler", "--restart")
            fleet.wait_for("next-scheduler", "committed")
            fleet.kill("server-0")
            fleet.server("next-server-0", 0)
            self.check_ends(fleet, dict.fromkeys(
                ("next-scheduler", "worker-0", "worker-1", "server-1", "next-server-0"), 0))
            for scheduler in ("scheduler", "next-scheduler"):
                lines = fleet.lines(scheduler)
                self.assertEqual(len(lines), len(set(lines)), "a line was written twice")
            for process, names in (("worker-0", ["worker-0"]), ("worker-1", ["worker-1"]),
                                   ("server-1", ["server-1"]),
                                   ("server-0", ["server-0", "next-server-0"])):
                with self.subTest(process):
                    self.check_lines(fleet, process, names)

    def check_lines(self, fleet, process, names):
        """What the second scheduler took again, as the first one died before it could say that it
        had it, is the same to the byte."""
        told = list(dict.fromkeys(fleet.told("scheduler", process)
                                  + fleet.told("next-scheduler", process)))
        own = [line for name in names for line in fleet.lines(name)]
        if len(names) > 1:  # the first was killed, with what it had not sent
            own = [line for line in own if line in told or line not in fleet.lines(names[0])]
        self.assertEqual(told, own)
        self.assertEqual(json.loads(told[-1])["event"], "ended")
        self.assertEqual(json.loads(told[-1])["code"], 0)

    def test_a_stopped_scheduler_ends_all_with_its_code(self):
        with self.fleet("stopped", *LONG) as fleet:
            fleet.begin()
            fleet.wait_for("worker-1", "progress")
            self.assertEqual(fleet.stop("scheduler"), 75, fleet.log("scheduler"))
            others = ("worker-0", "worker-1", "server-0", "server-1")
            self.check_ends(fleet, dict.fromkeys(others, 75))
            self.assertEqual({event["process"]: event["code"]
                              for event in fleet.events("scheduler", "ended")},
                             dict.fromkeys((*others, "scheduler"), 75))
            self.check_nothing_is_lost(fleet, "scheduler")

    def test_a_stopped_worker_leaves_when_what_it_did_is_durable(self):
        for name, staleness in (("step", "0"), ("bound", "2"), ("async", "inf")):
            with (self.subTest(staleness),
                  self.fleet(f"worker-{name}", *LONG, f"train.staleness={staleness}") as fleet):
                fleet.begin()
                fleet.wait_for("worker-1", "progress")
                self.assertEqual(fleet.stop("worker-1"), 75, fleet.log("worker-1"))
                self.assertGreater(len(fleet.own("scheduler", "committed")), 0)
                self.check_ends(fleet, dict.fromkeys(
                    ("scheduler", "worker-0", "server-0", "server-1"), 0))
                self.check_nothing_is_lost(fleet, "scheduler")

    def test_a_stopped_server_leaves_after_a_snapshot_and_is_followed(self):
        with self.fleet("server", *LONG) as fleet:
            fleet.begin()
            fleet.wait_for("worker-1", "progress")
            self.assertEqual(fleet.stop("server-0"), 75, fleet.log("server-0"))
            self.assertGreater(len(fleet.own("scheduler", "committed")), 0)
            fleet.server("next-server-0", 0)
            self.check_ends(fleet, dict.fromkeys(
                ("scheduler", "worker-0", "worker-1", "server-1", "next-server-0"), 0))
            self.check_nothing_is_lost(fleet, "scheduler")

    def test_a_second_signal_ends_at_once(self):
        with self.fleet("twice", *LONG) as fleet:
            fleet.begin()
            fleet.wait_for("worker-1", "progress")
            # While a server stands still nothing can be committed.
            fleet.processes["server-0"].send_signal(signal.SIGSTOP)
            fleet.processes["worker-1"].terminate()
            fleet.wait_for_log("worker-1", "leaves when")
            self.assertEqual(fleet.stop("worker-1"), 143)

    def test_a_wish_for_a_snapshot_stops_nobody(self):
        with self.fleet("wish", *LONG, SELDOM) as fleet:
            fleet.begin()
            fleet.wait_for("worker-1", "progress")
            fleet.processes["scheduler"].send_signal(signal.SIGUSR1)
            fleet.wait_for("scheduler", "committed")
            self.check_ends(fleet, dict.fromkeys(
                ("scheduler", "worker-0", "worker-1", "server-0", "server-1"), 0))
            commits = [event["clock"] for event in fleet.own("scheduler", "committed")]
            self.assertEqual(len(commits), 2)
            self.assertLess(commits[0], commits[1])

    def test_an_admin_orders_and_nobody_else(self):
        keys = self.path / "keys"
        subprocess.run([BIN / "rubato-keys", "make", keys], check=True)
        with self.fleet("orders", "train.epochs=100000", SELDOM) as fleet:  # until it is stopped
            fleet.environment["RUBATO_KEYS"] = keys
            fleet.begin()
            fleet.wait_for("worker-1", "progress")
            code, _, stderr = self.order(fleet, "stop", self.reader_as_admin(keys))
            self.assertEqual(code, 2, stderr)
            self.assertIn("that of a reader, who may not say this", stderr)
            self.assertEqual(fleet.wait_for("scheduler", "refused")["messages"], 1)
            self.assertEqual(self.order(fleet, "snapshot", keys)[:2],
                             (0, "a snapshot is cut; the run goes on\n"))
            fleet.wait_for("scheduler", "committed")
            self.assertEqual(self.order(fleet, "stop", keys)[:2],
                             (0, "the run is stopped, with a snapshot\n"))
            self.check_ends(fleet, dict.fromkeys(
                ("scheduler", "worker-0", "worker-1", "server-0", "server-1"), 75))
            public = (keys / "admin.key").read_text().split()[1]
            self.assertEqual([(event["order"], event["key"], event["accepted"])
                              for event in fleet.own("scheduler", "ordered")],
                             [("snapshot", public[:8], True), ("stop", public[:8], True)])

    def test_the_folder_of_a_run_knows_whom_to_order(self):
        command = self.start("known", "train.epochs=100000", "fleet.transport=tcp",
                             "fleet.encrypt=true")
        self.addCleanup(command.end)
        self.addCleanup(command.process.kill)
        wait_until(lambda: self.events("known", "worker-1", "progress"))
        tellers = {event["process"] for event in self.events("known", "scheduler-0", "listening")}
        self.assertEqual(tellers, {"scheduler", "server-0", "server-1"})
        for order, answer in (("snapshot", "a snapshot is cut; the run goes on\n"),
                              ("stop", "the run is stopped, with a snapshot\n")):
            code, stdout, stderr = self.rubato("admin", order, "known")
            self.assertEqual((code, stdout), (0, answer), stderr)
        self.assertEqual(command.end()[0], 75)
        self.assert_nobody_left("known")

    def order(self, fleet, what, keys):
        """An order by who has these keys and nothing else of the run."""
        return self.rubato("admin", what, "--keys", keys, "--scheduler",
                           fleet.environment["RUBATO_SCHEDULER"])

    def reader_as_admin(self, keys):
        """Keys of a reader whose own list, and no other, calls him an admin."""
        folder = self.path / "reader"
        folder.mkdir()
        shutil.copy(keys / "reader.key", folder / "admin.key")
        lines = [line for line in (keys / "allowed").read_text().splitlines()
                 if not line.startswith("admin")]
        (folder / "allowed").write_text("".join(
            line.replace("reader ", "admin ") + "\n" for line in lines))
        return folder


if __name__ == "__main__":
    unittest.main()
