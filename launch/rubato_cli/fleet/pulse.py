"""Whether a process that should do something still does."""

from __future__ import annotations

import pathlib

from rubato_cli.base.deadline import Deadline


class Pulse:
    """Something that changes as long as a process does what it is there for."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._sign: object = None
        self._patience = Deadline(seconds)

    def stands(self, sign: object) -> bool:
        """Takes how it is now, several times a second; whether it has been so for too long."""
        if sign == self._sign:
            return self._patience.over()
        self._sign = sign
        self._patience = Deadline(self._seconds)
        return False


def cpu_ticks(pid: int) -> int:
    """How long a process has computed so far, in hundredths of a second; 0 if it is gone."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    fields = stat.rpartition(b")")[2].split()  # from the third on: proc(5)
    return int(fields[11]) + int(fields[12])
