"""What is written to people and to the files that they name.

Standard error may be a terminal that was closed or a file on a full disk, standard output a pipe
that nobody reads any more: that is no reason to lose a training.
"""

from __future__ import annotations

import os
import select
import sys
from typing import TextIO


def open_standard_streams() -> None:
    """Gives a process that was started with stdin, stdout or stderr closed the null device there,
    before a file of ours takes the number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
            setattr(sys, name, open(number, "r+" if number else "r", encoding="utf-8",
                                    closefd=False, buffering=1))


def say(stream: TextIO, text: str) -> None:
    """Writes `text` to a standard stream now, with nothing left behind in a buffer: what could not
    be written would be tried again, and fail again, as the process ends. Raises OSError."""
    try:
        descriptor = stream.fileno()
    except OSError:  # a test's
        stream.write(text)
        return
    write_all(descriptor, _encode(text, stream.encoding or "utf-8"))


def write_all(descriptor: int, data: bytes) -> None:
    """However slowly it is taken: another process that has it too may have made it one that never
    blocks. Raises OSError."""
    while data:
        try:
            data = data[os.write(descriptor, data):]
        except BlockingIOError:
            select.select([], [descriptor], [])


def _encode(text: str, encoding: str) -> bytes:
    """A name that is not UTF-8 as the bytes that it has; what the encoding lacks as an escape."""
    try:
        return text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        return text.encode(encoding, "backslashreplace")
