"""Who fills the places of servers and workers in a training: this launcher's own processes, or an
engine's (engine.py)."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Callable
from typing import Any, Protocol

from rubato_cli.base.events import Event
from rubato_cli.base.failure import STOPPED
from rubato_cli.fleet.fleet import Fleet
from rubato_cli.fleet.post import Post
from rubato_cli.fleet.sockets import Addresses
from rubato_cli.fleet.teller import Teller
from rubato_cli.fleet.usage import Usage


# Name, program, arguments of the next process of a post, and words before them.
Keep = Callable[..., Post]


@dataclasses.dataclass(frozen=True)
class Flags:
    """Besides those of every training."""

    worker: Callable[[int], list[str]] = lambda seat: []
    server: tuple[str, ...] = ()
    fixed: str = ""  # see Crew


class Crew(Protocol):
    """Of one fleet, beside its scheduler."""

    fixed: str  # why it cannot become larger or smaller, if so

    def start_servers(self, addresses: Addresses, scheduler: str) -> None:
        """`scheduler`: its address."""

    def start_workers(self, scheduler: str) -> None: ...

    @property
    def working(self) -> bool:
        """Whether a worker has not ended its work."""

    def look(self) -> None:
        """Several times a second. Failure where the fleet cannot go on."""

    def take(self, teller: Teller, event: Event) -> None:
        """Of any process of the fleet."""

    def told(self, name: str, event: Event) -> Teller | None:
        """The scheduler passes on what process `name` has told: that process, unless it is heard
        otherwise."""

    def may_stop(self) -> None:
        """Workers may end before the last clock."""

    def relieve(self) -> None:
        """All is committed: nobody is needed any more."""

    def end_workers(self) -> None: ...

    def end_servers(self) -> None: ...

    def usage(self) -> dict[str, Usage]:
        """Of processes that no Fleet knows."""


class OwnCrew:
    """Posts of this launcher's fleet."""

    def __init__(self, fleet: Fleet, config: dict[str, Any], keep: Keep, flags: Flags) -> None:
        """`config`: section "fleet" of config.json."""
        self._fleet = fleet
        self._config = config
        self._keep = keep
        self._flags = flags
        self.fixed = flags.fixed
        self._servers: list[Post] = []
        self._workers: list[Post] = []

    def start_servers(self, addresses: Addresses, scheduler: str) -> None:
        servers = int(self._config["servers"])
        self._servers = [
            self._keep(f"server-{index}", "rubato-server", lambda post, index=index: [
                "--scheduler", scheduler, "--listen", addresses.server(index, post.starts),
                "--server", str(index), "--servers-on-host",
                str(self._fleet.places.servers_beside(index, servers)), *self._flags.server])
            for index in range(servers)]
        for server in self._servers:
            self._fleet.wait_listening(server)

    def start_workers(self, scheduler: str) -> None:
        self._workers = [
            self._keep(f"worker-{seat}", "rubato-worker",
                       lambda _, seat=seat: [
                           "--scheduler", scheduler, "--seat", str(seat), "--local-rank",
                           str(self._fleet.places.local_rank(seat)), *self._flags.worker(seat)],
                       "train")
            for seat in range(int(self._config["workers"]))]
        for worker in self._workers:
            self._fleet.may_end(worker, 0)

    @property
    def working(self) -> bool:
        return any(worker.running for worker in self._workers)

    def look(self) -> None:
        pass

    def take(self, teller: Teller, event: Event) -> None:
        pass

    def told(self, name: str, event: Event) -> Teller | None:
        return None

    def may_stop(self) -> None:
        for worker in self._workers:
            self._fleet.may_end(worker, 0, STOPPED)

    def relieve(self) -> None:
        for post in (*self._servers, *self._workers):
            post.relieve()
            self._fleet.may_end(post, 0, -signal.SIGKILL)  # whoever may do that

    def end_workers(self) -> None:
        self._fleet.end(self._workers)

    def end_servers(self) -> None:
        self._fleet.end(self._servers)

    def usage(self) -> dict[str, Usage]:
        return {}
