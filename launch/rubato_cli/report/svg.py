"""A small SVG writer: elements as text, scales with round ticks, and a plot with two axes.

Colours are never written here: elements carry classes (`s1`..`s6` for series, `grid`, `axis`,
`ghost`) that report.css paints, so that one drawing serves light, dark and print.
"""

from __future__ import annotations

import html
import math
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Span = tuple[float, float]
Points = Sequence[tuple[float, float]]
Text = Callable[[float], str]  # of a tick
Ticks = Callable[[float, float, int], Text]  # how the ticks of [low, high] are written

# Sizes of numbers that would be too wide beside an axis, and how they are named there.
LARGE = ((1e9, "\u202fG"), (1e6, "\u202fM"), (1e3, "\u202fk"))
TEXT_PX = 12  # size of axis labels, the unit of every margin


def style() -> str:
    """What paints the classes."""
    return (pathlib.Path(__file__).parent / "report.css").read_text("utf-8")


def tag(name: str, *children: str, **attributes: Any) -> str:
    """An element. Attribute names: `class_` -> class, other `_` -> `-`; None leaves one out."""
    text = "".join(f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
                   for key, value in attributes.items() if value is not None)
    inside = "".join(children)
    return f"<{name}{text}>{inside}</{name}>" if inside else f"<{name}{text}/>"


def _attribute(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return html.escape(str(value))


def title(text: str) -> str:
    """The words a pointer or a screen reader gets for an element."""
    return tag("title", html.escape(text))


def label(text: str, x: float, y: float, anchor: str = "start",
          class_: str | None = None) -> str:
    return tag("text", html.escape(text), x=x, y=y, text_anchor=anchor, class_=class_)


def upright(text: str, x: float, y: float) -> str:
    """A label that is read from below, and ends at (x, y)."""
    return tag("text", html.escape(text), x=x, y=y, text_anchor="end",
               transform=f"rotate(-90 {x:.2f} {y:.2f})")


def shortened(text: str, most: int) -> str:
    """At most so many characters."""
    return text if len(text) <= most else text[:most - 1] + "…"


def text_width(text: str) -> float:
    """Rough width in px at TEXT_PX: enough to keep labels apart."""
    return 0.58 * TEXT_PX * len(text)


def document(width: float, height: float, name: str, *children: str) -> str:
    return tag("svg", title(name), *children, role="img",
               viewBox=f"0 0 {width:g} {height:g}", width=f"{width:g}", height=f"{height:g}",
               class_="chart")


def round_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten that lie in [low, high]: at most `most` + 1."""
    if not high > low:
        return [low]
    step = _round_step(low, high, most)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _round_step(low: float, high: float, most: int) -> float:
    rough = (high - low) / most
    power = 10 ** math.floor(math.log10(rough))
    return next(power * unit for unit in (1, 2, 5, 10) if power * unit >= rough * 0.999)


def tick_text(low: float, high: float, most: int = 5) -> Text:
    """Writes the round ticks of [low, high] with as many decimals as tell them apart, and, where
    there is only one, as would tell it from the next."""
    if not high > low:
        return lambda value: f"{value:g}"
    step = _round_step(low, high, most)
    largest = max(abs(low), abs(high))
    size, name = next((each for each in LARGE if largest > 100 * each[0]), (1.0, ""))
    decimals = max(0, -math.floor(math.log10(step / size) + 1e-9))
    return lambda value: f"{value / size:.{decimals}f}{name}"


def percent_ticks(low: float, high: float, most: int = 5) -> Text:
    """The same of shares."""
    text = tick_text(100 * low, 100 * high, most)
    return lambda share: f"{text(100 * share)}\u202f%"


def decade(values: Iterable[float]) -> float:
    """The power of ten that they are all within, 1 for zeros: it says what is little among them."""
    largest = max(map(abs, values))
    return 10.0 ** math.ceil(math.log10(largest)) if largest else 1.0


class Scale:
    """Data [low, high] to pixels [start, end]."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high = low, (high if high > low else low + 1)
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def clamp(self, value: float) -> float:
        return self(min(max(value, self.low), self.high))


class Plot:
    """A drawing with a horizontal and a vertical axis, filled from back to front."""

    LEFT, RIGHT, TOP, BOTTOM = 42, 10, 30, 40

    def __init__(self, width: float, height: float, x_range: Span, y_range: Span) -> None:
        self.width, self.height = width, height
        self.x = Scale(*x_range, self.LEFT, width - self.RIGHT)
        self.y = Scale(*y_range, height - self.BOTTOM, self.TOP)
        self.parts: list[str] = []

    def axes(self, x_label: str, y_label: str, x_text: Text | None = None,
             y_text: Text | None = None) -> None:
        """Grid, ticks and names of the axes; *_text format a tick, else it is a plain number."""
        most_x = max(2, int((self.width - self.LEFT) / 78))
        ticks = round_ticks(self.x.low, self.x.high, most_x)
        x_text = x_text or tick_text(self.x.low, self.x.high, most_x)
        self.axes_at([(tick, x_text(tick)) for tick in ticks], x_label, y_label, y_text)

    def axes_at(self, x_ticks: Sequence[tuple[float, str]], x_label: str, y_label: str,
                y_text: Text | None = None) -> None:
        """The same with given ticks: [(x, its text)]."""
        y_text = y_text or tick_text(self.y.low, self.y.high)
        for tick in round_ticks(self.y.low, self.y.high):
            y = self.y(tick)
            self.parts.append(tag("line", x1=self.x.start, x2=self.x.end, y1=y, y2=y,
                                  class_="grid"))
            self.parts.append(label(y_text(tick), self.x.start - 7, y + 4, "end"))
        for tick, text in x_ticks:
            x = self.x(tick)
            self.parts.append(tag("line", x1=x, x2=x, y1=self.y.start, y2=self.y.start + 4,
                                  class_="axis"))
            self.parts.append(label(text, x, self.y.start + 17, "middle"))
        self.base()
        middle = (self.x.start + self.x.end) / 2
        self.parts.append(label(x_label, middle, self.height - 4, "middle", "name"))
        self.parts.append(label(y_label, 0, 10, "start", "name"))

    def base(self) -> None:
        self.parts.append(tag("line", x1=self.x.start, x2=self.x.end, y1=self.y.start,
                              y2=self.y.start, class_="axis"))

    def _path(self, points: Iterable[tuple[float, float]]) -> str:
        steps = (f"{self.x.clamp(x):.1f} {self.y.clamp(y):.1f}" for x, y in points)
        return "M" + "L".join(steps)

    def line(self, points: Points, class_: str) -> None:
        if len(points) > 1:
            self.parts.append(tag("path", d=self._path(points), class_=f"line {class_}"))

    def area(self, points: Points, class_: str) -> None:
        """Between the points and the horizontal axis."""
        if len(points) > 1:
            self.shape([*points, (points[-1][0], self.y.low), (points[0][0], self.y.low)], class_)

    def strokes(self, lines: Iterable[tuple[float, float, float]], class_: str) -> None:
        """Upright strokes, each of (x, from, to), as one element; a dot where both ends meet."""
        steps = (f"M{self.x.clamp(x):.1f} {self.y.clamp(low):.1f}V{self.y.clamp(high):.1f}"
                 for x, low, high in lines)
        self.parts.append(tag("path", d="".join(steps), class_=f"line {class_}"))

    def shape(self, points: Points, class_: str) -> None:
        """Between the points and the straight line from the last to the first."""
        self.parts.append(tag("path", d=self._path(points) + "Z", class_=f"area {class_}"))

    def dot(self, at: tuple[float, float], radius: float, class_: str, text: str) -> None:
        self.parts.append(tag("circle", title(text), cx=self.x.clamp(at[0]),
                              cy=self.y.clamp(at[1]), r=float(radius), class_=f"dot {class_}"))

    def bar(self, x_range: Span, height: float, class_: str, text: str) -> None:
        """A column from the axis up to `height`, over x_range."""
        left, right = (self.x(x) for x in x_range)
        top = self.y(height)
        self.parts.append(tag("rect", title(text), x=left, y=top,
                              width=max(right - left, 0.5), height=max(self.y.start - top, 0.0),
                              class_=f"bar {class_}"))

    def rule_x(self, x: float, text: str) -> None:
        """A vertical rule with a word beside it."""
        at = self.x.clamp(x)
        self.parts.append(tag("line", x1=at, x2=at, y1=self.y.start, y2=self.y.end, class_="rule"))
        inside = at + 6 + text_width(text) < self.x.end
        self.parts.append(label(text, at + 6 if inside else at - 6, self.y.end + 11,
                                "start" if inside else "end", "note"))

    def note(self, x: float, y: float, text: str, anchor: str = "start") -> None:
        self.parts.append(label(text, self.x(x), self.y(y), anchor, "note"))

    def svg(self, name: str) -> str:
        return document(self.width, self.height, name, *self.parts)
