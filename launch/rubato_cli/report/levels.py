"""The levels of predicted quantiles: how many labels lie below each, and what tests say of it.

A p-value is the chance of a result at least so far off if the quantile were right: a small one
speaks against it, a large one proves nothing. All words about one keep to that.
"""

from __future__ import annotations

import dataclasses

from rubato_cli.base import units
from rubato_cli.report.tree import Tree, dig, number

LIGHTS = ("green", "yellow", "red")
UPPER = 0.5  # level from which on few rows above are the danger, which no traffic light counts
DOUBT = 0.05  # a p-value below it is small
FEW = 5.0  # expected rows on either side with which a test can tell little


@dataclasses.dataclass(frozen=True)
class Level:
    """One of them, on the test rows."""

    name: str  # as in the run file
    share: float  # of the labels that should lie below
    rows: float  # all
    below: float  # rows
    figures: Tree

    @property
    def words(self) -> str:
        return f"{self.percent} quantile"

    @property
    def percent(self) -> str:
        return f"{100 * self.share:g}{units.THIN}%"

    @property
    def expected(self) -> float:
        return self.share * self.rows

    @property
    def observed(self) -> str:
        """The share of the rows that lie below."""
        return units.percent(self.below / self.rows, 2)

    @property
    def light(self) -> str:
        zone = number(self.figures, "basel_zone")
        known = zone in range(len(LIGHTS)) and self.share < UPPER
        return LIGHTS[int(zone)] if known and zone is not None else units.ABSENT

    def figure(self, name: str) -> float | None:
        return number(self.figures, name)


def of(metrics: Tree) -> list[Level]:
    """Those of a metrics.json, rising; none of another target."""
    told, rows = dig(metrics, "test.levels"), number(metrics, "test.rows")
    found = []
    for name, figures in (told.items() if isinstance(told, dict) else ()):
        share, below = _share(name), number(figures, "breaches")
        if share is not None and below is not None and rows and 0 <= below <= rows:
            found.append(Level(name, share, rows, below, figures))
    return sorted(found, key=lambda level: level.share)


def _share(name: str) -> float | None:
    try:
        share = float(name)
    except ValueError:
        return None
    return share if 0 < share < 1 else None


def told(metrics: Tree) -> str:
    """Sentences on whether the lowest level holds, "" of a run without one."""
    lowest = next(iter(of(metrics)), None)
    p = lowest.figure("kupiec_p") if lowest else None
    if lowest is None or p is None:
        return ""
    said = (f"Of {units.count(lowest.rows)} test rows {units.count(lowest.below)} "
            f"({lowest.observed}) lie below the {lowest.words}; {_expected(lowest)} are expected. "
            f"If the quantile were right, chance alone would miss that by as much or more in "
            f"{_times(p)} such tests (Kupiec): {_finding(lowest, p)}")
    if min(lowest.expected, lowest.rows - lowest.expected) < FEW:
        said += " With so few expected rows this test can tell little."
    return said


def _expected(level: Level) -> str:
    return units.count(level.expected) if level.expected >= 10 else f"{level.expected:.1f}"


def _times(p: float) -> str:
    if p >= 0.995:
        return "nearly all"
    if p >= 0.01:
        return f"about {100 * p:.0f} of 100"
    return f"about {1000 * p:.0f} of 1{units.THIN}000" if p >= 0.001 else (
        f"fewer than 1 of 1{units.THIN}000")


def _finding(level: Level, p: float) -> str:
    if p >= DOUBT:
        return "this test finds nothing against it, which is no proof that it is right."
    high, more = ("high", "more") if level.below > level.expected else ("low", "fewer")
    return (f"so seldom that the test rejects it. It seems too {high}, as {more} rows lie below it "
            "than should.")


def probability(p: float | None, least: float = 0.001) -> str:
    """A p-value; nothing is known of one below `least` but that it is."""
    if p is None:
        return units.ABSENT
    return f"<{units.THIN}{least:g}" if p < least else f"{p:.{2 if p >= 0.1 else 3}f}"


def lines(metrics: Tree) -> list[str]:
    """For a terminal, one of each level."""
    return [units.plain(f"level {level.name}: {level.below:,.0f} of {level.rows:,.0f} below "
                        f"({level.observed}), Kupiec p {probability(level.figure('kupiec_p'))}")
            for level in of(metrics)]
