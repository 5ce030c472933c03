"""Servers and workers that an engine starts (Slurm, Kubernetes, systemd): all that is known of them
is what the scheduler passes on."""

from __future__ import annotations

import dataclasses
from typing import Any

from rubato_cli.base.deadline import Deadline
from rubato_cli.base.events import (BegunEvent, EndedEvent, ErrorEvent, Event, ServingEvent,
                                    StartedEvent, WorkerDoneEvent)
from rubato_cli.base.failure import FATAL, RETRYABLE, STOPPED, USAGE, Failure
from rubato_cli.files import target
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.sockets import Addresses
from rubato_cli.fleet.teller import Remote, Teller
from rubato_cli.fleet.usage import Usage

ADDRESS = "scheduler.address"  # in the run folder, while a scheduler listens there


@dataclasses.dataclass(frozen=True)
class Engine:
    """`seconds`: from when on the scheduler listens, in which all others have to come. `listen`,
    `keys`: where the scheduler does, and the folder of its keys; "" where the run says so."""

    seconds: float
    listen: str = ""
    keys: str = ""


class EngineCrew:
    """`config`: section "fleet" of config.json."""

    fixed = "an engine starts the workers of this run; stop it, and begin it again with others"

    def __init__(self, engine: Engine, folder: RunFolder, config: dict[str, Any]) -> None:
        self._folder = folder
        self._seconds = engine.seconds
        self._scheduler = ""
        self._shards = int(config["shards_per_server"])
        self._servers = [f"server-{index}" for index in range(int(config["servers"]))]
        self._workers = [f"worker-{seat}" for seat in range(int(config["workers"]))]
        self._missing = {*self._servers, *self._workers}
        self._deadline = Deadline(self._seconds)
        self._working = set(self._workers)
        self._tellers: dict[str, Remote] = {}
        self._reasons: dict[str, str] = {}  # by name: its last error
        self._usage: dict[str, Usage] = {}

    def start_servers(self, addresses: Addresses, scheduler: str) -> None:
        """Says where they, and the workers, find it."""
        self._scheduler = scheduler
        self._deadline = Deadline(self._seconds)
        target.write(self._folder.path / ADDRESS, f"{scheduler}\n")

    def start_workers(self, scheduler: str) -> None:
        pass

    @property
    def working(self) -> bool:
        return bool(self._working)

    def look(self) -> None:
        if self._missing and self._deadline.over():
            raise Failure(
                f"{_listed(sorted(self._missing, key=_order))} did not come within "
                f"{self._seconds:g} s: see their logs, and whether their hosts reach "
                f"{self._scheduler}; go on with the same command", RETRYABLE)

    def take(self, teller: Teller, event: Event) -> None:
        match event:
            case ServingEvent():
                self._missing.discard(f"server-{event.place // self._shards}")
            case StartedEvent():
                self._missing.discard(f"worker-{event.seat}")
                self._working.add(f"worker-{event.seat}")
            case BegunEvent():
                self._working.add(teller.name)
            case WorkerDoneEvent():
                self._working.discard(teller.name)
            case ErrorEvent():
                self._reasons[teller.name] = event.message
            case EndedEvent() if teller.name in self._tellers:
                self._end(teller.name, event)

    def told(self, name: str, event: Event) -> Teller | None:
        self._missing.discard(name)
        return self._tellers.setdefault(name, Remote(name))

    def _end(self, name: str, event: EndedEvent) -> None:
        """It has, by itself. Who failed for a reason that may pass is followed by another one that
        the engine starts: its work is not done."""
        self._tellers.pop(name, None)
        if event.code in (0, STOPPED):
            self._working.discard(name)
        used = Usage(1, event.peak_memory_bytes, event.cpu_seconds)
        self._usage.setdefault(name, Usage()).join(used)
        reason = self._reasons.pop(name, "it gave no reason")
        if event.code in (USAGE, FATAL):
            raise Failure(f"{name} ended with exit code {event.code}: {reason}", event.code)

    def may_stop(self) -> None:
        pass

    def relieve(self) -> None:
        pass

    def end_workers(self) -> None:
        """The scheduler tells them."""
        (self._folder.path / ADDRESS).unlink(missing_ok=True)

    def end_servers(self) -> None:
        pass

    def usage(self) -> dict[str, Usage]:
        return self._usage


def _order(name: str) -> tuple[str, int]:
    role, index = name.rsplit("-", 1)
    return role, int(index)


def _listed(names: list[str]) -> str:
    """a, b and c."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
