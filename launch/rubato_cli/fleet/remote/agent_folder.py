"""Where the agent of a session is met on its host: a folder of this user alone, with its socket,
its log and the lock that lets others sweep it away when the agent was killed."""

from __future__ import annotations

import fcntl
import os
import pathlib
import shutil
import stat
from typing import TextIO

from rubato_cli.base.failure import Failure
from rubato_cli.files.scratch import PREFIX, temporary_folder


class AgentFolder:
    """`session`: letters and digits that the launcher has drawn."""

    def __init__(self, session: str) -> None:
        self.path = temporary_folder(pathlib.Path("/tmp")) / f"{PREFIX}agent-{session}"
        self.socket = self.path / "socket"
        self.log = self.path / "log"
        self._lock: TextIO | None = None

    def make(self) -> None:
        os.mkdir(self.path, 0o700)
        # As a ScratchFolder: locked first and named second.
        fresh = self.path / "lock.new"
        self._lock = open(fresh, "w", encoding="utf-8")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        fresh.rename(self.path / "lock")

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def check(self) -> bool:
        """Whether it is there; Failure if it is somebody else's."""
        try:
            found = os.lstat(self.path)
        except FileNotFoundError:
            return False
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) != 0o700:
            raise Failure(f"{self.path} is not this user's alone; remove it")
        return self.socket.exists()
