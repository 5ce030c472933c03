"""Hosts for the processes of a fleet on one machine: network namespaces around a bridge, and links
between them that can be cut, in one direction or both.

A namespace lives as long as a process in it, and is entered through that process: nothing is named,
so nothing is left behind, however the owner ends, and no interface of the machine is touched. Each
has an address of 127.7.0.0/24, as only those of loopback are taken: 127.0.0.0/8 is not local in
there, but for 127.0.0.1. A direction is cut by a neighbour that nobody is (`ip neigh`): packets are
sent, and nobody takes them.
"""

import ctypes
import os
import shutil
import subprocess

from rubato_cli.fleet.process import die_with_parent

CLONE_NEWNET = 0x40000000
NOBODY = "02:00:00:00:00:fe"
BRIDGE = "02:00:00:00:00:01"  # its own; else that of one of its ports, and another when that goes
HUB = "hub"
# What goes through the proxy comes from the hub, which is two neighbours: links to the scheduler
# and links to servers can be cut apart.
HUB_ADDRESSES = {"scheduler": "127.7.0.1", "server": "127.7.0.2"}
FIRST_ADDRESS = {"scheduler": 10, "server": 20, "worker": 40}


class NoHosts(Exception):
    """A sentence that says why there are none."""


class OneHost:
    """Where there are no namespaces, all are on this one."""

    hub = {"scheduler": "127.0.0.1", "server": "127.0.0.1"}

    def address(self, _name):
        return "127.0.0.1"

    def namespace(self, _name):
        return ""

    def close(self):
        pass


class Hosts:
    """`names`: of processes, such as "worker-0". Raises NoHosts. Owned by the thread that made it,
    whose end is that of all."""

    hub = HUB_ADDRESSES

    def __init__(self, names):
        _check_possible()
        self._holders = {}
        self._cuts = []
        self._names = list(names)
        try:
            for name in (HUB, *self._names):
                self._holders[name] = self._hold(name)
            self._join()
        except (OSError, subprocess.SubprocessError) as error:
            self.close()
            raise NoHosts(f"no network namespaces here: {error}") from error

    def address(self, name):
        role, index = name.split("-")
        return f"127.7.0.{FIRST_ADDRESS[role] + int(index)}"

    def namespace(self, name):
        return f"/proc/{self._holders[name].pid}/ns/net"

    def cut(self, senders, receivers):
        """Nothing that `senders` send reaches one of `receivers`, names or addresses."""
        for sender in senders:
            addresses = [to if to[0].isdigit() else self.address(to) for to in receivers]
            device = "br0" if sender == HUB else "eth0"
            self._ip(sender, *(f"neigh replace {address} lladdr {NOBODY} dev {device} nud permanent"
                               for address in addresses))
            self._cuts += [(sender, address, device) for address in addresses]

    def heal(self):
        for sender in {cut[0] for cut in self._cuts}:
            self._ip(sender, *{f"neigh del {address} dev {device}"
                               for name, address, device in self._cuts if name == sender})
        self._cuts.clear()

    def close(self):
        for holder in self._holders.values():
            holder.kill()
            holder.wait()

    def _hold(self, _name):
        """A process in a new namespace, which lasts as long as it does."""
        return _hold_namespace()

    def _join(self):
        self._ip(HUB, f"link add br0 address {BRIDGE} type bridge", "link set br0 up",
                 *(f"addr add {address}/24 dev br0" for address in self.hub.values()))
        self._open_loopback(HUB)
        for index, name in enumerate(self._names):
            self._ip(HUB, f"link add p{index} type veth peer name eth0 "
                          f"netns {self._holders[name].pid}",
                     f"link set p{index} master br0 up")
            self._open_loopback(name)
            self._ip(name, "link set eth0 up", f"addr add {self.address(name)}/24 dev eth0")

    def _open_loopback(self, name):
        self._run(name, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet")
        self._ip(name, "link set lo up", "addr del 127.0.0.1/8 dev lo",
                 "addr add 127.0.0.1/32 dev lo")

    def _ip(self, name, *lines):
        self._run(name, "ip", "-batch", "-", text="\n".join(lines) + "\n")

    def _run(self, name, *command, text=""):
        subprocess.run(["nsenter", f"--net={self.namespace(name)}", *command], input=text,
                       check=True, capture_output=True, text=True)


def _check_possible():
    if os.geteuid() != 0:
        raise NoHosts("only root may make network namespaces")
    for tool in ("ip", "nsenter"):
        if shutil.which(tool) is None:
            raise NoHosts(f"there is no `{tool}` here")


def _hold_namespace():
    die = die_with_parent()

    def arm():
        die()
        if ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
            raise OSError("unshare is refused")

    return subprocess.Popen(["sleep", "infinity"], preexec_fn=arm)
