"""Who tells events: a child of this launcher, or a process that another one has passed on."""

from __future__ import annotations

import dataclasses
from typing import Protocol


class Teller(Protocol):
    """One process. Another one that takes its place, and its name, is another teller."""

    name: str


@dataclasses.dataclass(eq=False)
class Remote:
    """Of which nothing is known but what it has told."""

    name: str
