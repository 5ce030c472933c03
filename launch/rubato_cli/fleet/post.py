"""A place in a fleet: the process that fills it, and the next one after its death."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from rubato_cli.base.failure import FATAL, USAGE
from rubato_cli.fleet.child import Child
from rubato_cli.fleet.ending import Ending, NOT_LOADED
from rubato_cli.fleet.restarts import Restarts

# Starting the same process again would not help: the run has to be taken up again (status.h).
ABORTED = "ABORTED"


class Post:
    """Owned by a Fleet, which starts its processes. `arguments` are those of the next process."""

    def __init__(self, name: str, start: Callable[[Post], Child], restarts: Restarts) -> None:
        self.name = name
        self.restarts = restarts
        self.over = False  # nobody is to fill it any more
        self.starts = 0
        self.gone_at = 0.0  # when its last process was found dead
        self.due: float | None = None  # when the next process is to be started
        self._start = start
        self._killed_for = ""  # why kill() was called, if it was
        self.was_up = False  # whether one of its processes that died had come to work
        self._begun = time.monotonic()
        self.child = start(self)
        self.starts = 1

    @property
    def address(self) -> str:
        """What its process listens on, "" before it says so."""
        return self.child.address

    @property
    def running(self) -> bool:
        """Whether a process fills it, or will."""
        return self.child.running or self.due is not None

    @property
    def age(self) -> float:
        """Seconds since its process was started."""
        return time.monotonic() - self._begun

    def kill(self, why: str) -> None:
        """Its process lives and is of no use: `why` follows its name. The next one is to come."""
        if self.child.running:
            self._killed_for = why
            self.child.kill()

    def relieve(self) -> None:
        """Nobody is to follow its process, or is on the way to."""
        self.over = True
        self.due = None

    def stop(self) -> None:
        """Asks its process to end; nobody follows it."""
        self.relieve()
        if self.child.running:
            self.child.stop()

    def why(self) -> str:
        """Why its process died, for a sentence that begins with its name."""
        ending = self.child.ending()
        killed = ending.exit_code == -signal.SIGKILL and not ending.lost
        return self._killed_for if killed and self._killed_for else ending.why()

    def lose(self) -> bool:
        """Takes the death of its process; whether another one may follow it, and will."""
        self.was_up |= self.child.is_up
        if self.over or not self._may_follow(self.child.ending()):
            return False
        now = time.monotonic()
        pause = self.restarts.pause(now, now - self._begun)
        if pause is None:
            return False
        self.gone_at = now
        self.due = now + pause
        return True

    def fill(self) -> None:
        """Starts the next process."""
        self.due = None
        self._killed_for = ""
        self._begun = time.monotonic()
        self.child = self._start(self)
        self.starts += 1

    def _may_follow(self, ending: Ending) -> bool:
        """Whether another process might do better."""
        if ending.code in (FATAL, USAGE) or ending.exit_code == NOT_LOADED:
            return False
        if self.child.last_code == ABORTED or (self.child.asked and ending.exit_code >= 0):
            return False
        # Who says why it cannot even begin would say so again.
        return self.was_up or not ending.spoke
