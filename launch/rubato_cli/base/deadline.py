"""How long the launcher waits for others: only time in which it ran itself counts."""

from __future__ import annotations

import time

# Between two looks. Longer, and the launcher stood still (a closed lid, a stopped or frozen
# process group), and most likely those whom it waits for with it.
ASLEEP_SECONDS = 2.0


class Deadline:
    """To be looked at several times a second, as Fleet.step makes it."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._looked = time.monotonic()

    def over(self) -> bool:
        now = time.monotonic()
        if now - self._looked < ASLEEP_SECONDS:
            self._left -= now - self._looked
        self._looked = now
        return self._left <= 0
