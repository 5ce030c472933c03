"""Where the processes of a fleet are: on hosts, of which this one is the first."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable
from typing import Protocol

from rubato_cli.files.process_files import ProcessFiles
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.process import LocalProcess, Process


@dataclasses.dataclass(frozen=True)
class Order:
    """What a host is to start: `files` say where its log is to be."""

    program: str
    arguments: list[str]
    files: ProcessFiles


class Host(Protocol):
    """One, on which processes are started."""

    def start(self, order: Order) -> Process:
        """OSError where this one cannot."""

    def files(self, files: ProcessFiles) -> ProcessFiles:
        """The same, as they are there."""


class Places(Protocol):
    """Which process of one fleet is on which host."""

    def host(self, name: str) -> Host:
        """Where process `name` is, or is to be started now. Failure if nowhere."""

    def has_room(self, name: str) -> bool:
        """Whether that finds one; keeps it."""

    def local_rank(self, seat: int) -> int:
        """A number of that worker among those on its host, from 0."""

    def servers_beside(self, index: int, servers: int) -> int:
        """How many of `servers` are on the host of that one, itself among them."""

    def there(self, name: str, path: pathlib.Path) -> str:
        """What `path`, the run's folder, is called where process `name` is."""

    def wakeups(self) -> Iterable[int]:
        """Descriptors that become readable when look() has something to take."""

    def look(self) -> None:
        """Several times a second. Does not block."""


class LocalPlaces:
    """All on this host, in one process group: the first leads it, or the first of those that are
    left when all before have died. For one fleet."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._group = 0
        self._processes: list[LocalProcess] = []

    def host(self, name: str) -> LocalPlaces:
        return self

    def has_room(self, name: str) -> bool:
        return True

    def local_rank(self, seat: int) -> int:
        return seat

    def servers_beside(self, index: int, servers: int) -> int:
        return servers

    def there(self, name: str, path: pathlib.Path) -> str:
        return str(path)

    def wakeups(self) -> Iterable[int]:
        return ()

    def look(self) -> None:
        pass

    def start(self, order: Order) -> LocalProcess:
        self._processes = [process for process in self._processes if process.exit_code is None]
        if not self._processes:
            self._group = 0
        process = LocalProcess([self._build.program(order.program), *order.arguments],
                               order.files.log, self._group)
        self._group = self._group or process.pid
        self._processes.append(process)
        return process

    def files(self, files: ProcessFiles) -> ProcessFiles:
        return files
