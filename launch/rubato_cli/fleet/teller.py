"""Who tells events: a child of this launcher, or a process that another one has passed on."""

from __future__ import annotations

import collections
import dataclasses
from typing import Protocol

# More than the lines of one batch (64 KiB), which is all that a scheduler may have passed on and
# not acknowledged.
LINES_KEPT = 2048


class Teller(Protocol):
    """One process. Another one that takes its place, and its name, is another teller."""

    name: str


@dataclasses.dataclass(eq=False)
class Remote:
    """Of which nothing is known but what it has told."""

    name: str


class PassedOn:
    """Lines of processes that a scheduler has passed on. The next scheduler hears again what the
    last one had not acknowledged, and passes on the same, to the byte; no process tells two equal
    lines (common/telemetry/line_receiver.h)."""

    def __init__(self) -> None:
        self._lines: dict[str, collections.OrderedDict[bytes, None]] = {}  # by name; the newest

    def is_new(self, name: str, line: bytes) -> bool:
        lines = self._lines.setdefault(name, collections.OrderedDict())
        if line in lines:
            return False
        lines[line] = None
        if len(lines) > LINES_KEPT:
            lines.popitem(last=False)
        return True
