"""The columns that `rubato-data inspect` saw, as a table for somebody who reads his file anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

ROWS_MAX = 60  # of a table that still is one to read
NAMED_MAX = 4  # columns of a group that are named
NAME_WIDTH, EXAMPLES_WIDTH = 32, 30
TYPES = {"number": "number", "category": "category", "left_out": "left out", "label": "label"}
HEAD = ("column", "taken as", "missing", "different", "values", "why")


def lines(columns: Sequence[dict[str, Any]], show: Callable[[Any], str], source: str) -> list[str]:
    """`columns`: {"name", "type", "reason", "missing", "texts", "sentinels", "distinct",
    "examples"}; `show` makes a text of the data one for a terminal, whatever its bytes. More than
    ROWS_MAX are grouped by what was made of them."""
    if len(columns) > ROWS_MAX:
        return _groups(columns, show, source)
    rows = [HEAD, *(_row(column, show) for column in columns)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD) - 1)]
    return [_line(row, widths) for row in rows]


def _row(column: dict[str, Any], show: Callable[[Any], str]) -> tuple[str, ...]:
    examples = [show(text) for text in column["examples"]]
    more = ", ..." if column["distinct"] > len(examples) else ""
    return (_cut(show(column["name"]), NAME_WIDTH), TYPES[column["type"]],
            f"{_missing(column):,}", f"{column['distinct']:,}",
            _cut(", ".join(examples), EXAMPLES_WIDTH) + more, column["reason"])


def _missing(column: dict[str, Any]) -> int:
    """Rows that count as missing in what becomes of the column: empty ones, texts among numbers,
    and numbers that stand for a missing value."""
    if column["type"] != "number":
        return int(column["missing"])
    return (int(column["missing"]) + int(column["texts"])
            + sum(int(sentinel["rows"]) for sentinel in column["sentinels"]))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    """Counts to the right, all else to the left."""
    cells = [cell.rjust(width) if head in ("missing", "different") else cell.ljust(width)
             for cell, width, head in zip(row, widths, HEAD)]
    return "  " + "  ".join([*cells, row[-1]]).rstrip()


def _groups(columns: Sequence[dict[str, Any]], show: Callable[[Any], str],
            source: str) -> list[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for column in columns:
        name = _cut(show(column["name"]), NAME_WIDTH)
        groups.setdefault((TYPES[column["type"]], column["reason"]), []).append(name)
    out = []
    for (kind, reason), names in groups.items():
        more = f" and {len(names) - NAMED_MAX:,} more" if len(names) > NAMED_MAX else ""
        why = f" ({reason})" if reason else ""
        out.append(f"  {kind}{why}: {', '.join(names[:NAMED_MAX])}{more}")
    return [*out, f"  each of the {len(columns):,} columns: rubato-data inspect {source}"]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[:width - 3] + "..."
