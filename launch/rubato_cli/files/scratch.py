"""Folders for what only one start needs: sockets, drafts of files, logs.

Each is locked for as long as its launcher lives, so that the next launcher can tell, and sweep
away, what one that was killed has left behind.
"""

from __future__ import annotations

import fcntl
import os
import pathlib
import shutil
import tempfile
from typing import TextIO

PREFIX = "rubato-"
HIDDEN_PREFIX = ".rubato-"  # beside files of the user


def temporary_folder(otherwise: pathlib.Path) -> pathlib.Path:
    """$TMPDIR, or a usual folder for temporary files that can be written; if there is none,
    `otherwise`."""
    try:
        return pathlib.Path(tempfile.gettempdir())
    except FileNotFoundError:
        return otherwise


class ScratchFolder:
    """A new folder of this process alone (mode 0700)."""

    def __init__(self, parent: pathlib.Path, prefix: str = PREFIX) -> None:
        _sweep(parent, prefix)
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        self._lock: TextIO | None = None
        self._kept = False
        # Locked first and named second: a folder with a `lock` that nobody holds is dead.
        fresh = self.path / "lock.new"
        try:
            file = open(fresh, "w", encoding="utf-8")
        except OSError:  # no room; without a lock it would never be swept
            self.path.rmdir()
            raise
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            fresh.rename(self.path / "lock")
            self._lock = file
        except OSError:  # a file system without locks: nobody can tell whether it is dead
            file.close()
            fresh.unlink()

    def keep(self) -> None:
        """It stays, as a sentence names what is in it."""
        self._kept = True
        (self.path / "lock").unlink(missing_ok=True)

    def remove(self) -> None:
        """Unless it is kept."""
        if not self._kept:
            shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()


def _sweep(parent: pathlib.Path, prefix: str) -> None:
    for lock in parent.glob(f"{prefix}*/lock"):
        try:
            if lock.parent.stat().st_uid != os.getuid():
                continue
            with open(lock, "r+", encoding="utf-8") as file:  # NFS locks only what may be written
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(file.fileno()).st_nlink > 0:  # else kept meanwhile
                    shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:
            continue  # held by a launcher that is alive, or just gone
