"""The part of a report about the model: how well it ranks, how true its probabilities are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rubato_cli.base import units
from rubato_cli.report import charts, page
from rubato_cli.report.record import Record
from rubato_cli.report.tree import Tree, dig, number, records

BEST = "best possible"  # the true probabilities of generated data, as a ranking


def hero(record: Record) -> str:
    """The one figure: AUC, its interval, and what it can be compared with."""
    auc, low, high = (record.metric(f"test.{name}") for name in ("auc", "auc_low", "auc_high"))
    if auc is None:
        return '<p class="absent">This run has no test figures: it was not evaluated.</p>'
    rows: list[charts.Interval] = [("test", low, auc, high, "s1")]
    for name, path, class_ in (("validation", "validation.auc", "s3"),
                               (BEST, "oracle.auc", "s2")):
        other = record.metric(path)
        if other is not None:
            rows.append((name, record.metric(f"{name}.auc_low"), other,
                         record.metric(f"{name}.auc_high"), class_))
    drawing = page.drawing(lambda width: charts.intervals(width, rows), (326, 560))
    warning = dig(record.metrics, "verdict.warning")
    banner = f'<p class="warning" role="alert">{page.escape(warning)}</p>' if warning else ""
    return (f'{banner}<div class="hero"><div><p class="what">Test AUC</p>'
            f'<div class="big">{units.metric(auc)}</div><p class="range">'
            f"{page.escape(_interval_words(low, high))}</p></div>{drawing}</div>"
            f'<p class="lead">{page.escape(_verdict(record, auc))}</p>{_tiles(record)}')


def _interval_words(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "without an interval"
    return f"95{units.THIN}% interval {units.metric(low)} to {units.metric(high)}"


def _verdict(record: Record, auc: float) -> str:
    text = (f"Of a positive and a negative row drawn at random, the model gives the positive one "
            f"the higher risk {100 * auc:.0f} times in 100.")
    best = record.metric("oracle.auc")
    if best is not None:
        gap = best - auc
        text += (f" The data was generated, so the best possible is known: {units.metric(best)}, "
                 f"{abs(gap):.4f} {'above' if gap >= 0 else 'below'} this model.")
    return text


def _tiles(record: Record) -> str:
    rows, positives = record.metric("test.rows"), record.metric("test.positives")
    share = positives / rows if rows and positives is not None else None
    return page.tiles([
        *_scores(record, "" if share is None else f"no skill {units.metric(share)}"),
        ("Test rows", units.count(rows), f"{units.percent(share)} positive"),
        ("Training", units.duration(record.metric("train.seconds")),
         f"{units.compact(record.metric('train.samples_per_second'))} samples/s"),
        ("Largest staleness", units.count(record.metric("staleness.max_observed")),
         _bound(record))])


def _scores(record: Record, no_skill: str) -> Iterator[tuple[str, str, str]]:
    """Tiles of the model, each beside the best possible; `no_skill`: what a PR-AUC begins at."""
    auc, best = record.metric("test.auc"), record.metric("oracle.auc")
    yield ("Gini", units.metric(None if auc is None else 2 * auc - 1),
           "" if best is None else f"{BEST} {units.metric(2 * best - 1)}")
    for name, words, floor in (("ks", "KS", ""), ("pr_auc", "PR-AUC", no_skill),
                               ("logloss", "Log loss", ""), ("brier", "Brier score", "")):
        value, best = record.metric(f"test.{name}"), record.metric(f"oracle.{name}")
        if value is None and name == "pr_auc":
            continue  # a run of an older make
        yield words, units.metric(value), floor if best is None else f"{BEST} {units.metric(best)}"


def _bound(record: Record) -> str:
    bound = record.metric("staleness.bound")
    return "no bound" if bound is None else f"bound {bound:.0f} clocks"


def model_section(record: Record) -> str:
    test = dig(record.evaluation, "test")
    return page.section(
        "model", "The model on test rows",
        "Rows the model has not seen, in neither training nor the choice of the epoch.",
        page.figures("two", _roc(record, test), _calibration(test)),
        page.figures("two", _lift(test), _features(record)))


def _roc(record: Record, test: Tree) -> str:
    points = [(p["fpr"], p["tpr"]) for p in records(test, "roc", "fpr", "tpr")]
    if len(points) < 2:
        return page.absent("Ranking", "This run kept no ROC curve.")
    series = [(points, "s1")]
    entries = [("line s1", "this model")]
    best = records(dig(record.evaluation, "oracle"), "roc", "fpr", "tpr")
    if best:
        series.insert(0, ([(p["fpr"], p["tpr"]) for p in best], "s2 dashed"))
        entries.append(("line s2 dashed", BEST))
    numbers = [(units.percent(x, 0), units.percent(_at(points, x)))
               for x in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)]
    return page.figure(
        "Ranking", f"Flag a tenth of the negatives, and {units.percent(_at(points, 0.1), 0)} of "
        "the positives are flagged with them.",
        page.legend(entries) + page.drawing(lambda width: charts.roc(width, series), page.HALF),
        page.table(("negatives flagged", "positives flagged"), numbers))


def _at(points: Sequence[tuple[float, float]], x: float) -> float:
    """Height of a curve of rising x at `x`, by the straight line between its neighbours."""
    before = points[0]
    for point in points:
        if point[0] >= x:
            run = point[0] - before[0]
            return point[1] if run == 0 else (
                before[1] + (point[1] - before[1]) * (x - before[0]) / run)
        before = point
    return before[1]


def _calibration(test: Tree) -> str:
    bins = records(test, "calibration", "mean_predicted", "observed", "rows")
    if not bins:
        return page.absent("Calibration", "This run kept no calibration table.")
    points = [(b["mean_predicted"], b["observed"], b["rows"]) for b in bins]
    total = sum(rows for _, _, rows in points) or 1
    gap = sum(abs(p - o) * rows for p, o, rows in points) / total
    numbers = [(units.count(rows), units.percent(p, 2), units.percent(o, 2),
                units.fixed(100 * (o - p), 2, "+")) for p, o, rows in points]
    return page.figure(
        "Calibration", "Rows in bins of like risk: on average, what was observed lies "
        f"{100 * gap:.2f} percentage points from what was predicted.",
        page.drawing(lambda width: charts.calibration(width, points), page.HALF),
        page.table(("rows", "predicted", "observed", "difference, points"), numbers))


def _lift(test: Tree) -> str:
    bins = records(test, "lift", "rows", "positives", "lift")
    if not bins:
        return page.absent("Lift", "This run kept no lift table.")
    rows = [(f"bin {i}", [(b["lift"], "s1", f"{units.count(b['positives'])} positives")])
            for i, b in enumerate(bins, 1)]
    numbers = [(f"{i}", units.count(b["rows"]), units.count(b["positives"]),
                units.percent(b["positives"] / b["rows"] if b["rows"] else None),
                f"{b['lift']:.2f}", units.percent(number(b, "captured")))
               for i, b in enumerate(bins, 1)]
    return page.figure(
        "Lift", f"All rows by falling risk, cut into {len(bins)} bins: the first holds "
        f"{bins[0]['lift']:.1f} times as many positives as a bin drawn at random.",
        page.drawing(lambda width: charts.bars(width, rows, lambda v: f"{v:.2f}×"), page.HALF),
        page.table(("bin", "rows", "positives", "rate", "lift", "found so far"), numbers))


def _features(record: Record) -> str:
    kept = records(record.evaluation, "top_features")
    found = [(str(item.get("name", "")), value) for item in kept
             for value in (number(item, "weight"), number(item, "importance"))
             if value is not None][:12]
    if not found:
        return ""  # not every kind of model has such a list
    largest = max(abs(value) for _, value in found)
    decimals = max(3, 2 - math.floor(math.log10(largest))) if largest > 0 else 3
    rows = [(name if len(name) < 19 else name[:17] + "…",
             [(abs(value), "s1" if value >= 0 else "s2", f"{name}: {value:.4g}")])
            for name, value in found]
    signed = any("weight" in item for item in kept)
    caption = ("Features by the size of their weight" if signed else
               "Columns by the AUC lost when their values are shuffled among the rows")
    legend = page.legend([("s1", "raises the risk"), ("s2", "lowers it")]) if signed else ""
    return page.figure(
        "What the model looks at", f"{caption}, the {len(found)} largest.",
        legend + page.drawing(lambda width: charts.bars(
            width, rows, lambda value: units.fixed(value, decimals)), page.HALF),
        page.table(("feature", "weight" if signed else "AUC lost"),
                   [(name, units.fixed(value, decimals)) for name, value in found]))
