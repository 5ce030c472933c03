"""What `rubato init` saw, chose and wrote, and what to look at: lines for a person."""

from __future__ import annotations

import pathlib
import shlex
from typing import Any

from rubato_cli.base import units
from rubato_cli.own_data import column_table
from rubato_cli.own_data.choices import Choices


def lines(seen: dict[str, Any], choices: Choices, source: str,
          target: pathlib.Path) -> list[str]:
    """`source`: the data, as a shell takes it; `target`: the run file."""
    features = len(seen["columns"]) - 1 - len(choices.drop) - bool(choices.label.exposure)
    unlabelled = (f" ({choices.unlabelled:,} without a label will be dropped)"
                  if choices.unlabelled else "")
    return [f"{units.rows(choices.rows)}{unlabelled}{choices.label.summary()}; "
            f"{features - len(choices.categorical)} numeric and "
            f"{len(choices.categorical)} categorical columns, {len(choices.drop)} left out",
            *choices.label.notes(target),
            *column_table.lines([_with_exposure(column, choices) for column in seen["columns"]],
                                source),
            *_extent(seen),
            *(f"  {_note(warning, choices)}" for warning in seen["warnings"]),
            f"wrote {target}; look at its {choices.label.chosen}, drop, categorical and missing, "
            f"then: rubato train {shlex.quote(str(target))} --out "
            f"{shlex.quote(target.stem + '-run')}"]


def _with_exposure(column: dict[str, Any], choices: Choices) -> dict[str, Any]:
    exposure = choices.label.exposure
    if exposure is None or column["name"] != exposure.column:
        return column
    return {**column, "type": "exposure", "reason": exposure.why}


def _extent(seen: dict[str, Any]) -> list[str]:
    counted = int(seen["distinct_rows"])
    if counted == int(seen["rows"]):
        return []
    return [f"  different values are those of the first {counted:,} rows"]


def _note(warning: dict[str, Any], choices: Choices) -> str:
    """What was seen, and, where that settled it, what was done instead of what could be."""
    seen, *advice = str(warning["sentence"]).split("; ")
    if warning["kind"] in ("date", "marks_differ"):
        # data.time and data.drop cannot both name a column.
        undone = " and take it out of drop" if warning["kind"] == "date" else ""
        # Not what would be made of it if it were left in.
        return "; ".join([f"left out: {seen}", f"{advice[0]}{undone}", *advice[2:]])
    if warning["column"] in choices.drop:
        return f"left out: {seen}"
    if warning["kind"] == "sentinel":
        return f"taken as missing: {seen}; take it out of missing if it is a measurement"
    return str(warning["sentence"])
