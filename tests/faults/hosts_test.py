#!/usr/bin/env python3
"""Hosts that are parted do not reach each other, in the direction that was cut and in no other."""

import ctypes
import os
import pathlib
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "launch"))
from hosts import CLONE_NEWNET, HUB_ADDRESSES, Hosts, NoHosts  # noqa: E402 (needs the path)

DEADLINE_SECONDS = 60.0


class HostsTest(unittest.TestCase):
    def setUp(self):
        try:
            self.hosts = Hosts(["worker-0", "server-0"])
        except NoHosts as why:
            self.skipTest(str(why))
        self.addCleanup(self.hosts.close)
        self.worker, self.server = (self.socket_of(name) for name in ("worker-0", "server-0"))

    def socket_of(self, name):
        """Of datagrams; a socket stays in the network where it was made."""
        here = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(self.hosts.namespace(name), os.O_RDONLY)
        libc = ctypes.CDLL(None)
        self.assertEqual(libc.setns(there, CLONE_NEWNET), 0)
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.assertEqual(libc.setns(here, CLONE_NEWNET), 0)
        os.close(here)
        os.close(there)
        made.bind((self.hosts.address(name), 0))
        made.settimeout(DEADLINE_SECONDS)
        self.addCleanup(made.close)
        return made

    def send(self, sender, receiver, word):
        sender.sendto(word, receiver.getsockname())

    def test_what_is_cut_is_lost_and_nothing_else(self):
        self.send(self.worker, self.server, b"before")
        self.assertEqual(self.server.recv(100), b"before")
        self.hosts.cut(["worker-0"], ["server-0", HUB_ADDRESSES["server"]])
        self.send(self.worker, self.server, b"lost")
        self.send(self.server, self.worker, b"the other way")
        self.assertEqual(self.worker.recv(100), b"the other way")
        self.hosts.heal()
        self.send(self.worker, self.server, b"after")
        self.assertEqual(self.server.recv(100), b"after")

    def test_nothing_is_left_of_them(self):
        holders = [holder.pid for holder in self.hosts._holders.values()]
        self.hosts.close()
        for pid in holders:
            self.assertFalse(os.path.exists(f"/proc/{pid}"))


if __name__ == "__main__":
    unittest.main()
