"""The picture of a staleness sweep: throughput, and time to a target, against the bound.

One SVG that needs nothing else: it carries the style of the report page, so it is light or dark
with its reader.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rubato_cli.base import units
from rubato_cli.report.staleness_rows import Row, Sweep
from rubato_cli.report.svg import Plot, Text, label, style, tag, title

WIDTH, PANEL_HEIGHT, MARGIN, TOP = 1000, 300, 32, 92
LINE_PX = 20
WORDS_A_LINE = 128  # characters

NO_CURE = ("A bound cannot cure a worker that is always slow. The others may run s iterations "
           "ahead of it, once; from then on they wait for it. Without a bound nobody waits, but "
           "the slow worker still has its share of the rows to do, and the others train on "
           "weights that lack ever more of its updates. Staleness hides slowness that passes.")


def figure(sweep: Sweep) -> str:
    """The whole file."""
    rows, panel = sweep.rows, (WIDTH - 3 * MARGIN) / 2
    longest = max((one.seconds_to_target or 0.0 for one in rows), default=0.0)
    size, unit = units.time_unit(longest)
    reached = [(i, one.seconds_to_target / size) for i, one in enumerate(rows)
               if one.seconds_to_target is not None]
    speed = _panel(panel, rows, [(i, one.samples_per_second) for i, one in enumerate(rows)],
                   ("samples per second, all workers", units.compact, "s1"))
    time = _panel(panel, rows, reached,
                  (f"{unit} to a validation {sweep.metric.words} of "
                   f"{sweep.metric.text(sweep.target)}", units.compact, "s2"))
    lines = _notes(sweep, len(reached))
    height = TOP + PANEL_HEIGHT + 24 + LINE_PX * len(lines)
    words = f"Throughput and time to target against the staleness bound: {sweep.name}"
    return tag(
        "svg", title(words), tag("style", f"\n{style()}{_STYLE}"),
        tag("rect", width=WIDTH, height=height, class_="paper"),
        tag("g", label("What staleness buys", MARGIN, 40, class_="head"),
            label(f"{sweep.name} · {sweep.slowness}", MARGIN, 64, class_="lead"),
            tag("g", *speed, transform=f"translate({MARGIN} {TOP})"),
            tag("g", *time, transform=f"translate({2 * MARGIN + panel:g} {TOP})"),
            *(label(line, MARGIN, TOP + PANEL_HEIGHT + 26 + LINE_PX * i, class_="lead")
              for i, line in enumerate(lines)), class_="chart"),
        xmlns="http://www.w3.org/2000/svg", role="img", viewBox=f"0 0 {WIDTH} {height}",
        width=WIDTH, height=height) + "\n"


_STYLE = """\
.paper { fill: var(--paper); }
.chart text.head { font: 600 22px/1.2 Charter, Georgia, "Noto Serif", "DejaVu Serif", serif;
  fill: var(--ink); }
.chart text.lead { font-size: 14px; }
"""


def _panel(width: float, rows: Sequence[Row], points: Sequence[tuple[int, float]],
           look: tuple[str, Text, str]) -> list[str]:
    """One curve over the bounds, with its values. points: [(index of the row, value)]"""
    name, text, class_ = look
    highest = max((value for _, value in points), default=1.0)
    plot = Plot(width, PANEL_HEIGHT, (-0.4, len(rows) - 0.6), (0, highest * 1.18))
    ticks = [(i, "∞" if one.staleness == "inf" else str(one.staleness))
             for i, one in enumerate(rows)]
    plot.axes_at(ticks, "staleness bound s", name, text)
    plot.line(points, class_)
    for i, value in points:
        plot.dot((i, value), 4.5, class_, f"s = {ticks[i][1]}: {text(value)}")
        plot.parts.append(label(text(value), plot.x(i), plot.y(value) - 11, "middle", "value"))
    return plot.parts


def _notes(sweep: Sweep, reached: int) -> list[str]:
    """What a reader should take away, in lines that fit."""
    waits = [one.waiting_share for one in sweep.rows]
    words = (f"Workers spent {units.percent(waits[0], 0)} of their time waiting for others at "
             f"s = {sweep.rows[0].staleness} and {units.percent(waits[-1], 0)} without a bound. ")
    if reached < len(sweep.rows):
        words += "Runs without a point on the right did not reach the target. "
    words += NO_CURE if sweep.incurable else ""
    return textwrap.wrap(words.strip(), WORDS_A_LINE)
