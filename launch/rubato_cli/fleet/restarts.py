"""How often one process may be started again, and how soon."""

from __future__ import annotations

import collections

WINDOW_SECONDS = 600.0  # deaths longer ago are forgotten
QUICK_SECONDS = 1.0  # who died sooner after its start never came to work
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 2.0


class Restarts:
    """At most `budget` within ten minutes. A process that dies as soon as it is started waits
    before the next try, each time twice as long; one that has worked is started again at once."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._deaths: collections.deque[float] = collections.deque()
        self._quick = 0
        self.spent = False  # so that a death was not to be followed

    @property
    def used(self) -> int:
        """Of the budget, as of the last death."""
        return len(self._deaths)

    def pause(self, now: float, lived: float) -> float | None:
        """Takes a death at `now` of a process that lived for `lived` seconds; the seconds after
        which the next one is to be started, None if the budget is spent."""
        while self._deaths and now - self._deaths[0] > WINDOW_SECONDS:
            self._deaths.popleft()
        if self.used >= self.budget:
            self.spent = self.budget > 0
            return None
        self._deaths.append(now)
        if lived >= QUICK_SECONDS:
            self._quick = 0
            return 0.0
        self._quick += 1
        return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (self._quick - 1))
