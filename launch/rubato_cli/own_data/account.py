"""What `rubato init` saw, chose and wrote, and what to look at: lines for a person."""

from __future__ import annotations

import pathlib
import shlex
from typing import Any

from rubato_cli.base import units
from rubato_cli.own_data import column_table, label_guess
from rubato_cli.own_data.choices import Choices
from rubato_cli.own_data.shown import counts, one_line, show
from rubato_cli.own_data.toml_text import quote


def lines(seen: dict[str, Any], choices: Choices, source: str,
          target: pathlib.Path) -> list[str]:
    """`source`: the data, as a shell takes it; `target`: the run file."""
    features = len(seen["columns"]) - 1 - len(choices.drop)
    unlabelled = (f" ({choices.unlabelled:,} without a label will be dropped)"
                  if choices.unlabelled else "")
    which = one_line(f"{choices.label} = " + " or ".join(choices.positive))
    return [f"{units.rows(choices.rows)}{unlabelled}, {choices.positives:,} positive ({which}); "
            f"{features - len(choices.categorical)} numeric and "
            f"{len(choices.categorical)} categorical columns, {len(choices.drop)} left out",
            *_label_notes(choices, target),
            *column_table.lines(seen["columns"], source),
            *_extent(seen),
            *(f"  {_note(warning, choices)}" for warning in seen["warnings"]),
            f"wrote {target}; look at its positive, drop, categorical and missing, then: rubato "
            f"train {shlex.quote(str(target))} --out {shlex.quote(target.stem + '-run')}"]


def _extent(seen: dict[str, Any]) -> list[str]:
    counted = int(seen["distinct_rows"])
    if counted == int(seen["rows"]):
        return []
    return [f"  different values are those of the first {counted:,} rows"]


def _label_notes(choices: Choices, target: pathlib.Path) -> list[str]:
    rest = {value: rows for value, rows in choices.values.items() if value not in choices.positive}
    if choices.how:
        begin = (f"  the positive value {show(choices.positive[0])} was {choices.how}, beside "
                 f"{counts(rest)}; ")
        doubt = label_guess.doubt(choices.label, choices.values, choices.positive[0])
        if doubt:
            other = quote(next(iter(rest)))
            return [f"{begin}but {doubt}: positive = {other} in {target} turns it round"]
        return [f"{begin}if it is the other, change positive in {target} or give --positive"]
    if len(rest) > 1:
        return [f"  the rest counts as 0: {counts(rest)}; rows of no interest go into ignore = []"]
    return []


def _note(warning: dict[str, Any], choices: Choices) -> str:
    """What was seen, and, where that settled it, what was done instead of what could be."""
    seen, *advice = str(warning["sentence"]).split("; ")
    if warning["kind"] in ("date", "marks_differ"):
        # data.time and data.drop cannot both name a column.
        undone = " and take it out of drop" if warning["kind"] == "date" else ""
        return f"left out: {seen}; {advice[0]}{undone}"
    if warning["column"] in choices.drop:
        return f"left out: {seen}"
    if warning["kind"] == "sentinel":
        return f"taken as missing: {seen}; take it out of missing if it is a measurement"
    return str(warning["sentence"])
