"""The part of a report about segments of the test rows (levels of a category, quarters of a
number): where more or less happened than was expected."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from rubato_cli.base import units
from rubato_cli.report import charts, page
from rubato_cli.report.record import Record
from rubato_cli.report.svg import shortened, tick_text
from rubato_cli.report.tree import Tree, dig, records

DRAWN = 12  # the segments with the largest gaps
NAME = 26  # letters of one, beside its point


@dataclasses.dataclass(frozen=True)
class Segment:
    column: str
    name: str
    size: float
    actual: float
    expected: float

    @property
    def words(self) -> str:
        return f"{self.column}: {self.name}"

    @property
    def ratio(self) -> float | None:
        return self.actual / self.expected if self.expected > 0 else None


def by_segment(record: Record, size: str) -> str:
    """A figure of actual against expected, "" of a run without segments; `size`: what the rows are
    measured in."""
    segments = list(_read(record.evaluation))
    known = [one for one in segments if one.ratio is not None]
    if not known:
        return ""
    apart = sorted(known, key=lambda one: -abs(one.actual - one.expected))[:DRAWN]
    rows = [(shortened(one.words, NAME), None, one.ratio or 0.0, None, "s1") for one in apart]
    far = apart[0]
    numbers = [(one.column, one.name, units.amount(one.size), units.amount(one.expected),
                units.amount(one.actual), units.metric(one.ratio, 2)) for one in segments]
    return page.figure(
        "Segments", f"The largest gap is in {far.words}: {units.amount(far.expected)} was expected "
        f"and {units.amount(far.actual)} observed, {units.metric(far.ratio, 2)} times as much. "
        f"Below, the ratio in the {len(apart)} segments with the largest gaps.",
        page.drawing(lambda width: charts.intervals(
            width, rows, lambda value: units.metric(value, 2), tick_text), page.HALF),
        page.table(("column", "segment", size, "expected", "observed", "ratio"), numbers))


def _read(evaluation: Tree) -> Iterator[Segment]:
    columns = dig(evaluation, "segments")
    for column in columns if isinstance(columns, list) else []:
        for one in records(column, "segments", "size", "actual", "expected"):
            names = dig(column, "column"), dig(one, "name")
            if all(isinstance(name, str) for name in names):
                yield Segment(*names, one["size"], one["actual"], one["expected"])
