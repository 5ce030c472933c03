#!/usr/bin/env python3
"""Processes that an environment alone starts: a fleet that trains so, and what is refused.

tests/common/start/start_test.cc has each variable; here it is what real processes make of them."""

import socket
import subprocess
import unittest

from engine_fleet import EngineFleet, free_address
from real_fleet import BIN, DEADLINE_SECONDS, FleetTest


class EnvironmentTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prepare("run")

    @classmethod
    def prepare(cls, out, *settings):
        subprocess.run([BIN / "rubato-data", "prepare", "run.toml", "--out", out, *settings],
                       check=True, cwd=cls.path, stdout=subprocess.DEVNULL)
        return cls.path / out

    def resolved(self, fleet, name):
        return {value["name"]: (value["value"], value["by"])
                for value in fleet.wait_for(name, "resolved")["values"]}

    def test_a_fleet_trains(self):
        run, scheduler = str(self.path / "run"), free_address()
        host, port = scheduler.removeprefix("tcp://").split(":")
        own = {"RUBATO_RUN": run, "RUBATO_SCHEDULER": scheduler}
        master = {"RUBATO_RUN": run, "MASTER_ADDR": host, "MASTER_PORT": port}
        with EngineFleet(self.path / "told") as fleet:
            fleet.start("scheduler", [BIN / "rubato-scheduler"], own)
            for index in (0, 1):
                fleet.start(f"server-{index}", [BIN / "rubato-server"],
                            {**own, "RUBATO_SERVER": index})
            fleet.start("worker-0", [BIN / "rubato-worker", "train"],
                        {**own, "JOB_COMPLETION_INDEX": 0})
            fleet.start("worker-1", [BIN / "rubato-worker", "train"],
                        {**master, "RANK": 1, "WORLD_SIZE": 2})
            for name in fleet.processes:
                self.assertEqual(fleet.end(name), 0, fleet.log(name))
            self.assertEqual(fleet.wait_for("worker-1", "done")["seat"], 1)
            for index in (0, 1):
                shards = fleet.wait_for(f"server-{index}", "done")["shards"]
                self.assertEqual([shard["place"] for shard in shards], [2 * index, 2 * index + 1])
            self.assertEqual(self.resolved(fleet, "worker-1"),
                             {"run": (run, "RUBATO_RUN"), "seat": ("1", "RANK"),
                              "scheduler": (scheduler, "MASTER_ADDR and MASTER_PORT")})
            self.assertEqual(self.resolved(fleet, "server-1"),
                             {"run": (run, "RUBATO_RUN"), "server": ("1", "RUBATO_SERVER"),
                              "scheduler": (scheduler, "RUBATO_SCHEDULER"),
                              "listen": ("tcp://127.0.0.1:0", "the scheduler is on loopback")})
            self.assertIn(f"listen {scheduler} (RUBATO_SCHEDULER)", fleet.log("scheduler"))

    def refused(self, command, environment, sentence):
        done = subprocess.run([BIN / command[0], *command[1:]], cwd=self.path, env=environment,
                              text=True, capture_output=True, timeout=DEADLINE_SECONDS, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(sentence, done.stderr.splitlines()[-1])

    def test_what_is_refused(self):
        train = ("rubato-worker", "train")
        run = {"RUBATO_RUN": "run"}
        met = {**run, "RUBATO_SCHEDULER": "tcp://127.0.0.1:1"}
        for command, environment, sentence in (
                (train, {}, "nobody says where the run is: give --run, or set RUBATO_RUN"),
                (("rubato-scheduler", "--kept"), {}, "nobody says where the run is"),
                (train, met, "nobody says which seat this is: give --seat, or set RUBATO_SEAT"),
                (train, {**run, "RANK": "0"}, "nobody says where the scheduler is"),
                (train, {**met, "RANK": "x"}, "RANK is 'x', which is no seat"),
                (train, {**met, "RANK": "0", "WORLD_SIZE": "3"},
                 "WORLD_SIZE is '3', and the run in run has 2 workers"),
                (("rubato-server",), {**met, "DMLC_ROLE": "worker"},
                 "DMLC_ROLE is 'worker', and this is rubato-server"),
                (("rubato-scheduler",), run, "nobody says where this scheduler listens"),
                (("rubato-worker", "evaluate"), run, "nobody says where the scheduler is")):
            self.refused(command, environment, sentence)

    def test_a_fleet_meets_at_a_name(self):
        """That of this host, which is often one of loopback on it: with keys, as others could come
        by it."""
        name = socket.gethostname()
        try:
            socket.getaddrinfo(name, 0)
        except OSError:
            self.skipTest(f"this host does not know its own name, {name}")
        subprocess.run([BIN / "rubato-keys", "make", self.path / "keys"], check=True,
                       stdout=subprocess.DEVNULL)
        port = free_address().rpartition(":")[2]
        own = {"RUBATO_RUN": self.prepare("at-name"), "RUBATO_KEYS": self.path / "keys",
               "RUBATO_SCHEDULER": f"tcp://{name}:{port}"}
        with EngineFleet(self.path / "named") as fleet:
            fleet.start("scheduler", [BIN / "rubato-scheduler"], own)
            for index in (0, 1):
                fleet.start(f"server-{index}", [BIN / "rubato-server"],
                            {**own, "RUBATO_SERVER": index, "RUBATO_LISTEN": f"tcp://{name}:0"})
                fleet.start(f"worker-{index}", [BIN / "rubato-worker", "train"],
                            {**own, "RUBATO_SEAT": index})
            self.assertEqual(fleet.wait_for("scheduler", "listening")["address"],
                             f"tcp://{name}:{port}")
            self.assertRegex(fleet.wait_for("server-1", "listening")["address"],
                             f"^tcp://{name}:[0-9]+$")
            for process in fleet.processes:
                self.assertEqual(fleet.end(process), 0, fleet.log(process))

    def test_a_worker_with_other_data_is_refused(self):
        lines = (self.path / "book.csv").read_text().splitlines(keepends=True)
        (self.path / "other.csv").write_text("".join(lines[:-1]))
        other = self.prepare("other", "--set", "data.path=other.csv")
        own = {"RUBATO_RUN": self.prepare("whole"), "RUBATO_SCHEDULER": free_address()}
        with EngineFleet(self.path / "apart") as fleet:
            fleet.start("scheduler", [BIN / "rubato-scheduler"], own)
            fleet.start("worker-0", [BIN / "rubato-worker", "train"],
                        {**own, "RUBATO_RUN": other, "RUBATO_SEAT": 0})
            self.assertEqual(fleet.end("worker-0"), 4, fleet.log("worker-0"))
            self.assertRegex(fleet.log("worker-0"),
                             "the run folder of this process has (another encoding|other rows) .* "
                             "than the scheduler's: prepare the run on this host from the same "
                             "data, copy the folder from there, or let all hosts see one folder")

    def test_a_launcher_says_all(self):
        """What the engine says that started the launcher is not about its processes."""
        self.refused(("rubato-worker", "--supervised", "train", "--run", "run", "--scheduler",
                      "tcp://127.0.0.1:1"), {"RANK": "0"}, "nobody says which seat this is")


if __name__ == "__main__":
    unittest.main()
