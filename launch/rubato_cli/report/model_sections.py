"""The part of a report about the model: how well it does on test rows, by the metrics of its
target, and the tables that its evaluation has."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rubato_cli.base import units
from rubato_cli.files.target_metrics import Metric
from rubato_cli.report import (charts, class_figures, levels, mean_figures, metric_words, page,
                               quantile_figures, segment_figures, verdict)
from rubato_cli.report.record import Record
from rubato_cli.report.tree import Tree, dig, number, records

BEST = "best possible"  # the truth of generated data, taken for the prediction


def hero(record: Record) -> str:
    """The one figure: the leading metric, its interval, and what it can be compared with."""
    if not record.target.metrics:
        return ('<p class="absent">This run has no target.json that says what its figures mean: '
                "they are left out.</p>")
    metric = record.target.lead
    value, low, high = (record.metric(f"test.{metric.name}{end}") for end in ("", "_low", "_high"))
    if value is None:
        return '<p class="absent">This run has no test figures: it was not evaluated.</p>'
    warning = dig(record.metrics, "verdict.warning")
    banner = f'<p class="warning" role="alert">{page.escape(warning)}</p>' if warning else ""
    rows = [("test", low, value, high, "s1"), *_compared(record, metric)]
    drawing = page.drawing(lambda width: charts.intervals(
        width, rows, metric.text, metric_words.ticks(metric)), (326, 560))
    return (f'{banner}<div class="hero"><div><p class="what">Test {page.escape(metric.words)}</p>'
            f'<div class="big">{metric.text(value)}</div><p class="range">'
            f"{page.escape(_interval_words(metric, low, high))}</p></div>{drawing}</div>"
            f'<p class="lead">{page.escape(_verdict(record, metric, value))}</p>{_tiles(record)}')


def _compared(record: Record, metric: Metric) -> Iterator[charts.Interval]:
    """Figures of the same metric beside that of the test rows."""
    validation, best = (record.metric(f"{section}.{metric.name}")
                        for section in ("validation", "oracle"))
    constant = record.metric(f"test.constant_{metric.name}")
    if validation is not None:
        yield ("validation", record.metric(f"validation.{metric.name}_low"), validation,
               record.metric(f"validation.{metric.name}_high"), "s3")
    if best is not None:
        yield BEST, None, best, None, "s2"
    if constant is not None and metric == record.target.judge:
        yield "a constant", None, constant, None, "s5"


def _interval_words(metric: Metric, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "without an interval"
    return f"95{units.THIN}% interval {metric.text(low)} to {metric.text(high)}"


def _verdict(record: Record, metric: Metric, value: float) -> str:
    better = verdict.against_constant(record.metrics, record.config, record.target)
    text = " ".join(filter(None, (
        metric_words.explanation(metric, record), mean_figures.happened(record),
        class_figures.told(record), levels.told(record.metrics),
        f"{better[:1].upper()}{better[1:]}." if better else "")))
    best = record.metric(f"oracle.{metric.name}")
    if best is not None:
        gap = best - value
        text += (f" The data was generated, so the best possible is known: {metric.text(best)}, "
                 f"{metric.difference(abs(gap))} {'above' if gap >= 0 else 'below'} this model.")
    return text.strip()


def _tiles(record: Record) -> str:
    return page.tiles([
        *_scores(record), *quantile_figures.tiles(record),
        ("Test rows", units.count(record.metric("test.rows")),
         ", ".join(metric_words.count(metric, record) for metric in record.target.counting)),
        ("Training", units.duration(record.metric("train.seconds")),
         f"{units.compact(record.metric('train.samples_per_second'))} samples/s"),
        ("Largest staleness", units.count(record.metric("staleness.max_observed")),
         _bound(record))])


def _scores(record: Record) -> Iterator[tuple[str, str, str]]:
    """Tiles of the other metrics, each beside the best possible, or what no skill would get."""
    for metric in record.target.judging[1:]:
        value = record.metric(f"test.{metric.name}")
        if value is None:
            continue
        beside = ((BEST, record.metric(f"oracle.{metric.name}")),
                  ("no skill", metric_words.no_skill(metric, record)))
        yield metric.title, metric.text(value), next(
            (f"{words} {metric.text(known)}" for words, known in beside if known is not None), "")


def _bound(record: Record) -> str:
    bound = record.metric("staleness.bound")
    return "no bound" if bound is None else f"bound {bound:.0f} clocks"


def model_section(record: Record) -> str:
    test = dig(record.evaluation, "test")
    drawn = [*class_figures.figures(record), *quantile_figures.figures(record),
             *(("two", figure) for figure in (
                 _roc(record, test), mean_figures.by_tenths(record) or _calibration(test),
                 mean_figures.lorenz(record),
                 segment_figures.by_segment(record, mean_figures.size_of(record)), _lift(test),
                 _features(record)) if figure)]
    if not drawn:
        drawn = [("two", page.absent("Tables", "This run kept no tables of its evaluation."))]
    return page.section(
        "model", "The model on test rows",
        "Rows the model has not seen, in neither training nor the choice of the epoch.",
        *page.laid_out(drawn))


def _roc(record: Record, test: Tree) -> str:
    points = [(p["fpr"], p["tpr"]) for p in records(test, "roc", "fpr", "tpr")]
    if len(points) < 2:
        return ""
    series = [(points, "s1")]
    entries = [("line s1", "this model")]
    best = records(dig(record.evaluation, "oracle"), "roc", "fpr", "tpr")
    if best:
        series.insert(0, ([(p["fpr"], p["tpr"]) for p in best], "s2 dashed"))
        entries.append(("line s2 dashed", BEST))
    numbers = [(units.percent(x, 0), units.percent(charts.height_at(points, x)))
               for x in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)]
    return page.figure(
        "Ranking", "Flag a tenth of the negatives, and "
        f"{units.percent(charts.height_at(points, 0.1), 0)} of the positives are flagged with "
        "them.",
        page.legend(entries) + page.drawing(lambda width: charts.roc(width, series), page.HALF),
        page.table(("negatives flagged", "positives flagged"), numbers))


def _calibration(test: Tree) -> str:
    bins = records(test, "calibration", "mean_predicted", "observed", "rows")
    if not bins:
        return ""
    points = [(b["mean_predicted"], b["observed"], b["rows"]) for b in bins]
    total = sum(rows for _, _, rows in points) or 1
    gap = sum(abs(p - o) * rows for p, o, rows in points) / total
    look = charts.RATES if records(test, "calibration", "positives") else charts.MEANS
    numbers = [(units.count(rows), look.text(p), look.text(o), look.difference(o - p))
               for p, o, rows in points]
    return page.figure(
        "Calibration", f"Rows in bins of like {look.predicted}: on average, what was observed "
        f"lies {look.distance(gap)} from what was predicted.",
        page.drawing(lambda width: charts.calibration(width, points, look), page.HALF),
        page.table(("rows", "predicted", "observed", f"difference{look.unit}"), numbers))


def _lift(test: Tree) -> str:
    bins = records(test, "lift", "rows", "lift")
    if not bins:
        return ""
    counted = bool(records(test, "lift", "positives"))
    rows = [(f"bin {i}", [(b["lift"], "s1", f"{_found(b)} positives" if counted else "")])
            for i, b in enumerate(bins, 1)]
    head = ("bin", "rows", *(("positives", "rate") if counted else ()), "lift", "found so far")
    numbers = [(f"{i}", units.count(b["rows"]), *(_rate(b) if counted else ()), f"{b['lift']:.2f}",
                units.percent(number(b, "captured"))) for i, b in enumerate(bins, 1)]
    best = f"{bins[0]['lift']:.1f} times as {'many positives' if counted else 'much'} as"
    return page.figure(
        "Lift", f"All rows by falling {'risk' if counted else 'prediction'}, cut into {len(bins)} "
        f"bins: the first holds {best} a bin drawn at random.",
        page.drawing(lambda width: charts.bars(width, rows, lambda v: f"{v:.2f}×"), page.HALF),
        page.table(head, numbers))


def _found(one: Tree) -> str:
    return units.count(number(one, "positives"))


def _rate(one: Tree) -> tuple[str, str]:
    """Positives of a bin, and their share of its rows."""
    positives, rows = number(one, "positives"), one["rows"]
    return _found(one), units.percent(positives / rows if rows and positives is not None else None)


def _features(record: Record) -> str:
    kept = records(record.evaluation, "top_features")
    found = [(str(item.get("name", "")), value) for item in kept
             for value in (number(item, "weight"), number(item, "importance"))
             if value is not None][:12]
    if not found:
        return ""  # not every kind of model has such a list
    signed = any("weight" in item for item in kept)
    measure, size, fewest = ("weight", 1.0, 3) if signed else _lost(record)
    found = [(name, value * size) for name, value in found]
    largest = max(abs(value) for _, value in found)
    decimals = max(fewest, 2 - math.floor(math.log10(largest))) if largest > 0 else fewest
    rows = [(name if len(name) < 19 else name[:17] + "…",
             [(abs(value), "s1" if value >= 0 else "s2", f"{name}: {value:.4g}")])
            for name, value in found]
    caption = ("Features by the size of their weight" if signed else
               f"Columns by the {measure} when their values are shuffled among the rows")
    legend = page.legend([("s1", "raises the prediction"), ("s2", "lowers it")]) if signed else ""
    return page.figure(
        "What the model looks at", f"{caption}, the {len(found)} largest.",
        legend + page.drawing(lambda width: charts.bars(
            width, rows, lambda value: units.fixed(value, decimals)), page.HALF),
        page.table(("feature", measure),
                   [(name, units.fixed(value, decimals)) for name, value in found]))


def _lost(record: Record) -> tuple[str, float, int]:
    """What importance is measured in, how many of that are a 1, and the decimals of the least."""
    if not record.target.metrics:
        return "loss", 1.0, 3
    lead = record.target.lead
    words = f"{lead.words} {'lost' if lead.better == 'larger' else 'gained'}"
    return (f"percentage points of {words}", 100.0, 1) if lead.format == "percent" else (
        words, 1.0, 3)
