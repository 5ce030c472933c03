#!/usr/bin/env python3
"""What happens to hosts and links while a run trains on them by ssh: who is cut off comes back, a
lost host is done without or followed, and nothing is left when the launcher is gone.

More of it, with cuts of 20 seconds, is in ssh_faults.py, which is run by hand."""

import unittest

from processes import wait_until
from ssh_faults_fleet import QUICK, SHARED, SshFaultsFleet


class SshFaultsTest(SshFaultsFleet):
    def test_who_is_given_up_for_a_cut_comes_back_by_itself(self):
        out = self.disk / "run"
        # Longer than it takes the launcher to see that it reaches nobody there, whom it would kill.
        command = self.begin(out, "fleet.lease_seconds=6")
        self.hosts.unplug("three")
        wait_until(lambda: self.events(out, "scheduler-0", "evicted"))
        self.hosts.plug_in("three")
        self.comes_back_by_itself(out, command)

    def test_a_fleet_goes_on_without_workers_that_have_nowhere_to_go(self):
        out = self.disk / "run"
        command = self.begin(out, *QUICK)
        self.lose("three", command,
                  *2 * ["no other host has a free slot: the fleet goes on without it"])
        self.goes_on(out)
        self.stop(out, command)

    def test_a_server_of_a_lost_host_loads_its_snapshot_on_another(self):
        self.write_hosts(two="slots=1 roles=server", three="slots=5")
        out = self.shared / "server"
        command = self.begin(out, *SHARED)
        self.lose("two", command, "server-1 is back after")
        self.goes_on(out)
        self.stop(out, command)
        self.assertEqual(self.hosts_of(out, "server-1"), ["two", "three"])

    def test_nothing_is_left_when_the_launcher_is_killed(self):
        out = self.disk / "run"
        command = self.begin(out, "launch.supervisor_seconds=3")
        self.assertNotEqual(self.hosts.processes("two", "rubato-server"), [])
        command.process.kill()
        command.process.wait()
        self.assert_nobody_left(out)


if __name__ == "__main__":
    unittest.main()
