"""The kinds of drawing in a report. Each takes the width in px first and gives an <svg> as text.

Rows and points come as plain tuples; sizes other than the width follow from the data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from rubato_cli.base import units
from rubato_cli.report.svg import (Plot, Points, Scale, Text, Ticks, decade, document, label,
                                   round_ticks, tag, text_width, title)

ROW_PX = 30  # one bar and the space to the next

Names = tuple[str, str, Text, Text]  # of the axes: x, y, and how their ticks are written
Piece = tuple[float, str, str]  # of a bar: value, class, words


def _share(value: float) -> str:
    return units.percent(value, 0)


def _square(width: float) -> float:
    return min(width, 440) * 0.9


def roc(width: float, series: Sequence[tuple[Points, str]]) -> str:
    """series: [(points, class)], the most important one last."""
    plot = Plot(width, _square(width), (0, 1), (0, 1))
    plot.axes("negatives flagged", "positives flagged", _share, _share)
    plot.line([(0, 0), (1, 1)], "ghost")
    plot.area(series[-1][0], series[-1][1])
    for points, class_ in series:
        plot.line(points, class_)
    plot.note(0.98, 0.72, "no skill", "end")
    return plot.svg("Receiver operating characteristic")


def lorenz(width: float, points: Points, names: tuple[str, str]) -> str:
    """names: of the axes."""
    plot = Plot(width, _square(width), (0, 1), (0, 1))
    plot.axes(*names, _share, _share)
    plot.line([(0, 0), (1, 1)], "ghost")
    plot.shape(points, "s1")
    plot.line(points, "s1")
    plot.note(0.68, 0.76, "nothing learned", "end")
    return plot.svg("Lorenz curve")


def height_at(points: Points, x: float) -> float:
    """Height of a curve of rising x at `x`, by the straight line between its neighbours."""
    before = points[0]
    for point in points:
        if point[0] >= x:
            run = point[0] - before[0]
            return point[1] if run == 0 else (
                before[1] + (point[1] - before[1]) * (x - before[0]) / run)
        before = point
    return before[1]


@dataclasses.dataclass(frozen=True)
class Look:
    """How what was predicted is set against what was observed."""

    predicted: str
    names: tuple[str, str]  # of the axes
    title: str
    tick: Callable[[float], Text | None]  # how ticks are written, by the largest value
    text: Text  # of a value, in a table
    short: Text  # the same beside a dot
    difference: Text  # of two values, with a sign
    distance: Text  # without one, and with its unit
    unit: str = ""  # of `difference`


RATES = Look("risk", ("predicted risk", "observed rate of positives"),
             "Observed rate against predicted risk",
             lambda high: _share if high > 0.1 else units.percent,
             lambda value: units.percent(value, 2), units.percent,
             lambda value: units.fixed(100 * value, 2, "+"),
             lambda value: f"{100 * value:.2f} percentage points", ", points")
MEANS = Look("prediction", ("mean predicted", "mean observed"),
             "Observed mean against predicted mean", lambda high: None, units.amount,
             units.amount, units.amount, units.amount)


def calibration(width: float, bins: Sequence[tuple[float, float, float]], look: Look) -> str:
    """bins: [(mean predicted, observed, rows)]; the area of a dot is its share of the rows."""
    ends = [value for p, o, _ in bins for value in (p, o)]
    low, high = min(0.0, *ends) * 1.08, max(0.0, *ends) * 1.08
    high = high or (0.0 if low else 1.0)
    plot = Plot(width, _square(width), (low, high), (low, high))
    plot.axes(*look.names, look.tick(high), look.tick(high))
    plot.line([(low, low), (high, high)], "ghost")
    plot.note(low + (high - low) * 0.98, low + (high - low) * 0.72, "perfect", "end")
    largest = max(rows for _, _, rows in bins) or 1
    plot.line([(p, o) for p, o, _ in bins], "thin s1")
    for predicted, observed, rows in bins:
        plot.dot((predicted, observed), 2.5 + 3.5 * max(rows / largest, 0) ** 0.5, "s1",
                 f"{units.plural(rows, 'row')}: predicted {look.short(predicted)}, "
                 f"observed {look.short(observed)}")
    return plot.svg(look.title)


def observed(width: float, pairs: Sequence[tuple[float, float]], names: tuple[str, str]) -> str:
    """Columns of what was observed under a line of what was expected. pairs: [(expected,
    observed)], none below 0; names: of the axes."""
    high = max(value for pair in pairs for value in pair) * 1.08 or 1.0
    plot = Plot(width, _square(width), (0.5, len(pairs) + 0.5), (0, high))
    plot.axes_at([(i, f"{i}") for i in range(1, len(pairs) + 1)], *names)
    for i, (_, value) in enumerate(pairs, 1):
        plot.bar((i - 0.36, i + 0.36), value, "s1", f"observed {units.amount(value)}")
    plot.base()
    plot.line([(i, value) for i, (value, _) in enumerate(pairs, 1)], "s2")
    for i, (value, _) in enumerate(pairs, 1):
        plot.dot((i, value), 4, "s2", f"expected {units.amount(value)}")
    return plot.svg("Observed against expected")


def columns(width: float, bars: Sequence[tuple[float, float, float, str]], names: Names,
            rule: tuple[float, str] | None) -> str:
    """Columns over a numeric axis. bars: [(from, to, value, words)]; rule: (x, word), a bound."""
    low, high = bars[0][0], bars[-1][1]
    if rule:
        high = max(high, rule[0] + (high - low) * 0.04)
    plot = Plot(width, 250, (low, high), (0, max(bar[2] for bar in bars) * 1.12 or 1))
    plot.axes(*names)
    for start, end, value, words in bars:
        gap = min(0.1 * (end - start), 2 * (high - low) / width)
        plot.bar((start + gap, end - gap), value, "s1", words)
    plot.base()
    if rule:
        plot.rule_x(*rule)
    return plot.svg(names[0])


def bars(width: float, rows: Sequence[tuple[str, Sequence[Piece]]], text: Text) -> str:
    """Horizontal bars, with `text` of the sum at their ends. rows: [(name, pieces)]"""
    sums = [sum(piece[0] for piece in pieces) for _, pieces in rows]
    room = 14 + max(text_width(text(total)) for total in sums)
    margin = 10 + max(text_width(name) for name, _ in rows)
    scale = Scale(0, max(sums) or 1.0, margin, width - room)
    parts = []
    for i, (name, pieces) in enumerate(rows):
        y = i * ROW_PX + 5.0
        parts.append(label(name, margin - 10, y + 14, "end"))
        parts += _pieces(scale, y, pieces)
        parts.append(label(text(sums[i]), scale(sums[i]) + 7, y + 14, "start", "value"))
    return document(width, len(rows) * ROW_PX + 2, "Bars", *parts)


def shares(width: float, rows: Sequence[tuple[str, Sequence[Piece]]]) -> str:
    """Horizontal bars of one length; a piece shows its per cent where there is room."""
    margin = 10 + max(text_width(name) for name, _ in rows)
    parts = []
    for i, (name, pieces) in enumerate(rows):
        total = sum(piece[0] for piece in pieces) or 1.0
        scale, y, at = Scale(0, total, margin, width), i * (ROW_PX + 6) + 4.0, 0.0
        parts.append(label(name, margin - 10, y + 19, "end"))
        parts += _pieces(scale, y, pieces, 28)
        for value, _, _ in pieces:
            if scale(at + value) - scale(at) > 40:
                parts.append(label(_share(value / total), scale(at + value / 2), y + 18, "middle",
                                   "on-bar"))
            at += value
    return document(width, len(rows) * (ROW_PX + 6) + 2, "Shares", *parts)


def _pieces(scale: Scale, y: float, pieces: Sequence[Piece], height: int = 20) -> list[str]:
    parts, at = [], 0.0
    for value, class_, words in pieces:
        left, right = scale(at), scale(at + value)
        gap = 1.5 if right - left > 4 and len(pieces) > 1 else 0.0
        parts.append(tag("rect", title(words), x=left, y=y, width=max(right - left - gap, 0.0),
                         height=height, rx=2, class_=f"bar {class_}"))
        at += value
    return parts


Interval = tuple[str, float | None, float, float | None, str]  # name, low, value, high, class


def intervals(width: float, rows: Sequence[Interval], text: Text, ticks: Ticks) -> str:
    """Points, with their intervals where they have one, on one axis; `text` of their values."""
    ends = [v for _, low, value, high, _ in rows for v in (low, value, high) if v is not None]
    pad = max((max(ends) - min(ends)) * 0.14, 0.001 * decade(ends))
    margin = 10 + max(text_width(row[0]) for row in rows)
    room = max(52.0, 10 + max(text_width(text(row[2])) for row in rows))
    scale = Scale(min(ends) - pad, max(ends) + pad, margin, width - room)
    bottom = len(rows) * ROW_PX
    parts = []
    most = max(3, int((width - margin) / 110))
    tick_words = ticks(scale.low, scale.high, most)
    for tick in round_ticks(scale.low, scale.high, most):
        x = scale(tick)
        parts.append(tag("line", x1=x, x2=x, y1=0, y2=bottom, class_="grid"))
        parts.append(label(tick_words(tick), x, bottom + 16, "middle"))
    for i, (name, low, value, high, class_) in enumerate(rows):
        y = i * ROW_PX + ROW_PX / 2
        parts.append(label(name, margin - 10, y + 4, "end"))
        end = value if high is None else high
        if low is not None and high is not None:
            parts.append(tag("line", x1=scale(low), x2=scale(high), y1=y, y2=y,
                             class_=f"whisker {class_}"))
        parts.append(tag("circle", title(f"{name} {text(value)}"), cx=scale(value), cy=y, r=5.5,
                         class_=f"dot {class_}"))
        parts.append(label(text(value), scale(end) + 10, y + 4, "start", "value"))
    return document(width, bottom + 22, "Intervals", *parts)
