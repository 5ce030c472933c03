"""The part of a report about predicted quantiles (value at risk): the labels in the band of the
quantiles, whether as many lie below each as should, and how well it tells calm from danger."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from rubato_cli.base import names, units
from rubato_cli.report import levels, metric_words, page
from rubato_cli.report.levels import Level
from rubato_cli.report.record import Record
from rubato_cli.report.svg import Plot
from rubato_cli.report.tree import dig, records

COLOURS = ("s1", "s3", "s4", "s6")
STROKES = ("", " dashed", " dotted", " thin")  # of the first levels as many as colours, the next
SPAN_PX = 4  # of a picture, for one of the spans that labels are drawn in
SPANS_TOLD = 12  # rows of their table
DEEPEST = 12  # rows of a list
LEAST_SIMULATED = 0.005  # p-value that the fewest simulated histories can tell from 0

LIGHT = ("Basel’s rule for 250 days, taken over to all {rows} test rows: with a right quantile, "
         "so many rows below or fewer have a chance of less than 95\u202f% (green), of "
         "95\u202f% and more (yellow), of 99.99\u202f% and more (red), by the binomial "
         "distribution. It heeds only too many rows below, and no level from 50\u202f% on. It is "
         "no regulatory result.")
TESTS = (
    ("Kupiec", "Do as many rows lie below as the level says?"),
    ("independence", "Does a row below follow on a row below as often as on any other "
     "(Christoffersen)? {order}"),
    ("joint", "Both in one (Christoffersen’s conditional coverage)."),
    ("caution", "The tests take the rows to be independent of each other. Rows of one day are not, "
     "as prices fall together: then p-values are smaller than they should be. And even of right "
     "quantiles, one p-value in twenty is below 0.05."))
IN_TIME = "The rows are in the order of time."
NOT_IN_TIME = ("The rows are in the order of the file; unless that is the order of time, this says "
               "nothing.")


def tiles(record: Record) -> Iterator[tuple[str, str, str]]:
    """One for the lowest level."""
    for level in levels.of(record.metrics)[:1]:
        yield (f"Below the {level.words}", level.observed,
               f"{units.count(level.below)} rows, Kupiec p "
               f"{levels.probability(level.figure('kupiec_p'))}")


def figures(record: Record) -> Iterator[tuple[str, str]]:
    """Each with how many of its kind share a line, as page.laid_out() takes them."""
    found = levels.of(record.metrics)
    if not found:
        return
    yield from _band(record, found)
    yield "two", _counts(found)
    yield "two", _tests(record, found)
    yield "two", _losses(record, found)
    yield from _shortfalls(record, found)
    yield from _deepest(record, found[0])


@dataclasses.dataclass(frozen=True)
class _Span:
    """Some test rows, one after the other."""

    first: float
    last: float
    low: float  # label
    high: float
    quantiles: tuple[float, ...]  # mean of each level

    @property
    def middle(self) -> float:
        return (self.first + self.last) / 2 + 1

    @property
    def rows(self) -> float:
        return self.last - self.first + 1


def _spans(record: Record, found: Sequence[Level]) -> list[_Span]:
    columns = [f"q_{level.name}" for level in found]
    return [_Span(span["first"], span["last"], span["low"], span["high"],
                  tuple(span[column] for column in columns))
            for span in records(dig(record.evaluation, "test"), "band", "first", "last", "low",
                                "high", *columns) if 0 <= span["first"] <= span["last"]]


def _joined(spans: Sequence[_Span], most: int) -> list[_Span]:
    """At most so many, of neighbours."""
    size = -(-len(spans) // most)
    return [_one(spans[i:i + size]) for i in range(0, len(spans), size)]


def _one(spans: Sequence[_Span]) -> _Span:
    rows = sum(span.rows for span in spans)
    return _Span(spans[0].first, spans[-1].last, min(span.low for span in spans),
                 max(span.high for span in spans),
                 tuple(sum(span.quantiles[k] * (span.rows / rows) for span in spans)
                       for k in range(len(spans[0].quantiles))))


def _order(record: Record) -> str:
    """Of the test rows, as they were split: data that are made may overrule the run file."""
    return "time" if dig(record.cleansing, "split.kind") == "time" else "the file"


def _band(record: Record, found: Sequence[Level]) -> Iterator[tuple[str, str]]:
    spans, lowest = _spans(record, found), found[0]
    if not spans:
        return
    below = [(row["row"] + 1, row["label"]) for row in _below(record)]
    shown = (f"the {units.count(len(below))} deepest of them are marked"
             if len(below) < lowest.below else "each is marked")
    axes = f"test row, in the order of {_order(record)}", _label(record)
    numbers = [(f"{units.count(span.first + 1)} to {units.count(span.last + 1)}",
                *map(units.amount, (span.low, span.high, *span.quantiles)))
               for span in _joined(spans, SPANS_TOLD)]
    yield "one", page.figure(
        "Labels and predicted quantiles", f"Test rows in the order of {_order(record)}, some at a "
        "time: from their lowest to their highest label, and the means of their quantiles. "
        f"{units.plural(lowest.below, 'row')} of {units.count(lowest.rows)} lie below the "
        f"{lowest.words}; {shown}, above the line where the quantile of that row is.",
        page.legend([("line s5", "labels"),
                     *((f"line {_colour(k)}", level.words) for k, level in enumerate(found)),
                     ("s2", f"rows below the {lowest.words}")])
        + page.drawing(lambda width: _drawn(width, spans, below, axes), page.FULL),
        page.table(("test rows", "lowest label", "highest",
                    *(level.words for level in found)), numbers))


def _label(record: Record) -> str:
    """Its name in the data."""
    return next((names.shown(column["name"]) for column in records(record.cleansing, "columns")
                 if column.get("role") == "label" and column.get("name")), "label")


def _colour(k: int) -> str:
    """Class of the line of the level of this number: another one for each."""
    return COLOURS[k % len(COLOURS)] + STROKES[k // len(COLOURS) % len(STROKES)]


def _drawn(width: int, spans: Sequence[_Span], below: Sequence[tuple[float, float]],
           axes: tuple[str, str]) -> str:
    """below: [(row, label)]; axes: their names."""
    joined = _joined(spans, max(1, width // SPAN_PX))
    heights = [height for span in joined for height in (span.low, span.high, *span.quantiles)]
    low, high = min(heights), max(heights)
    pad = (high - low) * 0.04 or 1.0
    plot = Plot(width, 340, (0, spans[-1].last + 1), (low - pad, high + pad))
    plot.axes(*axes)
    plot.strokes([(span.middle, span.low, span.high) for span in joined], "range s5")
    for k in range(len(joined[0].quantiles)):
        plot.line([(span.middle, span.quantiles[k]) for span in joined], _colour(k))
    if below:
        plot.strokes([(row, label, label) for row, label in below], "mark s2")
    return plot.svg("Labels and predicted quantiles, row by row")


def _counts(found: Sequence[Level]) -> str:
    numbers = [(level.percent, units.amount(level.expected), units.count(level.below),
                level.observed, level.light) for level in found]
    return page.figure(
        "Rows below each quantile", "Of the test rows, as many as should and as many as do lie "
        "below, and a traffic light.",
        page.table(("level", "expected", "below", "share", "light"), numbers)
        + page.facts([("light", LIGHT.format(rows=units.count(found[0].rows)))]))


def _tests(record: Record, found: Sequence[Level]) -> str:
    numbers = [(level.percent, *(levels.probability(level.figure(f"{name}_p"))
                                 for name in ("kupiec", "independence", "christoffersen")))
               for level in found]
    order = IN_TIME if _order(record) == "time" else NOT_IN_TIME
    return page.figure(
        "Do the levels hold?", "P-values of three tests: the chance of a result at least so far "
        "off if the quantile were right. A small one speaks against the quantile, a large one "
        "proves nothing.",
        page.table(("level", "Kupiec", "independence", "joint"), numbers)
        + page.facts((name, words.format(order=order)) for name, words in TESTS))


def _losses(record: Record, found: Sequence[Level]) -> str:
    numbers = []
    for level in found:
        ours, constant = level.figure("pinball"), level.figure("constant_pinball")
        gain = (units.ABSENT if ours is None or constant is None else
                units.fixed(constant - ours, 4, "+"))
        numbers.append((level.percent, units.metric(ours), units.metric(constant), gain,
                        units.metric(level.figure("pinball_error"))))
    return page.figure(
        "Pinball loss", "The smaller, the better. Beside it that of a constant, the same quantile "
        f"of all training rows{metric_words.unit(record.config)} for every row, and the gain with "
        "its standard error: one of less than two of these may be chance.",
        page.table(("level", "loss", "constant", "gain", "error"), numbers))


def _shortfalls(record: Record, found: Sequence[Level]) -> Iterator[tuple[str, str]]:
    title = "Expected shortfall"
    told = [(level, z2) for level in found if (z2 := level.figure("es_z2")) is not None]
    if not told:
        if dig(record.config, "target.expected_shortfall") is True:
            yield "two", page.absent(
                title, "It is tested where all predicted shortfalls are losses, below 0: in no "
                "level of this run.")
        return
    numbers = [(level.percent, units.fixed(z2, 3),
                levels.probability(level.figure("es_z2_p"), LEAST_SIMULATED),
                _shortfall_finding(level)) for level, z2 in told]
    yield "two", page.figure(
        title, "The mean of the labels below a quantile. Z2 (Acerbi and Székely) is near 0 where "
        "quantile and shortfall are right, and below 0 where losses are larger or more frequent "
        "than predicted; p is the chance of so small a Z2 or a smaller one if both were right, by "
        "simulation.", page.table(("level", "Z2", "p", "finding"), numbers))


def _shortfall_finding(level: Level) -> str:
    p = level.figure("es_z2_p")
    if p is None:
        return units.ABSENT
    return "losses seem worse than predicted" if p < levels.DOUBT else "nothing against it"


def _below(record: Record) -> list[dict[str, float]]:
    """The rows below the lowest quantile, or the deepest of them."""
    return records(dig(record.evaluation, "test"), "breaches", "row", "label", "quantile")


def _deepest(record: Record, lowest: Level) -> Iterator[tuple[str, str]]:
    rows = sorted(_below(record), key=lambda row: row["label"] - row["quantile"])[:DEEPEST]
    if not rows:
        return
    yield "two", page.figure(
        f"Deepest below the {lowest.words}", "Test rows, counted from 1, by how far their label "
        "lies below what was predicted.",
        page.table(("test row", "label", "quantile", "below by"), [
            (units.count(row["row"] + 1), units.amount(row["label"]),
             units.amount(row["quantile"]), units.amount(row["quantile"] - row["label"]))
            for row in rows]))
