"""The slowness that `rubato bench` makes: what was typed, as flags of workers and in words.

Slowness is a wait (workers sleep), so that one machine can stand for several: every iteration takes
at least `floor_seconds`, longer than the work in it, and a slow one `factor` times that.
"""

from __future__ import annotations

import dataclasses
import math

from rubato_cli.base import units
from rubato_cli.base.failure import Failure


@dataclasses.dataclass(frozen=True)
class Slowness:
    """Worker 0 slow all the time (chance 0), or every worker now and then; factor 1: nobody."""

    floor_seconds: float
    factor: float = 1.0
    chance: float = 0.0
    length: int = 1

    @property
    def constant(self) -> bool:
        return self.factor > 1 and self.chance == 0

    def flags(self, seat: int) -> list[str]:
        """Flags of `rubato-worker train`."""
        flags = ["--floor-seconds", f"{self.floor_seconds:g}"]
        if self.constant and seat != 0:
            return flags
        if self.factor > 1:
            flags += ["--slow-factor", f"{self.factor:g}"]
        if self.chance > 0:
            flags += ["--slow-chance", f"{self.chance:g}", "--slow-length", str(self.length)]
        return flags

    def words(self) -> str:
        floor = units.plain(units.duration(self.floor_seconds))
        if self.factor == 1:
            return f"equal workers, iterations of {floor}"
        if self.constant:
            return f"worker 0 always {self.factor:g}× slower, iterations of {floor}"
        return (f"hiccups: with chance {self.chance:g} the next "
                f"{units.plural(self.length, 'iteration')} of a worker "
                f"{'takes' if self.length == 1 else 'take'} {self.factor:g}× as long, "
                f"iterations of {floor}")


def parse(slow_worker: str | None, hiccups: str | None, floor_ms: str) -> Slowness:
    """From the command line; a sentence for what cannot be."""
    if slow_worker and hiccups:
        raise Failure("--slow-worker and --hiccups are two kinds of slowness; give one of them, "
                      "and run the bench once for each")
    floor = _number(floor_ms, "--floor-ms", "a number of milliseconds above 0, as 4", 0, 60_000)
    if slow_worker:
        factor = _number(slow_worker, "--slow-worker", "a factor above 1, as 3", 1, 1000)
        return Slowness(floor / 1000, factor)
    if not hiccups:
        return Slowness(floor / 1000)
    parts = hiccups.split(",")
    if len(parts) != 3:
        raise Failure(f"--hiccups {hiccups} is not CHANCE,FACTOR,LENGTH; write it as 0.05,3,4")
    chance = _number(parts[0], "--hiccups", "a chance between 0 and 1 first, as 0.05,3,4", 0, 1)
    factor = _number(parts[1], "--hiccups", "a factor above 1 second, as 0.05,3,4", 1, 1000)
    if not parts[2].strip().isdecimal() or int(parts[2]) < 1:
        raise Failure(f"--hiccups {hiccups}: the length '{parts[2]}' is no number of iterations; "
                      "write it as 0.05,3,4")
    return Slowness(floor / 1000, factor, chance, int(parts[2]))


def _number(text: str, flag: str, wanted: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low < value <= high:
        raise Failure(f"{flag}: '{text}' is not {wanted}")
    return value
