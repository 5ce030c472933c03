"""The part of a report about the data and the run itself: what one needs to train it again."""

from __future__ import annotations

from collections.abc import Iterator

from rubato_cli.base import names, units
from rubato_cli.report import charts, page, summary
from rubato_cli.report.record import Record
from rubato_cli.report.tree import Tree, dig, number, records


def data_section(record: Record) -> str:
    return page.section("data", "The data", _source(record),
                        page.figures("one", _steps(record)), _classes(record),
                        _columns(record), _warnings(record))


def _source(record: Record) -> str:
    source, label = dig(record.config, "data.path"), dig(record.config, "data.label")
    if dig(record.config, "data.format") == "generated":
        return ("Generated, so the truth behind each row is known "
                f"(seed {dig(record.config, 'data.seed')}).")
    words = f"From {source}" if source else ""
    return f"{words}; the label is the column {label}." if words and label else words


def _steps(record: Record) -> str:
    title = "Rows through cleansing"
    read = number(record.cleansing, "rows.read")
    if read is None:
        return page.absent(title, "This run kept no account of its cleansing.")
    steps = [("read", read, None)]
    for name, words in (("missing_label", "with a label"), ("ignored_label", "not ignored"),
                        ("missing_time", "with a time")):
        dropped = number(record.cleansing, f"rows.dropped_{name}")
        if dropped:
            steps.append((words, steps[-1][1] - dropped, None))
    for part in ("train", "validation", "test"):
        rows = number(record.cleansing, f"rows.{part}")
        if rows is not None:
            steps.append((part, rows, number(record.cleansing, f"positives.{part}")))
    bars = [(words, [(max(rows, 0), "s3", "")]) for words, rows, _ in steps]
    counted = any(positives is not None for _, _, positives in steps)
    numbers = [(words, units.count(rows), units.percent(rows / read if read else None),
                *(_positives(positives, rows) if counted else ()))
               for words, rows, positives in steps]
    return page.figure(
        title, f"What became of the {units.plural(read, 'row')} of the input.",
        page.drawing(lambda width: charts.bars(width, bars, units.count), page.FULL),
        page.table(("step", "rows", "of all", *(("positives", "rate") if counted else ())),
                   numbers))


def _positives(positives: float | None, rows: float) -> tuple[str, str]:
    """Their number and their share."""
    rate = positives / rows if rows and positives is not None else None
    return units.count(positives), units.percent(rate)


def _classes(record: Record) -> str:
    """Rows of each class before the split, "" of a target that predicts none of several."""
    found = records(record.cleansing, "labels", "rows") if record.target.classes else []
    if not found:
        return ""
    whole = sum(one["rows"] for one in found)
    rows = page.table(("class", "rows", "of all"), [
        (_name(one.get("value")), units.count(one["rows"]),
         units.percent(one["rows"] / whole if whole > 0 else None)) for one in found])
    return (f"<details><summary>The {units.plural(len(found), 'value')} of the label</summary>"
            f"{rows}</details>")


def _columns(record: Record) -> str:
    columns = records(record.cleansing, "columns")
    if not columns:
        return ""
    whole = page.table(
        ("column", "role", "missing", "levels"),
        [(_name(c.get("name")), _text(c.get("role")), units.count(number(c, "missing")),
          units.count(number(c, "levels"))) for c in columns])
    return (f"<details><summary>The {units.plural(len(columns), 'column')} and their roles"
            f"</summary>{whole}</details>")


def _name(name: Tree) -> str:
    """Of a column or a file."""
    return units.ABSENT if name is None else names.shown(name)


def _warnings(record: Record) -> str:
    words = [_text(w.get("sentence")) for w in records(record.cleansing, "warnings")]
    if not words:
        return ""
    items = "".join(f"<li>{page.escape(word)}</li>" for word in words)
    return (f'<h3 class="apart">{units.plural(len(words), "warning")}</h3>'
            f'<ul class="warnings">{items}</ul>')


def facts_section(record: Record) -> str:
    whole = page.facts((key, _text(value)) for key, value in _flat(record.config))
    more = (f"<details><summary>Every key of the run file, as resolved</summary>{whole}</details>"
            if record.config else "")
    return page.section("facts", "The run", "What it takes to train this model again.",
                        page.facts(_facts(record)), more)


def _facts(record: Record) -> Iterator[tuple[str, str]]:
    config, metrics = record.config, record.metrics
    yield "version", _text(dig(metrics, "run.version"))
    yield "seed", _text(dig(metrics, "run.seed"))
    for source in records(record.cleansing, "inputs"):
        yield "input", f"{_name(source.get('path'))} ({units.data_size(number(source, 'bytes'))})"
    yield "SHA-256 of the data", _text(dig(metrics, "run.data_sha256"))
    yield "split", _split(record)
    yield from _training_facts(config, metrics)
    yield "weights used", ", ".join(_known(
        _named("epoch", dig(metrics, "train.epoch_used")),
        _named("snapshot", dig(metrics, "train.snapshot_used")),
        _named("last clock", dig(metrics, "train.clock"))))
    if dig(config, "fleet.servers") == 0:
        return  # nothing is committed
    yield "snapshots", (f"every {units.count(number(config, 'snapshot.every_clocks'))} clocks"
                        if number(config, "snapshot.every_clocks")
                        else "as often as 1 % of the time writes them, and at the end")


def _training_facts(config: Tree, metrics: Tree) -> Iterator[tuple[str, str]]:
    yield "model", " ".join(_known(dig(config, "model.kind"),
                                   _hidden(dig(config, "model.hidden"))
                                   if dig(config, "model.kind") != "linear" else None))
    yield "optimizer", ", ".join(_known(
        dig(config, "optimizer.kind"),
        _named("learning rate", dig(config, "optimizer.learning_rate")),
        _named("l2", dig(config, "optimizer.l2"))))
    yield "training", ", ".join(_known(
        _named("epochs", dig(config, "train.epochs")),
        _named("rows a batch and worker", dig(config, "train.batch")),
        _named("staleness bound", dig(metrics, "staleness.bound"))))
    yield "fleet", ", ".join(_known(
        _named("servers", dig(config, "fleet.servers")),
        _named("shards each", dig(config, "fleet.shards_per_server")),
        _named("workers", _workers(config, metrics))))
    yield "device", ", ".join(_known(dig(config, "device"),
                                     _named("precision", dig(config, "train.precision"))))


def _workers(config: Tree, metrics: Tree) -> object:
    changes = records(metrics, "train.workers", "clock", "workers")
    return summary.workers_text(changes) if changes else dig(config, "fleet.workers")


def _split(record: Record) -> str:
    split = dig(record.cleansing, "split")
    group, test_from = dig(split, "group"), dig(split, "test_from")
    return ", ".join(_known(
        _text(dig(split, "kind")), _named("seed", dig(split, "seed")),
        f"groups of equal {_name(group)}" if group else None,
        f"test from {_name(test_from)} on" if test_from else None,
        "stratified" if dig(split, "stratified") else None))


def _known(*parts: Tree) -> list[str]:
    return [str(part) for part in parts if part is not None] or [units.ABSENT]


def _named(name: str, value: Tree) -> str | None:
    return None if value is None else f"{name} {_text(value)}"


def _hidden(widths: Tree) -> str | None:
    return "of " + "–".join(str(w) for w in widths) if isinstance(widths, list) and widths else None


def _text(value: Tree) -> str:
    if value is None:
        return units.ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _flat(tree: Tree, path: str = "") -> Iterator[tuple[str, Tree]]:
    for key, value in (tree.items() if isinstance(tree, dict) else ()):
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
