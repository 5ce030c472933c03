#!/usr/bin/env python3
"""Processes that an environment alone starts: a fleet that trains so, and what is refused.

tests/common/start/start_test.cc has each variable; here it is what real processes make of them."""

import subprocess
import unittest

from engine_fleet import EngineFleet, free_address
from real_fleet import BIN, DEADLINE_SECONDS, FleetTest


class EnvironmentTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        subprocess.run([BIN / "rubato-data", "prepare", "run.toml", "--out", "run"], check=True,
                       cwd=cls.path, stdout=subprocess.DEVNULL)

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

    def test_a_launcher_says_all(self):
        """What the engine says that started the launcher is not about its processes."""
        self.refused(("rubato-worker", "--supervised", "train", "--run", "run", "--scheduler",
                      "tcp://127.0.0.1:1"), {"RANK": "0"}, "nobody says which seat this is")


if __name__ == "__main__":
    unittest.main()
