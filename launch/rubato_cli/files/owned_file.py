"""A file by which somebody else may steer this process: what it says, and whose it is, are read
from one and the same file, whatever its name is given to meanwhile."""

from __future__ import annotations

import dataclasses
import errno
import os
import pathlib
import stat

from rubato_cli.base import system_error
from rubato_cli.base.failure import Failure


@dataclasses.dataclass(frozen=True)
class OwnedFile:
    """What is in it, and the user whose it is."""

    path: pathlib.Path
    data: bytes
    user: int

    def check_own(self, what: str) -> None:
        """Failure if it is another user's, but for root. `what`: that it says, and this process
        would do."""
        if self.user not in (os.getuid(), 0):
            raise Failure(f"{self.path} is another user's, and says {what}; only its owner may say "
                          "this from here")


def read(path: pathlib.Path) -> OwnedFile:
    """OSError where it cannot be read; Failure where it is no plain file, or a link to one."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _no_plain_file(path) from error
        raise
    with open(descriptor, "rb") as file, system_error.about(path):
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _no_plain_file(path)
        return OwnedFile(path, file.read(), found.st_uid)


def _no_plain_file(path: pathlib.Path) -> Failure:
    return Failure(f"{path} is no plain file, as Rubato writes it there; remove it")
