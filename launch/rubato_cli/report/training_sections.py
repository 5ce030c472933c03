"""The part of a report about the training: loss against time, and what the fleet did meanwhile."""

from __future__ import annotations

import collections
from collections.abc import Sequence

from rubato_cli.base import units
from rubato_cli.files.target_metrics import Metric
from rubato_cli.report import charts, metric_words, page
from rubato_cli.report.fault_figure import fault_figure
from rubato_cli.report.record import Record
from rubato_cli.report.svg import Plot, Points, decade
from rubato_cli.report.tree import Tree, dig, number, records

# What a worker's time goes to: key of `seconds`, class, words.
SPENT = (("compute", "s1", "computing"), ("wait", "s2", "waiting for others"),
         ("pull", "s3", "pulling"), ("push", "s4", "pushing"),
         ("other", "s5", "evaluation and the rest"))
CURVE_POINTS = 120  # a loss curve is averaged down to so many
COLOURS = ("s1", "s2", "s3", "s4", "s6")
BEST_TEST = "best possible on test rows"


def training_section(record: Record) -> str:
    return page.section("training", "Training", _lead(record),
                        page.figures("two", _loss(record), _validation(record)))


def _lead(record: Record) -> str:
    rows, seconds = record.metric("train.rows"), record.metric("train.seconds")
    text = ""
    if rows is not None and seconds is not None:
        text = (f"{units.count(rows)} rows in {units.duration(seconds)}, up to clock "
                f"{units.count(record.metric('train.clock'))}.")
    resumed = record.metric("train.resumed_from_clock")
    if resumed:
        text += f" The run was resumed from clock {units.count(resumed)}: figures are from then on."
    return text


def smooth(points: Sequence[tuple[float, float, float]], most: int) -> list[tuple[float, float]]:
    """Means over equal stretches of time, at most `most` of them."""
    points = _without_scrap(points)
    begin, end = points[0][0], points[-1][0]
    step = (end - begin) / most or 1.0
    sums: dict[int, list[float]] = {}
    for seconds, loss, _ in points:
        total = sums.setdefault(min(int((seconds - begin) / step), most - 1), [0.0, 0.0, 0.0])
        total[0] += seconds
        total[1] += loss
        total[2] += 1
    return [(t / n, loss / n) for _, (t, loss, n) in sorted(sums.items())]


def _without_scrap(
        points: Sequence[tuple[float, float, float]]) -> Sequence[tuple[float, float, float]]:
    """What a worker tells at its end may be of a few rows: it joins the stretch before it.
    points: [(seconds, loss, rows so far)]"""
    if len(points) < 3:
        return points
    (_, _, rows0), (_, loss1, rows1), (seconds, loss2, rows2) = points[-3:]
    if not 0 <= rows2 - rows1 < (rows1 - rows0) / 2:  # a resumed worker counts anew
        return points
    loss = (loss1 * (rows1 - rows0) + loss2 * (rows2 - rows1)) / (rows2 - rows0)
    return [*points[:-2], (seconds, loss, rows2)]


def _loss(record: Record) -> str:
    curves = {name: smooth(points, CURVE_POINTS) for name, points in record.progress.items()}
    loss = record.target.loss_metric
    checks = _validated(record, loss.name)
    if not curves and not checks:
        return page.absent("Loss against time", "This run kept no telemetry of its workers.")
    few = len(curves) <= len(COLOURS)
    series = [(points, COLOURS[i] if few else "thin s5")
              for i, points in enumerate(curves.values())]
    entries = ([(f"line {class_}", f"worker {name}") for (_, class_), name in zip(series, curves)]
               if few else [("line thin s5", f"{len(curves)} workers")])
    if checks:
        entries.append(("line dashed ink", "validation"))
    numbers = [(units.duration(t), "training", f"worker {name}", loss.text(value))
               for name, points in curves.items() for t, value in points[::len(points) // 8 + 1]]
    numbers += [(units.duration(t), "validation", "", loss.text(value)) for t, value in checks]
    more = ", and of the validation rows after each epoch" if loss.name else ""
    return page.figure(
        "Loss against time", f"{loss.title} of the batches of each worker, averaged over short "
        f"stretches{more}.",
        page.legend(entries)
        + page.drawing(lambda width: _loss_drawing(width, series, checks, loss), page.HALF),
        page.table(("time", "rows", "", loss.words), numbers))


def _loss_drawing(width: float, series: Sequence[tuple[Points, str]], checks: Points,
                  loss: Metric) -> str:
    losses = sorted(value for points, _ in series for _, value in points)
    losses = losses[:max(1, int(len(losses) * 0.9))]  # the first batches may be far above
    losses += [value for _, value in checks]
    low, high = min(losses), max(losses)
    pad = (high - low) * 0.06 or 0.01 * decade(losses)
    end = max(t for points in [checks, *(s[0] for s in series)] for t, _ in points)
    size, unit = units.time_unit(end)
    plot = Plot(width, 300, (0, end / size), (low - pad, high + pad))
    plot.axes(f"time, {unit}", loss.words,
              y_text=metric_words.ticks(loss)(plot.y.low, plot.y.high, 5))
    for points, class_ in series:
        plot.line([(t / size, value) for t, value in points], class_)
        if len(points) == 1:
            plot.dot((points[0][0] / size, points[0][1]), 4, class_, loss.text(points[0][1]))
    plot.line([(t / size, value) for t, value in checks], "dashed ink")
    for t, value in checks:
        plot.dot((t / size, value), 4, "ink",
                 f"validation {loss.text(value)} at {units.duration(t)}")
    return plot.svg("Loss against time")


def _validated(record: Record, name: str) -> Points:
    """[(seconds, figure)] of the validations that have it."""
    return [(event.seconds, figure) for event in record.validation
            if (figure := event.figures.get(name)) is not None]


def _validation(record: Record) -> str:
    """The leading metric over time; the numbers are of all that are told."""
    told = record.target.told
    points = _validated(record, told[0].name) if told else []
    if not points:
        return page.absent("Validation", "This run was not validated while it trained.")
    lead = told[0]
    best, used = record.metric(f"oracle.{lead.name}"), record.metric("train.epoch_used")
    checks = [event for event in record.validation if event.figures.get(lead.name) is not None]
    chosen = [event.seconds for event in checks if event.epoch == used]
    numbers = [(f"{event.epoch}", units.duration(event.seconds),
                *(metric.text(event.figures.get(metric.name)) for metric in told),
                "yes" if event.epoch == used else "") for event in checks]
    entries = [("line s3", f"validation {lead.words}")]
    if best is not None:
        entries.append(("line s2 dashed", BEST_TEST))
    words = f"; the weights of epoch {used:.0f} are the ones used" if chosen and used else ""
    return page.figure(
        "Validation", f"{lead.title} after each epoch, a pass over the training rows{words}.",
        page.legend(entries)
        + page.drawing(lambda width: _metric_drawing(width, lead, points, best, chosen), page.HALF),
        page.table(("epoch", "time", *(metric.words for metric in told), "used"), numbers))


def _metric_drawing(width: float, metric: Metric, points: Points, best: float | None,
                    chosen: Sequence[float]) -> str:
    heights = [value for _, value in points] + ([best] if best is not None else [])
    pad = (max(heights) - min(heights)) * 0.1 or 0.005 * decade(heights)
    end = points[-1][0]
    size, unit = units.time_unit(end)
    plot = Plot(width, 300, (0, end / size), (min(heights) - pad, max(heights) + pad))
    plot.axes(f"time, {unit}", metric.words,
              y_text=metric_words.ticks(metric)(plot.y.low, plot.y.high, 5))
    if best is not None:
        plot.line([(0, best), (end / size, best)], "s2 dashed")
    plot.line([(t / size, value) for t, value in points], "s3")
    for t, value in points:
        plot.dot((t / size, value), 4, "s3", f"{metric.text(value)} at {units.duration(t)}")
    if chosen:
        plot.rule_x(chosen[0] / size, "used")
    return plot.svg(f"Validation {metric.words} against time")


def fleet_section(record: Record) -> str:
    if dig(record.config, "fleet.servers") == 0:
        return page.section(
            "fleet", "Without servers",
            "One process trained, with the weights on its GPU: nothing was pulled or pushed.",
            page.figures("one", _time(record)),
            page.figures("two", _throughput(record), _memory(record)))
    return page.section(
        "fleet", "The fleet", "",
        page.figures("one", _time(record)),
        page.figures("three", _throughput(record), _bytes(record), _memory(record)),
        page.figures("two", _staleness(record), _shards(record)),
        *(page.figures("one", faults) for faults in [fault_figure(record)] if faults))


def _seat(worker: Tree) -> str:
    return f"worker {worker.get('seat', '?')}"


def _time(record: Record) -> str:
    rows, numbers = [], []
    totals: collections.Counter[str] = collections.Counter()
    for worker in record.workers:
        spent = [(number(worker, f"seconds.{key}") or 0.0) for key, _, _ in SPENT]
        if not sum(spent):
            continue
        rows.append((_seat(worker), [(value, class_, f"{words}: {units.duration(value)}")
                                     for value, (_, class_, words) in zip(spent, SPENT)]))
        numbers.append((_seat(worker), *(units.duration(value) for value in spent),
                        units.duration(sum(spent))))
        totals.update({key: value for value, (key, _, _) in zip(spent, SPENT)})
    title = "Where each worker’s time went"
    if not rows:
        return page.absent(title, "The workers of this run kept no account of their time.")
    whole = sum(totals.values())
    return page.figure(
        title, f"Together the workers computed for {units.percent(totals['compute'] / whole, 0)} "
        f"of their time and waited for others for {units.percent(totals['wait'] / whole, 0)}.",
        page.legend([(class_, words) for _, class_, words in SPENT])
        + page.drawing(lambda width: charts.shares(width, rows), page.FULL),
        page.table(("", *(words for _, _, words in SPENT), "together"), numbers))


def _throughput(record: Record) -> str:
    found = [w for w in record.workers if number(w, "samples_per_second") is not None]
    if not found:
        return page.absent("Throughput", "The workers of this run kept no account of their speed.")
    rows = [(_seat(w), [(w["samples_per_second"], "s1", "")]) for w in found]
    pushes = sum(number(w, "pushes") or 0 for w in found) or 1
    numbers = [(_seat(w), units.count(number(w, "rows")), units.count(w["samples_per_second"]),
                units.count(number(w, "pushes")),
                units.percent((number(w, "pushes") or 0) / pushes),
                units.percent(number(w, "influence")), units.metric(number(w, "likeness"), 2))
               for w in found]
    return page.figure(
        "Throughput", "Rows per second of each worker. Of gradients, taken from every sixteenth "
        "iteration: its part of all their squares, and the cosine between its own and the others’; "
        "a worker that stands out in these deserves a look.",
        page.drawing(lambda width: charts.bars(width, rows, units.compact), page.THIRD),
        page.table(("", "rows", "rows/s", "pushes", "of all", "squares", "cosine"), numbers))


def _bytes(record: Record) -> str:
    rows, numbers = [], []
    for worker in record.workers:
        samples = number(worker, "rows")
        pulled, pushed = (number(worker, f"bytes_{way}") for way in ("pulled", "pushed"))
        if not samples or pulled is None or pushed is None:
            continue
        rows.append((_seat(worker), [(pulled / samples, "s3", "pulled"),
                                     (pushed / samples, "s4", "pushed")]))
        numbers.append((_seat(worker), units.data_size(pulled), units.data_size(pushed),
                        units.data_size((pulled + pushed) / samples)))
    if not rows:
        return page.absent("Bytes per sample", "The workers of this run did not count their bytes.")
    return page.figure(
        "Bytes per sample", "Parameters pulled and gradients pushed for each row trained.",
        page.legend([("s3", "pulled"), ("s4", "pushed")])
        + page.drawing(lambda width: charts.bars(width, rows, units.data_size), page.THIRD),
        page.table(("", "pulled", "pushed", "per sample"), numbers))


def _memory(record: Record) -> str:
    found = [(str(p.get("name", "")).replace("-", " "), p["peak_memory_bytes"])
             for p in records(record.metrics, "processes", "peak_memory_bytes")]
    if not found:
        return page.absent("Memory", "The processes of this run kept no account of their memory.")
    rows = [(name, [(value, "s6", "")]) for name, value in found]
    return page.figure(
        "Memory", "Largest resident size of each process.",
        page.drawing(lambda width: charts.bars(width, rows, units.data_size), page.THIRD),
        page.table(("process", "peak"), [(name, units.data_size(v)) for name, v in found]))


def _staleness(record: Record) -> str:
    counts = observed_staleness(record.shards)
    bound = record.metric("staleness.bound")
    title = "Observed staleness"
    if not counts:
        return page.absent(title, "The shards of this run kept no histogram of staleness.")
    total, largest = sum(counts.values()), max(counts)
    width = largest // 48 + 1  # values a column
    bars = []
    for start in range(0, largest + 1, width):
        share = sum(counts.get(value, 0) for value in range(start, start + width)) / total
        bars.append((start - 0.5, start + width - 0.5, share,
                     f"{units.percent(share)} of the pushes"))
    words = "This run had no bound" if bound is None else f"The bound is {bound:.0f}"
    mean = sum(v * n for v, n in counts.items()) / total
    names = ("clocks behind", "share of pushes",
             lambda v: f"{v:.0f}" if v == int(v) else "", lambda v: units.percent(v, 0))
    rule = None if bound is None else (bound + 0.5, f"bound {bound:.0f}")
    return page.figure(
        title, f"How old the weights were that each push was computed from. {words}; the mean "
        f"was {mean:.2f}, the largest {largest}.",
        page.drawing(lambda w: charts.columns(w, bars, names, rule), page.HALF),
        page.table(("clocks behind", "pushes", "share"),
                   [(f"{value}", units.count(n), units.percent(n / total, 2))
                    for value, n in sorted(counts.items())]))


def observed_staleness(shards: Sequence[Tree]) -> dict[int, int]:
    """Pushes by staleness, over all shards."""
    counts: collections.Counter[int] = collections.Counter()
    for shard in shards:
        histogram = shard.get("staleness_histogram")
        for pair in histogram if isinstance(histogram, list) else []:
            if isinstance(pair, list) and len(pair) == 2 and all(isinstance(v, int) for v in pair):
                counts[pair[0]] += pair[1]
    return {value: n for value, n in sorted(counts.items()) if value >= 0 and n > 0}


def _shards(record: Record) -> str:
    found = [s for s in record.shards if number(s, "pushes") is not None]
    if not found:
        return page.absent("Shards", "The shards of this run kept no account of their pushes.")
    rows = [(f"shard {s.get('place', '?')}", [(s["pushes"], "s4", "")]) for s in found]
    numbers = [(f"shard {s.get('place', '?')}", units.count(s["pushes"]),
                units.count(number(s, "rows")),
                units.count(number(s, "duplicates_refused"))) for s in found]
    lost, refused = record.metric("updates.lost"), record.metric("updates.duplicates_refused")
    return page.figure(
        "Shards", f"Pushes applied by each shard. Lost: {units.count(lost)}; refused as "
        f"duplicates: {units.count(refused)}.",
        page.drawing(lambda width: charts.bars(width, rows, units.compact), page.HALF),
        page.table(("", "pushes", "rows held", "duplicates refused"), numbers))
