"""What `rubato init` chooses for the run file."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

from rubato_cli.base.failure import Failure
from rubato_cli.own_data import class_label, label_guess, target_guess
from rubato_cli.own_data.class_label import ClassLabel, SeveralClasses
from rubato_cli.own_data.layout import Layout
from rubato_cli.own_data.number_label import WITH_EXPOSURE, NumberLabel, find_exposure
from rubato_cli.own_data.shown import counts, show

VALUES_MAX = 200  # of a label; rubato-data tells no more apart


AnyLabel = ClassLabel | SeveralClasses | NumberLabel


@dataclasses.dataclass(frozen=True)
class Asked:
    """Of the label, by who calls."""

    label: str
    positive: list[str]
    target: str  # target.kind; "": to be guessed

    def __post_init__(self) -> None:
        if self.positive and self.target not in ("", "binary"):
            learns = "all of them" if self.target == "classes" else "the number itself"
            raise Failure(f"--positive names a class, and --target {self.target} learns {learns}; "
                          "leave one of them out")

    @property
    def kind(self) -> str:
        return "binary" if self.positive else self.target


@dataclasses.dataclass(frozen=True)
class Choices:
    """What goes into the run file."""

    label: AnyLabel
    layout: Layout
    rows: int
    unlabelled: int
    drop: list[str]
    categorical: list[str]
    missing: list[str]


def choose(seen: dict[str, Any], source: pathlib.Path, asked: Asked, layout: Layout) -> Choices:
    """From what was said and what `rubato-data inspect` saw: {"rows", "distinct_rows",
    "stray_label", "columns": [{"name", "type", "sentinels", ...}], "label_values": [{"value",
    "rows"}], "label_facts", "warnings": [{"column", "kind", "sentence"}]}."""
    _need_texts([column["name"] for column in seen["columns"]], f"{source}: a column's name")
    _need_texts([value["value"] for value in seen["label_values"]],
                f"{source}: a value of column '{asked.label}'")
    label = _choose_label(seen, source, asked)
    of_type = {kind: [column["name"] for column in seen["columns"] if column["type"] == kind]
               for kind in ("left_out", "category")}
    exposure = label.exposure.column if label.exposure else None
    missing = [f"{column['name']}={sentinel['value']}" for column in seen["columns"]
               if column["type"] == "number" for sentinel in column["sentinels"]]
    rows = int(seen["rows"])
    labelled = sum(int(value["rows"]) for value in seen["label_values"])
    return Choices(label, layout, rows, rows - labelled, of_type["left_out"],
                   [name for name in of_type["category"] if name != exposure], missing)


def _need_texts(seen: list[Any], what: str) -> None:
    """A text that is no UTF-8 is an object, and cannot stand in a run file."""
    if not all(isinstance(text, str) for text in seen):
        # Of what Latin-1 holds, cp1252 makes the same; and it has a euro sign.
        raise Failure(f"{what} is not UTF-8; convert the file, as in iconv -f cp1252 -t utf-8")


def _choose_label(seen: dict[str, Any], source: pathlib.Path,
                  asked: Asked) -> AnyLabel:
    where = f"{source}: column {show(asked.label)}"
    values = {value["value"]: int(value["rows"]) for value in seen["label_values"]}
    if len(values) < 2:
        held = f"holds only {counts(values)}" if values else "is empty in every row"
        raise Failure(f"{where} {held}, and a label has two values or more; choose another --label")
    if asked.kind == "classes":
        return SeveralClasses(asked.label, values, guessed=False)
    if asked.kind not in ("", "binary"):
        return _number_label(seen, asked.label, target_guess.Guess(asked.kind, ""))
    numbers = target_guess.numbers_of(asked.label, values, seen["label_facts"])
    if seen["stray_label"] and not asked.positive:
        raise Failure(f"{source}: {seen['stray_label']}"
                      + (f"; {_or_number(numbers)}" if numbers else ""))
    guess = target_guess.guess(numbers) if numbers and not asked.kind and len(values) > 2 else None
    return _number_label(seen, asked.label, guess) if guess else _class_label(
        values, numbers, asked, where)


def _number_label(seen: dict[str, Any], name: str, guess: target_guess.Guess) -> NumberLabel:
    exposure = find_exposure(seen["columns"]) if guess.kind in WITH_EXPOSURE else None
    return NumberLabel(name, guess.kind, guess.why, exposure)


def _class_label(values: dict[str, int], numbers: target_guess.Numbers | None, asked: Asked,
                 where: str) -> ClassLabel | SeveralClasses:
    if len(values) > VALUES_MAX:
        why = ("classes are a few; choose another --label" if numbers else
               "not all are numbers; choose another --label, or mend those rows, the first of "
               "which --target real names")
        raise Failure(f"{where} has more than {VALUES_MAX} values, and {why}")
    if asked.positive:
        return class_label.given(asked.label, values, asked.positive, where)
    if len(values) == 2:
        return class_label.guessed(asked.label, values)
    if not numbers and not asked.kind and not label_guess.tells_good_from_bad(values):
        return SeveralClasses(asked.label, values, guessed=True)
    number = f"; {_or_number(numbers)}" if numbers and not asked.kind else ""
    raise Failure(f"{where} holds {counts(values)}: {class_label.question(values)}; or learn each "
                  f"of them, with --target classes{number}")


def _or_number(numbers: target_guess.Numbers) -> str:
    kinds = " or ".join(f"--target {kind}" for kind in target_guess.fitting(numbers))
    return f"or learn the number itself, as in {kinds}"
