"""The end of a file that somebody may append to."""

from __future__ import annotations

import os
import pathlib
import time
from collections.abc import Callable

BLOCK_BYTES = 1 << 16
LOOK_SECONDS = 0.1


class LogTail:
    """Its last `lines`, and then what comes."""

    def __init__(self, path: pathlib.Path, lines: int) -> None:
        """OSError if it cannot be read."""
        self._file = open(path, "rb")
        self._file.seek(_offset_of_last(self._file.fileno(), lines))

    def read(self) -> bytes:
        """What is there and was not read yet."""
        return self._file.read()

    def follow(self, write: Callable[[bytes], None], over: Callable[[], bool]) -> None:
        """Hands on all that comes, until it is `over()`."""
        last = False
        while not last:
            last = over()  # what was written before that is still read
            write(self.read())
            if not last:
                time.sleep(LOOK_SECONDS)

    def close(self) -> None:
        self._file.close()


def _offset_of_last(descriptor: int, lines: int) -> int:
    """Where the last `lines` begin; an unfinished one counts."""
    size = at = os.fstat(descriptor).st_size
    if lines == 0:
        return size
    missing = lines + 1  # ends of lines, with that of the last one
    while at > 0:
        begin = max(0, at - BLOCK_BYTES)
        block = os.pread(descriptor, at - begin, begin)
        if at == size and not block.endswith(b"\n"):
            missing -= 1
        found = len(block)
        while missing > 0 and (found := block.rfind(b"\n", 0, found)) >= 0:
            missing -= 1
        if missing == 0:
            return begin + found + 1
        at = begin
    return 0
