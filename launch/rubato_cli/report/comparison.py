"""The figures of several runs side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rubato_cli.base import text_table, units
from rubato_cli.report.record import Record
from rubato_cli.report.tree import Tree, dig, number


def _count(value: float | None) -> str:
    return units.ABSENT if value is None else f"{value:,.0f}"


# Path in metrics.json, words, how it is written, and which end is better (0: neither).
ROWS = (
    ("test.auc", "test AUC", units.metric, 1),
    ("test.auc_low", "  95 % from", units.metric, 0),
    ("test.auc_high", "  to", units.metric, 0),
    ("test.ks", "test KS", units.metric, 1),
    ("test.logloss", "test log loss", units.metric, -1),
    ("test.constant_logloss", "  of a constant", units.metric, 0),
    ("test.brier", "test Brier", units.metric, -1),
    ("validation.auc", "validation AUC", units.metric, 1),
    ("oracle.auc", "best possible AUC", units.metric, 0),
    ("train.seconds", "training time", units.duration, -1),
    ("train.samples_per_second", "samples/s", _count, 1),
    ("train.rows", "rows trained", _count, 0),
    ("train.clock", "last clock", _count, 0),
    ("staleness.bound", "staleness bound", _count, 0),
    ("staleness.max_observed", "largest observed", _count, 0),
    ("updates.lost", "updates lost", _count, -1),
)


# Keys of the run file that the table or the line of differences shows.
SHOWN = ("model.kind", "train.staleness", "data.positive", "data.ignore")


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
    for path, words, text, better in ROWS:
        if all(_value(run, path) is None for run in runs):
            continue
        best = set() if apart else _best([number(run.metrics, path) for run in runs], better)
        yield [words, *(_cell(run, path, text) + ("*" if i in best else " ")
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
    """What makes the test rows or their labels of the runs different: words -> a value per run."""
    splits = sorted({key for run in runs for key in _section(run, "split")})
    looks: list[tuple[str, Callable[[Record], str]]] = [
        ("data", lambda run: _digest(run)[:12]),
        ("test rows", lambda run: _cell(run, "test.rows", _count)),
        ("positive test rows", lambda run: _cell(run, "test.positives", _count)),
        ("what counts as positive", lambda run: _labels(run, "positive") or "1"),
        ("ignored labels", lambda run: _labels(run, "ignore") or "none"),
        *((f"data.{key}", lambda run, key=key: str(_section(run, "data").get(key, "")))
          for key in ("label", "time")),
        *((f"split.{key}", lambda run, key=key: str(_section(run, "split").get(key, "")))
          for key in splits)]
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


def _best(values: list[float | None], better: int) -> set[int]:
    """Indices of the best known values; none where all are the same or no end is better."""
    known = [value for value in values if value is not None]
    if not better or len(known) < 2 or min(known) == max(known):
        return set()
    best = max(known) if better > 0 else min(known)
    return {i for i, value in enumerate(values) if value == best}


def _digest(run: Record) -> str:
    return str(dig(run.metrics, "run.data_sha256") or units.ABSENT)


def document(runs: list[Record]) -> Tree:
    paths = [path for path, _, _, _ in ROWS]
    return {"differences": differences(runs), "run_files": keys_apart(runs),
            "runs": [{"dir": str(run.path), "data_sha256": dig(run.metrics, "run.data_sha256"),
                      "model.kind": dig(run.config, "model.kind"),
                      "warning": dig(run.metrics, "verdict.warning") or "",
                      **{path: _value(run, path) for path in paths}} for run in runs]}
