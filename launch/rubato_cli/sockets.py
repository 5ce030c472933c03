"""Where the processes of one fleet meet: a private folder of Unix sockets, or loopback TCP.

The folder is made by mkdtemp with mode 0700 directly under /tmp, as a socket's path holds at most
107 bytes. It is locked for as long as its launcher lives, so the next launcher can tell, and sweep
away, what one that was killed has left behind.
"""

from __future__ import annotations

import fcntl
import os
import pathlib
import shutil
import tempfile
from typing import Any

from rubato_cli.failure import Failure

PATH_BYTES_MAX = 107  # sun_path of sockaddr_un, without its final zero
PREFIX = "rubato-"


class SocketFolder:
    """Addresses of one run; two runs at once have two folders and, over TCP, free ports."""

    def __init__(self, parent: str = "/tmp") -> None:
        _sweep(pathlib.Path(parent))
        try:
            self.path = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        except OSError as error:
            raise Failure(f"cannot make a folder for sockets in {parent}: {error.strerror}; "
                          "make it writable") from error
        # Locked first and named second: a folder with a `lock` that nobody holds is dead.
        fresh = self.path / "lock.new"
        self._lock = open(fresh, "w", encoding="utf-8")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        fresh.rename(self.path / "lock")

    def ipc(self, name: str) -> str:
        path = str(self.path / name)
        if len(path.encode()) > PATH_BYTES_MAX:
            raise Failure(f"socket path longer than {PATH_BYTES_MAX} bytes: {path}")
        return f"ipc://{path}"

    def __enter__(self) -> SocketFolder:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


class Addresses:
    """What each process of a fleet listens on, from the [fleet] section of the run."""

    def __init__(self, fleet: dict[str, Any], folder: SocketFolder, purpose: str) -> None:
        self._folder = folder
        self._purpose = purpose
        self._port = int(fleet["port"])
        # A port is asked for only by somebody who wants TCP.
        wants_tcp = fleet["transport"] == "tcp" or self._port != 0
        host = "127.0.0.1" if fleet["host"] == "localhost" else fleet["host"]
        self._host = host if wants_tcp else None

    def scheduler(self) -> str:
        return self._address("scheduler", self._port)

    def server(self, index: int) -> str:
        return self._address(f"server-{index}", 0)

    def _address(self, name: str, port: int) -> str:
        if self._host is not None:
            return f"tcp://{self._host}:{port}"
        return self._folder.ipc(f"{self._purpose}-{name}.sock")


def _sweep(parent: pathlib.Path) -> None:
    for lock in parent.glob(f"{PREFIX}*/lock"):
        try:
            if lock.parent.stat().st_uid != os.getuid():
                continue
            with open(lock, encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:
            continue  # held by a launcher that is alive, or just gone
