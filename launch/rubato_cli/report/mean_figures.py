"""The part of a report about predicted means above 0 (counts, amounts): whether as much happened as
was expected, in all and by tenths of the rows, and how well the model tells much from little."""

from __future__ import annotations

from rubato_cli.base import units
from rubato_cli.report import charts, page
from rubato_cli.report.record import Record
from rubato_cli.report.tree import dig, records

SHARES = tuple(tenth / 10 for tenth in range(1, 10))  # of a Lorenz curve, in its table


def happened(record: Record) -> str:
    """A sentence on the level of the predictions, "" of a target without one."""
    actual, expected, ratio = (record.metric(f"test.{name}")
                               for name in ("actual", "expected", "actual_expected"))
    if actual is None or expected is None or ratio is None:
        return ""
    level = f"(actual / expected {units.metric(ratio, 2)})."
    counted = _counted(record)
    if counted:
        return (f"{units.count(actual)} {counted} happened, {units.count(expected)} were expected "
                f"{level}")
    return (f"All test rows together come to {units.amount(actual)}, and "
            f"{units.amount(expected)} was expected {level}")


def _counted(record: Record) -> str:
    """What happened, if it can be counted: the words of the metric that counts it."""
    actual = record.metric("test.actual")
    return next((metric.words for metric in record.target.counting
                 if actual is not None and record.metric(f"test.{metric.name}") == actual), "")


def size_of(record: Record) -> str:
    """What the rows are measured in. An offset is the logarithm of an exposure."""
    if dig(record.config, "target.exposure") or dig(record.config, "target.offset"):
        return "exposure"
    return "weight" if dig(record.config, "target.weight") else "rows"


def _each(record: Record) -> str:
    size = size_of(record)
    return "per row" if size == "rows" else f"per unit of {size}"


def by_tenths(record: Record) -> str:
    """A figure of observed and expected means, "" of a run without them."""
    bins = records(dig(record.evaluation, "test"), "calibration", "mean_predicted", "observed",
                   "size")
    if not bins:
        return ""
    size, each = size_of(record), _each(record)
    whole = sum(b["size"] for b in bins)
    pairs = [(b["mean_predicted"], b["observed"]) for b in bins]
    first, last = (f"{units.amount(observed)} where {units.amount(expected)} was expected"
                   for expected, observed in (pairs[0], pairs[-1]))
    numbers = [(f"{i}", units.percent(b["size"] / whole if whole > 0 else None),
                *(units.amount(value) for value in pair), _ratio(*pair))
               for i, (b, pair) in enumerate(zip(bins, pairs), 1)]
    return page.figure(
        "Observed against expected", f"Rows by rising prediction, cut into {len(bins)} parts "
        f"of as many rows. The mean {each} is {first} in the first, and {last} in the last.",
        page.legend([("s1", "observed"), ("line s2", "expected")])
        + page.drawing(lambda width: charts.observed(
            width, pairs, ("part of the rows, by rising prediction", f"mean {each}")), page.HALF),
        page.table(("part", f"of all {size}", "expected", "observed", "ratio"), numbers))


def _ratio(expected: float, observed: float) -> str:
    return units.metric(observed / expected if expected > 0 else None, 2)


def lorenz(record: Record) -> str:
    """A figure of the Lorenz curve, "" of a run without one."""
    points = [(p["size"], p["actual"]) for p in records(dig(record.evaluation, "test"), "lorenz",
                                                       "size", "actual")]
    if len(points) < 2:
        return ""
    size, happened_words = size_of(record), _counted(record) or "what was observed"
    gini = record.metric("test.gini")
    known = "" if gini is None else (
        f" Gini {units.metric(gini)} is twice the area between the curve and the diagonal, on which"
        " a model lies that has learned nothing.")
    numbers = [(units.percent(x, 0), units.percent(charts.height_at(points, x))) for x in SHARES]
    return page.figure(
        "Lorenz curve", f"The half of the {size} with the lowest predictions has "
        f"{units.percent(charts.height_at(points, 0.5), 0)} of {_the(happened_words)}.{known}",
        page.drawing(lambda width: charts.lorenz(
            width, points, (f"share of {size}, by rising prediction",
                            f"share of {happened_words}")), page.HALF),
        page.table((f"share of {size}", f"share of {happened_words}"), numbers))


def _the(words: str) -> str:
    return words if words.startswith("what ") else f"the {words}"
