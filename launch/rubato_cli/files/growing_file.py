"""A file that somebody else appends to."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator


class GrowingFile:
    """What comes from now on. It may not be there yet."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._at = path.stat().st_size if path.exists() else 0

    def lines(self) -> Iterator[bytes]:
        """Those that are whole, and were not read yet."""
        try:
            with open(self._path, "rb") as file:
                self._at = min(self._at, os.fstat(file.fileno()).st_size)
                file.seek(self._at)
                for line in file:
                    if not line.endswith(b"\n"):
                        return
                    self._at += len(line)
                    yield line
        except FileNotFoundError:
            return
