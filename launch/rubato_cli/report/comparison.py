"""The figures of several runs side by side: those by which their targets judge them, then those of
the training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

from rubato_cli.base import text_table, units
from rubato_cli.files.target_metrics import Metric
from rubato_cli.report import levels
from rubato_cli.report.record import Record
from rubato_cli.report.tree import Tree, dig, number


def _count(value: float | None) -> str:
    return units.ABSENT if value is None else f"{value:,.0f}"


@dataclasses.dataclass(frozen=True)
class _Row:
    """A figure of each run."""

    path: str  # in metrics.json
    words: str
    text: Callable[[float | None], str]
    worth: Callable[[float], float] | None = None  # of a figure: the larger, the better


def _larger(value: float) -> float:
    return value


def _smaller(value: float) -> float:
    return -value


TRAINING = (
    _Row("train.seconds", "training time", units.duration, _smaller),
    _Row("train.samples_per_second", "samples/s", _count, _larger),
    _Row("train.rows", "rows trained", _count),
    _Row("train.clock", "last clock", _count),
    _Row("staleness.bound", "staleness bound", _count),
    _Row("staleness.max_observed", "largest observed", _count),
    _Row("updates.lost", "updates lost", _count, _smaller),
)


def _rows(runs: list[Record]) -> list[_Row]:
    """Those of the metrics of all targets, in their order, then those of the training."""
    metrics = _united(metric for run in runs for metric in run.target.judging)
    leads = _united(run.target.lead for run in runs if run.target.metrics)
    return [*(row for metric in metrics for row in _test(runs, metric)),
            *_levels(runs),
            *(_Row(f"validation.{lead.name}", f"validation {lead.words}", lead.text, lead.worth)
              for lead in leads),
            *(_Row(f"oracle.{lead.name}", f"best possible {lead.words}", lead.text)
              for lead in leads), *TRAINING]


def _united(metrics: Iterable[Metric]) -> list[Metric]:
    """Each name once."""
    seen: dict[str, Metric] = {}
    for metric in metrics:
        seen.setdefault(metric.name, metric)
    return list(seen.values())


def _test(runs: list[Record], metric: Metric) -> Iterator[_Row]:
    """A metric, and what any of the runs has beside it."""
    name = metric.name
    yield _Row(f"test.{name}", f"test {metric.words}", metric.text,
               metric.worth if metric.better else None)
    for row in (_Row(f"test.{name}_low", "  95 % from", metric.text),
                _Row(f"test.{name}_high", "  to", metric.text),
                _Row(f"test.constant_{name}", "  of a constant", metric.text)):
        if any(_value(run, row.path) is not None for run in runs):
            yield row


def _levels(runs: list[Record]) -> Iterator[_Row]:
    """Of the quantiles that any of the runs predicts."""
    known = {level.name: level for run in runs for level in levels.of(run.metrics)}
    for level in sorted(known.values(), key=lambda level: level.share):
        path = f"test.levels.{level.name}"
        yield _Row(f"{path}.pinball", f"loss of the {units.plain(level.words)}", units.metric,
                   _smaller)
        yield _Row(f"{path}.breach_rate", "  test rows below",
                   lambda share: units.percent(share, 2))
        yield _Row(f"{path}.kupiec_p", "  Kupiec p", levels.probability)


# Keys of the run file that the table or the line of differences shows.
SHOWN = ("target.kind", "model.kind", "train.staleness", "data.positive", "data.ignore")


def table(runs: list[Record]) -> list[str]:
    """Lines of text: a row per figure, a column per run, the best of a row marked with * where all
    were tested on the same rows with the same label."""
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        names = [str(run.path) for run in runs]
    apart = differences(runs)
    lines = text_table.lines(
        [["", *(f"{name} " for name in names)],
         ["model", *(f"{dig(run.config, 'model.kind') or units.ABSENT} " for run in runs)],
         *_figures(runs, bool(apart)),
         ["data", *(f"{_digest(run)[:12]} " for run in runs)]], left=[0])
    lines += [f"warning: {name}: {warning}" for name, run in zip(names, runs)
              if (warning := dig(run.metrics, "verdict.warning"))]
    if apart:
        lines.append("Figures of different test rows do not compare, and no best is marked. These "
                     f"runs differ in {_said(names, apart)}.")
    settings = {key: values for key, values in keys_apart(runs).items()
                if key not in apart and key not in SHOWN}
    if settings:
        lines.append(f"Run files: {_said(names, settings)}.")
    return lines


def _figures(runs: list[Record], apart: bool) -> Iterator[list[str]]:
    """Those that any of the runs has; each leaves room for a mark."""
    for row in _rows(runs):
        if all(_value(run, row.path) is None for run in runs):
            continue
        best = set() if apart or not row.worth else _best([
            None if value is None else row.worth(value)
            for value in (number(run.metrics, row.path) for run in runs)])
        yield [row.words, *(_cell(run, row.path, row.text) + ("*" if i in best else " ")
                            for i, run in enumerate(runs))]


def _said(names: list[str], seen: dict[str, list[str]]) -> str:
    return "; ".join(f"{words}: {_grouped(names, values)}" for words, values in seen.items())


def keys_apart(runs: list[Record]) -> dict[str, list[str]]:
    """Keys of the resolved run files that differ: key -> a value per run."""
    seen = [_keys(run) for run in runs]
    names = dict.fromkeys(name for keys in seen for name in keys)
    apart = {name: [keys.get(name, "") for keys in seen] for name in names}
    return {name: values for name, values in apart.items() if len(set(values)) > 1}


def _keys(run: Record) -> dict[str, str]:
    keys = {}
    for name, content in (run.config if isinstance(run.config, dict) else {}).items():
        if isinstance(content, dict):
            keys.update({f"{name}.{key}": str(value) for key, value in content.items()})
        else:
            keys[name] = str(content)
    return keys


def differences(runs: list[Record]) -> dict[str, list[str]]:
    """What makes the target, the test rows or their labels of the runs different: words -> a value
    per run."""
    keys = [("data", "label"), ("data", "time"),
            *sorted({(section, key) for section in ("target", "split") for run in runs
                     for key in _section(run, section)} - {("target", "kind")})]
    counts = _united(metric for run in runs for metric in run.target.counting)
    looks: list[tuple[str, Callable[[Record], str]]] = [
        ("target", lambda run: run.target.kind),
        ("data", lambda run: _digest(run)[:12]),
        ("test rows", lambda run: _cell(run, "test.rows", _count)),
        *((f"{metric.words} among test rows",
           lambda run, name=metric.name: _cell(run, f"test.{name}", _count)) for metric in counts),
        ("what counts as positive", lambda run: _labels(run, "positive") or "1"),
        ("ignored labels", lambda run: _labels(run, "ignore") or "none"),
        *((f"{section}.{key}",
           lambda run, section=section, key=key: str(_section(run, section).get(key, "")))
          for section, key in keys)]
    seen = {words: [look(run) for run in runs] for words, look in looks}
    return {words: values for words, values in seen.items() if len(set(values)) > 1}


def _section(run: Record, name: str) -> dict[str, Tree]:
    section = dig(run.config, name)
    return section if isinstance(section, dict) else {}


def _labels(run: Record, key: str) -> str:
    value = _section(run, "data").get(key)
    return " or ".join(sorted(map(str, value))) if isinstance(value, list) else ""


def _grouped(names: list[str], values: list[str]) -> str:
    """"460 (a, c), 900 (b)"."""
    groups = {value: [name for name, v in zip(names, values) if v == value] for value in values}
    return ", ".join(f"{value or 'none'} ({', '.join(group)})" for value, group in groups.items())


def _value(run: Record, path: str) -> float | str | None:
    """A number, or the "inf" of a staleness bound."""
    return "inf" if dig(run.metrics, path) == "inf" else number(run.metrics, path)


def _cell(run: Record, path: str, text: Callable[[float | None], str]) -> str:
    value = _value(run, path)
    return value if isinstance(value, str) else units.plain(text(value))


def _best(worths: list[float | None]) -> set[int]:
    """Indices of the best known ones; none where all are the same."""
    known = [worth for worth in worths if worth is not None]
    if len(known) < 2 or min(known) == max(known):
        return set()
    return {i for i, worth in enumerate(worths) if worth == max(known)}


def _digest(run: Record) -> str:
    return str(dig(run.metrics, "run.data_sha256") or units.ABSENT)


def document(runs: list[Record]) -> Tree:
    paths = [row.path for row in _rows(runs)]
    return {"differences": differences(runs), "run_files": keys_apart(runs),
            "runs": [{"dir": str(run.path), "data_sha256": dig(run.metrics, "run.data_sha256"),
                      "target.kind": run.target.kind,
                      "model.kind": dig(run.config, "model.kind"),
                      "warning": dig(run.metrics, "verdict.warning") or "",
                      **{path: _value(run, path) for path in paths}} for run in runs]}
