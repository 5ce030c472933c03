"""What `rubato init` chooses for the [data] section."""

from __future__ import annotations

import dataclasses
import pathlib
import shlex
from typing import Any

from rubato_cli.base.failure import Failure
from rubato_cli.own_data import label_guess
from rubato_cli.own_data.layout import Layout
from rubato_cli.own_data.shown import counts, show
from rubato_cli.own_data.toml_text import array

VALUES_MAX = 200  # of a label; rubato-data tells no more apart


@dataclasses.dataclass(frozen=True)
class Choices:
    """What goes into the [data] section."""

    label: str
    layout: Layout
    positive: list[str]
    how: str  # the positive value was guessed; "" if it was given
    values: dict[str, int]  # rows of each value of the label
    rows: int
    unlabelled: int
    drop: list[str]
    categorical: list[str]
    missing: list[str]

    @property
    def positives(self) -> int:
        """Rows."""
        return sum(self.values[value] for value in self.positive)


def choose(seen: dict[str, Any], source: pathlib.Path, label: str, positive: list[str],
           layout: Layout) -> Choices:
    """From what was said and what `rubato-data inspect` saw: {"rows", "distinct_rows",
    "stray_label", "columns": [{"name", "type", "sentinels", ...}], "label_values": [{"value",
    "rows"}], "warnings": [{"column", "kind", "sentence"}]}."""
    _need_texts([column["name"] for column in seen["columns"]], f"{source}: a column's name")
    _need_texts([value["value"] for value in seen["label_values"]],
                f"{source}: a value of column '{label}'")
    values = {value["value"]: int(value["rows"]) for value in seen["label_values"]}
    if seen["stray_label"] and not positive:
        raise Failure(f"{source}: {seen['stray_label']}")
    positive, how = _positive(values, positive, f"{source}: column {show(label)}")
    of_type = {kind: [column["name"] for column in seen["columns"] if column["type"] == kind]
               for kind in ("left_out", "category", "number")}
    missing = [f"{column['name']}={sentinel['value']}" for column in seen["columns"]
               if column["type"] == "number" for sentinel in column["sentinels"]]
    rows = int(seen["rows"])
    return Choices(label, layout, positive, how, values, rows,
                   rows - sum(values.values()), of_type["left_out"], of_type["category"], missing)


def _need_texts(seen: list[Any], what: str) -> None:
    """A text that is no UTF-8 is an object, and cannot stand in a run file."""
    if not all(isinstance(text, str) for text in seen):
        # Of what Latin-1 holds, cp1252 makes the same; and it has a euro sign.
        raise Failure(f"{what} is not UTF-8; convert the file, as in iconv -f cp1252 -t utf-8")


def _positive(values: dict[str, int], given: list[str], where: str) -> tuple[list[str], str]:
    """The values that count as 1, of {value: rows}, and how they were guessed."""
    if len(values) < 2:
        held = f"holds only {counts(values)}" if values else "is empty in every row"
        raise Failure(f"{where} {held}, and a label has two values or more; choose another --label")
    if len(values) > VALUES_MAX:
        raise Failure(f"{where} has more than {VALUES_MAX} values, and a label has a few; choose "
                      "another --label")
    if given:
        return _given(values, given, where), ""
    if len(values) == 2:
        guess = label_guess.guess(values)
        return [guess.positive], guess.how
    likely = label_guess.candidates(values)
    flags = " ".join(f"--positive {shlex.quote(value)}" for value in likely)
    raise Failure(f"{where} holds {counts(values)}; say which count as 1 (the rest counts as 0), "
                  f"as in {flags}, which writes positive = {array(likely)}; rows of no interest go "
                  "into ignore = []")


def _given(values: dict[str, int], given: list[str], where: str) -> list[str]:
    for value in given:
        if value not in values:
            raise Failure(f"--positive {show(value)}: {where} does not hold it, but "
                          f"{counts(values)}; choose among these")
    if set(given) == set(values):
        raise Failure(f"--positive names all values of {where}; leave one out")
    return list(dict.fromkeys(given))
