#!/usr/bin/env python3
"""What happens to hosts and links while a run trains on them by ssh: a cut is lived through, a lost
host is done without or followed, and nothing is left when the launcher is gone."""

import signal
import time
import unittest

from processes import read_until, wait_until
from ssh_fleet import SshFleetTest

CUT_SECONDS = 20.0
LONG = ("train.epochs=100000", "fleet.workers=4", "train.staleness=2", "train.best_epoch=false")
QUICK = ("fleet.lease_seconds=3", "launch.supervisor_seconds=3")
SHARED = ("data.shared=true", "snapshot.every_clocks=100", *QUICK)


class SshFaultsTest(SshFleetTest):
    """The scheduler is on host one, servers on one and two, two of the workers on three."""

    def clock(self, out):
        """As far as the scheduler told last."""
        return ([0] + [event["min_clock"] for event in self.events(out, "scheduler-0", "view")])[-1]

    def until_clock(self, out, clock):
        wait_until(lambda: self.clock(out) >= clock)

    def goes_on(self, out):
        """What is on its way now has been trained and committed."""
        self.until_clock(out, self.clock(out) + 200)

    def stop(self, out, command):
        """Stops it with a snapshot; what it said. No update was lost."""
        command.process.send_signal(signal.SIGINT)
        code, _, stderr = command.end()
        self.assertEqual(code, 75, stderr)
        self.assertNotIn("Traceback", stderr)
        self.assertEqual([event["lost"] for event in self.events(out, "scheduler-0", "done")], [0])
        return stderr

    def cut(self, name):
        self.hosts.unplug(name)
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > CUT_SECONDS)
        self.hosts.plug_in(name)

    def test_a_cut_of_twenty_seconds_costs_time_and_nothing_else(self):
        out = self.disk / "run"
        command = self.start(out, *LONG, "fleet.lease_seconds=60")
        self.until_clock(out, 300)
        self.cut("two")
        self.goes_on(out)
        stderr = self.stop(out, command)
        self.assertNotIn("started again", stderr)
        self.assertEqual(self.events(out, "scheduler-0", "evicted"), [])
        self.assert_nobody_left(out)

    def test_who_is_given_up_for_a_cut_comes_back_by_itself(self):
        out = self.disk / "run"
        command = self.start(out, *LONG, "fleet.lease_seconds=8")
        self.until_clock(out, 300)
        self.cut("two")
        seat = self.events(out, "scheduler-0", "evicted")[0]["seat"]
        lives = len(self.events(out, f"worker-{seat}", "begun"))
        wait_until(lambda: len(self.events(out, f"worker-{seat}", "begun")) > lives)
        self.goes_on(out)
        self.assertNotIn("started again", self.stop(out, command))
        self.assert_nobody_left(out)

    def test_workers_of_a_lost_host_go_where_there_is_room(self):
        self.write_hosts(one="slots=2 roles=scheduler,server", two="slots=5")
        out = self.disk / "run"
        command = self.start(out, *LONG, *QUICK)
        self.until_clock(out, 300)
        self.hosts.lose("three")
        read_until("is back after", command.process.stderr)
        self.goes_on(out)
        self.stop(out, command)

    def test_a_fleet_goes_on_without_workers_that_have_nowhere_to_go(self):
        out = self.disk / "run"
        command = self.start(out, *LONG, *QUICK)
        self.until_clock(out, 300)
        self.hosts.lose("three")
        for _ in range(2):
            read_until("no other host has a free slot: the fleet goes on without it",
                       command.process.stderr)
        self.goes_on(out)
        self.stop(out, command)

    def test_a_server_of_a_lost_host_loads_its_snapshot_on_another(self):
        self.write_hosts(two="slots=1 roles=server", three="slots=5")
        out = self.shared / "server"
        command = self.start(out, *LONG, *SHARED)
        self.until_clock(out, 300)
        self.hosts.lose("two")
        read_until("server-1 is back after", command.process.stderr)
        self.goes_on(out)
        self.stop(out, command)
        self.assertEqual(self.hosts_of(out, "server-1"), ["two", "three"])

    def test_the_scheduler_of_a_lost_host_is_followed_by_another_fleet(self):
        self.write_hosts(two="slots=4", three="slots=4")
        out = self.shared / "scheduler"
        command = self.start(out, *LONG, *SHARED)
        self.until_clock(out, 300)
        self.hosts.lose("one")
        read_until("going on with the other hosts", command.process.stderr)
        wait_until(lambda: len(self.hosts_of(out, "scheduler-0")) == 2)
        self.goes_on(out)
        self.stop(out, command)
        self.assertEqual(self.hosts_of(out, "scheduler-0"), ["one", "two"])

    def test_a_server_whose_snapshots_were_on_a_lost_host_ends_the_run(self):
        out = self.disk / "run"
        command = self.start(out, *LONG, *QUICK)
        self.until_clock(out, 300)
        self.hosts.lose("two")
        code, _, stderr = command.end()
        self.assertEqual(code, 3, stderr)
        self.assertRegex(stderr, "rubato: server-1 was lost with its host two, which has not been "
                         "heard of for 8 s .*; its log is two:/")

    def test_nothing_is_left_when_the_launcher_is_killed(self):
        out = self.disk / "run"
        command = self.start(out, *LONG, "launch.supervisor_seconds=3")
        self.until_clock(out, 100)
        self.assertNotEqual(self.hosts.processes("two", "rubato-server"), [])
        command.process.kill()
        command.process.wait()
        self.assert_nobody_left(out)

    def test_one_signal_stops_it_with_a_snapshot_that_is_gone_on_from(self):
        out = self.disk / "run"
        command = self.start(out, *LONG)
        self.until_clock(out, 100)
        self.stop(out, command)
        self.assert_nobody_left(out)
        committed = self.events(out, "scheduler-0", "committed")[-1]["clock"]
        epochs = committed // int(self.job(out)["iterations_per_epoch"]) + 2
        found = self.train_well(out, *LONG, f"train.epochs={epochs}", resume=True)
        self.assertEqual(found["train"]["resumed_from_clock"], committed)


if __name__ == "__main__":
    unittest.main()
