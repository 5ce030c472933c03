"""The hosts of a run's fleets: which process is on which of them, and where it listens."""

from __future__ import annotations

import itertools
import pathlib
import time
from collections.abc import Iterable
from typing import Any

from rubato_cli.base.console import Console
from rubato_cli.base.deadline import Deadline
from rubato_cli.base.failure import RETRYABLE, USAGE, Failure
from rubato_cli.fleet import keys
from rubato_cli.fleet.remote.host_file import ROLES
from rubato_cli.fleet.remote.remote_host import RemoteHost

END_SECONDS = 5.0  # until each agent has heard that it is over; one that has not ends by its lease
STEP_SECONDS = 0.02
SCHEDULER, SERVER, WORKER = ROLES


class Hosts:
    """For a `with` block, whose end is that of all that runs there. `shared`: they all see the
    run's folder. See fleet/places.py."""

    def __init__(self, hosts: list[RemoteHost], shared: bool) -> None:
        self.hosts = hosts
        self.shared = shared
        self._at: dict[str, RemoteHost] = {}
        self._ranks: dict[str, tuple[RemoteHost, int]] = {}  # of workers, on their hosts

    def __enter__(self) -> Hosts:
        return self

    def __exit__(self, *_: object) -> None:
        for host in self.hosts:
            host.end()
        deadline = Deadline(END_SECONDS)
        while not all(host.ended for host in self.hosts) and not deadline.over():
            self.look()
            time.sleep(STEP_SECONDS)
        for host in self.hosts:
            host.close()

    def host(self, name: str) -> RemoteHost:
        """Once found, it stays: what a server or the scheduler needs is there. Only a lost host is
        left for another."""
        found = self._at.get(name)
        if found is not None and not self.has_room(name):
            raise Failure(f"{name} has to be on host {found.name}, which {found.lost}", RETRYABLE)
        if found is None or found.lost:
            found = self._choose(name)
            if found is None:
                raise Failure(f"no host has room for {name}: {self._room()}; give a host more "
                              "slots, or add one", RETRYABLE)
            self._at[name] = found
        return found

    def has_room(self, name: str) -> bool:
        at = self._at.get(name)
        if at is None or not at.lost:
            return True
        # All others know the scheduler by its address. What a server needs is where it was.
        movable = _role(name) == WORKER or (_role(name) == SERVER and self.shared)
        found = self._choose(name) if movable else None
        if found is not None:
            self._at[name] = found  # so that no other gets that slot
        return found is not None

    def local_rank(self, seat: int) -> int:
        """The lowest that is free; he keeps it, whoever comes to his host later."""
        name = f"{WORKER}-{seat}"
        host = self.host(name)
        if self._ranks.get(name, (None, 0))[0] is not host:
            taken = {rank for other, (at, rank) in self._ranks.items()
                     if at is host and self._at.get(other) is host}
            self._ranks[name] = host, next(rank for rank in itertools.count() if rank not in taken)
        return self._ranks[name][1]

    def servers_beside(self, index: int, servers: int) -> int:
        host = self.host(f"{SERVER}-{index}")
        return sum(self._at.get(f"{SERVER}-{other}") is host for other in range(servers))

    def there(self, name: str, path: pathlib.Path) -> str:
        return self.host(name).out

    def wakeups(self) -> Iterable[int]:
        return [host.fileno() for host in self.hosts]

    def look(self) -> None:
        for host in self.hosts:
            host.look()

    def next_fleet(self) -> Hosts:
        """For a fleet that may have other workers. Servers and scheduler stay where they were."""
        self._ranks = {}
        self._at = {name: host for name, host in self._at.items()
                    if _role(name) != WORKER and not (host.lost and self.shared)}
        return self

    def lost(self) -> bool:
        """Whether a process of this fleet was on a host that is."""
        return any(host.lost for host in self._at.values())

    def put(self, placed: dict[str, str]) -> None:
        """Process -> host: where an earlier start has had them."""
        hosts = {host.name: host for host in self.hosts}
        for name, host in placed.items():
            if host not in hosts:
                raise Failure(f"{name} has to be on host {host}, where its snapshots are; name "
                              "that in the file of hosts", USAGE)
            self._at[name] = hosts[host]

    def placed(self) -> dict[str, str]:
        """The same now, of those that must stay where they are."""
        return {name: host.name for name, host in self._at.items() if _role(name) != WORKER}

    def check_room(self, servers: int, workers: int) -> None:
        """Gives each process its place. Failure if a fleet of so many has no room."""
        names = ["scheduler-0", *(f"server-{index}" for index in range(servers)),
                 *(f"worker-{seat}" for seat in range(workers))]
        for name in names:
            if self._at.get(name) is None and (found := self._choose(name)) is not None:
                self._at[name] = found
            if name not in self._at:
                raise Failure(f"{servers} servers and {workers} workers need {servers + workers} "
                              f"slots: {self._room()}; give a host more slots, or add one", USAGE)

    def need_keys(self, fleet: dict[str, Any]) -> bool:
        """Whether their processes do. `fleet`: config.json's section."""
        return any(keys.are_needed({**fleet, "host": host.entry.address, "interface": ""})
                   for host in self.hosts)

    def told(self) -> dict[str, list[str]]:
        """Host -> processes."""
        return {host.name: names for host in self.hosts
                if (names := [name for name, at in self._at.items() if at is host])}

    def _choose(self, name: str) -> RemoteHost | None:
        """The first with the role for the scheduler; for others who has the fewest of its role,
        then of all. Who only reads a model needs no slot."""
        role = _role(name)
        able = [host for host in self.hosts if role in host.entry.roles and not host.lost]
        if role == SCHEDULER or not _takes_slot(name):
            return able[0] if able else None
        free = [host for host in able if self._taken(host) < host.slots]
        return min(free, default=None,
                   key=lambda host: (self._taken(host, role), self._taken(host)))

    def _taken(self, host: RemoteHost, role: str = "") -> int:
        return sum(at is host and _takes_slot(name) and role in ("", _role(name))
                   for name, at in self._at.items())

    def _room(self) -> str:
        return ", ".join(f"{host.name} " + ("is lost" if host.lost else f"has {host.slots}")
                         for host in self.hosts)


class HostAddresses:
    """What each process of a fleet listens on: its host's address, at a port of fleet.ports, and
    the scheduler at its own. `fleet`: config.json's section."""

    def __init__(self, hosts: Hosts, fleet: dict[str, Any]) -> None:
        self._hosts = hosts
        self._port = str(fleet["port"])
        self._ports = fleet["ports"] or "0"
        self._keys = keys.Folder("", hosts.need_keys(fleet))

    def warn(self, console: Console) -> None:
        """Where all will be."""
        at = self._hosts.told()
        console.note("hosts: " + "; ".join(f"{host} {', '.join(names)}"
                                           for host, names in at.items()))

    def run_flags(self, run: str) -> list[str]:
        return self._keys.run_flags(run)

    def scheduler(self) -> str:
        return self._address("scheduler-0", self._ports if self._port == "0" else self._port)

    def server(self, index: int, starts: int = 0) -> str:
        return self._address(f"server-{index}", self._ports)

    def _address(self, name: str, port: str) -> str:
        address = self._hosts.host(name).entry.address
        return f"tcp://{f'[{address}]' if ':' in address else address}:{port}"


def _role(name: str) -> str:
    role = name.rsplit("-", 1)[0]
    return role if role in ROLES else WORKER


def _takes_slot(name: str) -> bool:
    return name.rsplit("-", 1)[0] in (SERVER, WORKER)
