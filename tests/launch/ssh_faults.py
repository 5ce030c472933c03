#!/usr/bin/env python3
"""As ssh_faults_test.py, what takes longer: cuts of 20 seconds, and all else that can be lost. It
is run by hand, as root: RUBATO_BIN=build/release/bin python3 -B tests/launch/ssh_faults.py"""

import time
import unittest

from processes import wait_until
from ssh_faults_fleet import LONG, QUICK, SHARED, SshFaultsFleet

CUT_SECONDS = 20.0


class SshFaults(SshFaultsFleet):
    def cut(self, name):
        self.hosts.unplug(name)
        time.sleep(CUT_SECONDS)
        self.hosts.plug_in(name)

    def test_a_cut_of_twenty_seconds_costs_time_and_nothing_else(self):
        out = self.disk / "run"
        command = self.begin(out, "fleet.lease_seconds=60")
        self.cut("two")
        self.goes_on(out)
        stderr = self.stop(out, command)
        self.assertNotIn("started again", stderr)
        self.assertEqual(self.events(out, "scheduler-0", "evicted"), [])
        self.assert_nobody_left(out)

    def test_who_is_given_up_for_a_cut_comes_back_by_itself(self):
        out = self.disk / "run"
        command = self.begin(out, "fleet.lease_seconds=8")
        self.cut("two")  # a server and a worker
        self.comes_back_by_itself(out, command)

    def test_workers_of_a_lost_host_go_where_there_is_room(self):
        self.write_hosts(one="slots=2 roles=scheduler,server", two="slots=5")
        out = self.disk / "run"
        command = self.begin(out, *QUICK)
        self.lose("three", command, "is back after")
        self.goes_on(out)
        self.stop(out, command)

    def test_the_scheduler_of_a_lost_host_is_followed_by_another_fleet(self):
        self.write_hosts(two="slots=4", three="slots=4")
        out = self.shared / "scheduler"
        command = self.begin(out, *SHARED)
        self.lose("one", command, "going on with the other hosts")
        wait_until(lambda: len(self.hosts_of(out, "scheduler-0")) == 2)
        self.goes_on(out)
        self.stop(out, command)
        self.assertEqual(self.hosts_of(out, "scheduler-0"), ["one", "two"])

    def test_a_server_whose_snapshots_were_on_a_lost_host_ends_the_run(self):
        out = self.disk / "run"
        command = self.begin(out, *QUICK)
        self.lose("two", command)
        code, _, stderr = command.end()
        self.assertEqual(code, 3, stderr)
        self.assertRegex(stderr, "rubato: server-1 was lost with its host two, which has not been "
                         "heard of for 8 s .*; its log is two:/")

    def test_one_signal_stops_it_with_a_snapshot_that_is_gone_on_from(self):
        out = self.disk / "run"
        command = self.begin(out)
        self.stop(out, command)
        self.assert_nobody_left(out)
        committed = self.events(out, "scheduler-0", "committed")[-1]["clock"]
        epochs = committed // int(self.job(out)["iterations_per_epoch"]) + 2
        found = self.train_well(out, *LONG, f"train.epochs={epochs}", resume=True)
        self.assertEqual(found["train"]["resumed_from_clock"], committed)


if __name__ == "__main__":
    unittest.main()
