"""What a fleet's links go through (link_proxy.h), as a process of its own."""

import ctypes
import os
import subprocess

from life import CLONE_NEWNET, ask
from rubato_cli.fleet.process import die_with_parent


class Links:
    """Groups of links are named by life.py: "to-server-0", "worker-1-to-scheduler"."""

    def __init__(self, program, socket, namespace):
        """`namespace`: of the network that it stands in, "" for that of the caller."""
        self.socket = str(socket)
        die = die_with_parent()

        def arm():
            die()
            if namespace:
                file = os.open(namespace, os.O_RDONLY)
                if ctypes.CDLL(None).setns(file, CLONE_NEWNET) != 0:
                    raise OSError("setns is refused")

        self._process = subprocess.Popen([program, self.socket], stdin=subprocess.PIPE,
                                         preexec_fn=arm)

    def groups(self):
        """Those that have links, in order."""
        words = ask(self.socket, "count").split()
        return sorted(group for group, links in zip(words[::2], words[1::2]) if int(links) > 0)

    def bend(self, groups, seconds, delay_ms=0, bytes_per_second=0, held="-"):
        """For a while; `held`: directions "t"o the listener and "b"ack, and "r"efused."""
        ask(self.socket, "bend", ",".join(groups), int(seconds * 1000), delay_ms, bytes_per_second,
            held)

    def reset(self, groups):
        ask(self.socket, "reset", ",".join(groups))

    def truncate(self, groups, direction, drawn):
        """`direction`: 0 to the listener, 1 back."""
        ask(self.socket, "truncate", ",".join(groups), direction, drawn)

    def flood(self, host, port, connections, seconds):
        ask(self.socket, "flood", host, port, connections, int(seconds * 1000))

    def close(self):
        self._process.stdin.close()
        self._process.wait()
