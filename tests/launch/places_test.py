#!/usr/bin/env python3
"""Which process of a fleet is on which host, and as the how-manieth there. No host is reached."""

import sys
import unittest

from real_fleet import ROOT

sys.path.insert(0, str(ROOT / "launch"))

from rubato_cli.fleet.remote import host_file  # noqa: E402
from rubato_cli.fleet.remote.hosts import Hosts  # noqa: E402
from rubato_cli.fleet.remote.remote_host import RemoteHost  # noqa: E402
from rubato_cli.fleet.remote.ssh import Ssh  # noqa: E402


class PlacesTest(unittest.TestCase):
    def hosts(self, *slots):
        """host-0 and so on."""
        entries = [host_file.HostEntry(f"host-{index}", f"10.0.0.{index}", slots=count)
                   for index, count in enumerate(slots)]
        hosts = [RemoteHost(entry, Ssh("", ""), 60.0) for entry in entries]
        for host in hosts:
            self.addCleanup(host.close)
        return Hosts(hosts, shared=True)

    def test_ranks_and_servers_are_counted_by_host(self):
        hosts = self.hosts(3, 3)
        hosts.check_room(2, 4)
        self.assertEqual([hosts.local_rank(seat) for seat in range(4)], [0, 0, 1, 1])
        self.assertEqual([hosts.servers_beside(index, 2) for index in range(2)], [1, 1])
        hosts = self.hosts(4, 1)
        hosts.check_room(3, 0)
        self.assertEqual([hosts.servers_beside(index, 3) for index in range(3)], [2, 1, 2])

    def test_who_moves_takes_a_rank_that_is_free(self):
        hosts = self.hosts(2, 4)
        hosts.check_room(0, 4)
        self.assertEqual([hosts.local_rank(seat) for seat in range(4)], [0, 0, 1, 1])
        hosts.hosts[0].lost = "is gone"
        self.assertTrue(hosts.has_room("worker-0"))
        self.assertEqual([hosts.local_rank(seat) for seat in (0, 1, 3)], [2, 0, 1])
        self.assertTrue(hosts.has_room("worker-2"))
        self.assertEqual(hosts.local_rank(2), 3)


if __name__ == "__main__":
    unittest.main()
