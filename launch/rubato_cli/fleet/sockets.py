"""Where the processes of one fleet meet: a private folder of Unix sockets, or TCP, with keys where
that leaves loopback."""

from __future__ import annotations

import os
import pathlib
from typing import Any

from rubato_cli.base import system_error
from rubato_cli.base.console import Console
from rubato_cli.base.failure import Failure
from rubato_cli.base.names import is_utf8
from rubato_cli.files.scratch import PREFIX, ScratchFolder, temporary_folder
from rubato_cli.fleet import keys

PATH_BYTES_MAX = 107  # sun_path of sockaddr_un, without its final zero
# What stands behind such a folder: "/rubato-" and 8 characters, then a name such as
# "/train-server-1023.1000000.sock-1023".
TAIL_BYTES_MAX = len(f"/{PREFIX}") + 8 + 38
FOLDERS = ("/tmp", "/var/tmp")  # where $TMPDIR is not to be used
# Of the [fleet] section, for a fleet of this host alone.
LOOPBACK = {"host": "127.0.0.1", "interface": "", "port": 0, "ports": "", "encrypt": False}


class SocketFolder:
    """The sockets of one run; two runs at once have two folders. Made when the first one is asked
    for: TCP needs none."""

    def __init__(self, *folders: str) -> None:
        self._folders = folders or tuple(dict.fromkeys(
            (str(temporary_folder(pathlib.Path(FOLDERS[0]))), *FOLDERS)))
        self._folder: ScratchFolder | None = None

    @property
    def path(self) -> pathlib.Path:
        """Failure if no folder can hold sockets."""
        if self._folder is None:
            self._folder = self._make()
        return self._folder.path

    def socket(self, name: str) -> str:
        """The path of one."""
        path = str(self.path / name)
        if len(os.fsencode(path)) > PATH_BYTES_MAX:
            raise Failure(f"socket path longer than {PATH_BYTES_MAX} bytes: {path}")
        return path

    def ipc(self, name: str) -> str:
        """Its address."""
        return f"ipc://{self.socket(name)}"

    def __enter__(self) -> SocketFolder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.remove()

    def _make(self) -> ScratchFolder:
        reasons = []
        for folder in self._folders:
            reason = _why_not(folder)
            if not reason:
                try:
                    return ScratchFolder(pathlib.Path(folder))
                except OSError as error:
                    reason = system_error.why(error)
            reasons.append(f"{folder} ({reason})")
        raise Failure(f"no folder for sockets: {', '.join(reasons)}; set TMPDIR to one that can be "
                      'written and has a short name, or use fleet.transport = "tcp"')


class Addresses:
    """What each process of a fleet listens on, from the [fleet] section of the run. `listen`: where
    the scheduler does, `key_folder`: of its keys; "" where the run says so."""

    def __init__(self, fleet: dict[str, Any], folder: SocketFolder, purpose: str,
                 listen: str = "", key_folder: str = "") -> None:
        self._listen = listen
        self._keys = keys.Folder(key_folder, bool(key_folder) or keys.are_needed(fleet))
        self._folder = folder
        self._purpose = purpose
        self._port = str(fleet["port"])
        self._ports = fleet["ports"] or "0"
        self._no_folder = ""  # why not, where "auto" would have had one
        self._host = _host(fleet) if self._wants_tcp(fleet) else None

    def warn(self, console: Console) -> None:
        """Of what is more open than one may think."""
        if self._no_folder:
            console.note(f"warning: {self._no_folder}; until then this fleet meets on tcp, where "
                         "every user of this host can reach it")

    def run_flags(self, run: str) -> list[str]:
        """What each process is given. `run`: the run's folder, as the process sees it."""
        return self._keys.run_flags(run)

    def scheduler(self) -> str:
        if self._listen:
            return self._listen
        return self._address("scheduler", self._ports if self._port == "0" else self._port)

    def server(self, index: int, starts: int = 0) -> str:
        """`starts`: how many processes have been this server before. Each has an address of its
        own, so that what was on its way to the last one does not reach the next."""
        return self._address(f"server-{index}{f'.{starts}' if starts else ''}", self._ports)

    def _address(self, name: str, port: str) -> str:
        if self._host is not None:
            return f"tcp://{self._host}:{port}"
        return self._folder.ipc(f"{self._purpose}-{name}.sock")

    def _wants_tcp(self, fleet: dict[str, Any]) -> bool:
        if fleet["transport"] != "auto":
            return bool(fleet["transport"] == "tcp")
        # These are asked for only by somebody who wants TCP.
        if int(fleet["port"]) != 0 or fleet["ports"] or keys.leaves_loopback(fleet):
            return True
        try:
            self._folder.path  # made now, if it can be
        except Failure as failure:
            self._no_folder = failure.sentence
            return True
        return False


def _host(fleet: dict[str, Any]) -> str:
    """As it stands in an address."""
    if fleet["interface"]:
        return str(fleet["interface"])
    host = "127.0.0.1" if fleet["host"] == "localhost" else str(fleet["host"])
    return f"[{host}]" if ":" in host else host


def _why_not(folder: str) -> str:
    """Why sockets cannot be in a folder inside `folder`, "" if nothing is known against it."""
    if len(os.fsencode(folder)) > PATH_BYTES_MAX - TAIL_BYTES_MAX:
        return f"a socket's path holds at most {PATH_BYTES_MAX} bytes"
    # Addresses travel in JSON.
    return "" if is_utf8(folder) else "its name is not UTF-8"
