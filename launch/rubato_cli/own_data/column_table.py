"""The columns that `rubato-data inspect` saw, as a table for somebody who reads his file anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rubato_cli.base import text_table
from rubato_cli.own_data.shown import one_line

ROWS_MAX = 60  # of a table that still is one to read
NAMED_MAX = 4  # columns of a group that are named
NAME_WIDTH, EXAMPLES_WIDTH = 32, 30
TYPES = {"number": "number", "category": "category", "left_out": "left out", "label": "label",
         "exposure": "exposure"}
HEAD = ("column", "taken as", "missing", "different", "values", "why")


def lines(columns: Sequence[dict[str, Any]], source: str) -> list[str]:
    """`columns`: {"name", "type", "reason", "missing", "texts", "sentinels", "distinct",
    "examples"}. More than ROWS_MAX are grouped by what was made of them."""
    if len(columns) > ROWS_MAX:
        return _groups(columns, source)
    left = [i for i, head in enumerate(HEAD) if head not in ("missing", "different")]
    return [f"  {line}" for line in text_table.lines([HEAD, *map(_row, columns)], left)]


def _row(column: dict[str, Any]) -> tuple[str, ...]:
    examples = [one_line(text) for text in column["examples"]]
    more = ", ..." if column["distinct"] > len(examples) else ""
    return (_cut(one_line(column["name"]), NAME_WIDTH), TYPES[column["type"]],
            f"{_missing(column):,}", f"{column['distinct']:,}",
            _cut(", ".join(examples), EXAMPLES_WIDTH) + more, column["reason"])


def _missing(column: dict[str, Any]) -> int:
    """Rows that count as missing in what becomes of the column: empty ones, texts among numbers,
    and numbers that stand for a missing value."""
    if column["type"] != "number":
        return int(column["missing"])
    return (int(column["missing"]) + int(column["texts"])
            + sum(int(sentinel["rows"]) for sentinel in column["sentinels"]))


def _groups(columns: Sequence[dict[str, Any]], source: str) -> list[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for column in columns:
        name = _cut(one_line(column["name"]), NAME_WIDTH)
        groups.setdefault((TYPES[column["type"]], column["reason"]), []).append(name)
    out = []
    for (kind, reason), names in groups.items():
        more = f" and {len(names) - NAMED_MAX:,} more" if len(names) > NAMED_MAX else ""
        why = f" ({reason})" if reason else ""
        out.append(f"  {kind}{why}: {', '.join(names[:NAMED_MAX])}{more}")
    return [*out, f"  each of the {len(columns):,} columns: rubato-data inspect {source}"]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[:width - 3] + "..."
