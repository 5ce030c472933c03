"""`rubato init my.csv --label L`: writes a run file for one's own data."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import shlex
from typing import Any

from rubato_cli.base import system_error, units
from rubato_cli.base.failure import DONE, Failure
from rubato_cli.base.names import need_utf8
from rubato_cli.commands import column_table, label_guess
from rubato_cli.commands.session import Command, Session
from rubato_cli.files.target import Target
from rubato_cli.fleet import data_tool

TEMPLATE = """\
# Written by `rubato init`. All keys with their defaults: `rubato-data config {name}`.

[data]
path = {path}
label = {label}
{layout}positive = {positive}{how}
drop = {drop}
categorical = {categorical}
missing = {missing}

[model]
kind = {kind}, "wide_deep", "deepfm"

[train]
staleness = {staleness}  # 0: all workers in step; "inf": nobody waits
"""

# A pass over fewer is so few iterations that late gradients cost more than waiting does.
ROWS_FOR_STALENESS = 20_000
STALENESS = 4
# Hidden layers learn fewer by heart: on public sets and generated books such models ranked unseen
# rows worse than a linear one, and missed the level of their own training rows.
ROWS_FOR_LAYERS = 2000
ROWS_OF_A_CLASS_FOR_LAYERS = 200
VALUES_MAX = 200  # of a label; rubato-data tells no more apart


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("csv", metavar="my.csv", help="the data (.gz, .zst too)")
    parser.add_argument("--label", required=True, metavar="COLUMN", help="column to predict")
    parser.add_argument("--positive", metavar="VALUE", action="append", default=[],
                        help="label value that counts as 1, instead of a guess; again for more, "
                        "and the rest counts as 0")
    parser.add_argument("--header", action=argparse.BooleanOptionalAction,
                        help="line 1 names the columns, or is a row, and columns are called "
                        "column_1, column_2, ...; else it is looked at")
    parser.add_argument("--skip-lines", type=int, default=0, metavar="N",
                        help="lines (titles) above the header that are left out")
    parser.add_argument("--out", metavar="RUN.toml",
                        help="run file to write; default: named like the data, in this folder")


def _run(arguments: argparse.Namespace, session: Session) -> int:
    source = pathlib.Path(arguments.csv)
    out = pathlib.Path(arguments.out or f"{source.name.split('.')[0]}.toml")
    if out.is_file():
        raise Failure(f"{out} exists already; remove it, or choose another name with --out")
    build = session.build()
    seen = data_tool.ask(build, ["inspect", str(source), "--label", arguments.label, "--json",
                                 *_layout_flags(arguments)])
    choices = _choose(seen, source, arguments)
    need_utf8(arguments.label, "a run file")
    need_utf8(os.path.relpath(source, out.absolute().parent), "a run file")
    need_utf8(out.name, "a run file")  # which says how to look at it
    with Target(out) as target:
        with system_error.about(out):
            target.draft.write_text(_format(choices, source, out), "utf-8")
        data_tool.ask(build, ["config", str(target.draft)])  # what would not load is not kept
        target.publish()
        lines = _report(seen, choices, shlex.quote(str(source)), out)
        if target.is_stdout:
            session.console.note("\n".join(lines))
        else:
            session.console.result(lines, {"run_file": str(out), **seen})
    return DONE


def _layout_flags(arguments: argparse.Namespace) -> list[str]:
    header = {None: [], True: ["--header"], False: ["--no-header"]}[arguments.header]
    return [*header, "--skip-lines", str(arguments.skip_lines)]


def _layout(arguments: argparse.Namespace) -> str:
    header = "" if arguments.header is None else f"header = {str(arguments.header).lower()}\n"
    return header + (f"skip_lines = {arguments.skip_lines}\n" if arguments.skip_lines else "")


@dataclasses.dataclass(frozen=True)
class _Choices:
    """What goes into the [data] section."""

    label: str
    layout: str  # lines of the section, only where something was said
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


def _choose(seen: dict[str, Any], source: pathlib.Path, arguments: argparse.Namespace) -> _Choices:
    """From what `rubato-data inspect` saw: {"rows", "distinct_rows", "stray_label", "columns":
    [{"name", "type", "sentinels", ...}], "label_values": [{"value", "rows"}], "warnings":
    [{"column", "kind", "sentence"}]}."""
    label = arguments.label
    _need_texts([column["name"] for column in seen["columns"]], f"{source}: a column's name")
    _need_texts([value["value"] for value in seen["label_values"]],
                f"{source}: a value of column '{label}'")
    values = {value["value"]: int(value["rows"]) for value in seen["label_values"]}
    if seen["stray_label"] and not arguments.positive:
        raise Failure(f"{source}: {seen['stray_label']}")
    positive, how = _positive(values, arguments.positive, f"{source}: column {_show(label)}")
    of_type = {kind: [column["name"] for column in seen["columns"] if column["type"] == kind]
               for kind in ("left_out", "category", "number")}
    missing = [f"{column['name']}={sentinel['value']}" for column in seen["columns"]
               if column["type"] == "number" for sentinel in column["sentinels"]]
    rows = int(seen["rows"])
    return _Choices(label, _layout(arguments), positive, how, values, rows,
                    rows - sum(values.values()), of_type["left_out"], of_type["category"], missing)


def _need_texts(seen: list[Any], what: str) -> None:
    """A text that is no UTF-8 is an object, and cannot stand in a run file."""
    if not all(isinstance(text, str) for text in seen):
        # Of what Latin-1 holds, cp1252 makes the same; and it has a euro sign.
        raise Failure(f"{what} is not UTF-8; convert the file, as in iconv -f cp1252 -t utf-8")


def _positive(values: dict[str, int], given: list[str], where: str) -> tuple[list[str], str]:
    """The values that count as 1, of {value: rows}, and how they were guessed."""
    if len(values) < 2:
        held = f"holds only {_counts(values)}" if values else "is empty in every row"
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
    raise Failure(f"{where} holds {_counts(values)}; say which count as 1 (the rest counts as 0), "
                  f"as in {flags}, which writes positive = {_list(likely)}; rows of no interest go "
                  "into ignore = []")


def _given(values: dict[str, int], given: list[str], where: str) -> list[str]:
    for value in given:
        if value not in values:
            raise Failure(f"--positive {_show(value)}: {where} does not hold it, but "
                          f"{_counts(values)}; choose among these")
    if set(given) == set(values):
        raise Failure(f"--positive names all values of {where}; leave one out")
    return list(dict.fromkeys(given))


def _counts(values: dict[str, int]) -> str:
    return ", ".join(f"{_show(value)} ({rows:,})" for value, rows in values.items())


def _show(text: str) -> str:
    return f"'{_one_line(text)}'"


def _one_line(text: str | dict[str, str]) -> str:
    """Text of the data for a sentence: bytes that are no UTF-8 as \\xNN, as rubato-data does."""
    if isinstance(text, dict):
        return "".join(f"\\x{ord(c):02x}" if c > "~" else c for c in _one_line(text["latin1"]))
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _format(choices: _Choices, source: pathlib.Path, target: pathlib.Path) -> str:
    return TEMPLATE.format(
        name=target.name, path=_quote(os.path.relpath(source, target.absolute().parent)),
        label=_quote(choices.label), layout=choices.layout,
        how=f"  # {choices.how}" if choices.how else "",
        positive=(_quote(choices.positive[0]) if len(choices.positive) == 1
                  else _list(choices.positive)),
        drop=_list(choices.drop), categorical=_list(choices.categorical),
        missing=_list(choices.missing),
        kind='"logistic"  # few rows; or "mlp"' if _few(choices) else '"mlp"  # or "logistic"',
        staleness=STALENESS if choices.rows >= ROWS_FOR_STALENESS else 0)


def _few(choices: _Choices) -> bool:
    labelled = sum(choices.values.values())
    rarer = min(choices.positives, labelled - choices.positives)
    return labelled < ROWS_FOR_LAYERS or rarer < ROWS_OF_A_CLASS_FOR_LAYERS


def _report(seen: dict[str, Any], choices: _Choices, source: str,
            target: pathlib.Path) -> list[str]:
    features = len(seen["columns"]) - 1 - len(choices.drop)
    unlabelled = (f" ({choices.unlabelled:,} without a label will be dropped)"
                  if choices.unlabelled else "")
    which = _one_line(f"{choices.label} = " + " or ".join(choices.positive))
    return [f"{units.rows(choices.rows)}{unlabelled}, {choices.positives:,} positive ({which}); "
            f"{features - len(choices.categorical)} numeric and "
            f"{len(choices.categorical)} categorical columns, {len(choices.drop)} left out",
            *_label_notes(choices, target),
            *column_table.lines(seen["columns"], _one_line, source),
            *_extent(seen),
            *(f"  {_note(warning, choices)}" for warning in seen["warnings"]),
            f"wrote {target}; look at its positive, drop, categorical and missing, then: rubato "
            f"train {shlex.quote(str(target))} --out {shlex.quote(target.stem + '-run')}"]


def _extent(seen: dict[str, Any]) -> list[str]:
    counted = int(seen["distinct_rows"])
    if counted == int(seen["rows"]):
        return []
    return [f"  different values are those of the first {counted:,} rows"]


def _label_notes(choices: _Choices, target: pathlib.Path) -> list[str]:
    rest = {value: rows for value, rows in choices.values.items() if value not in choices.positive}
    if choices.how:
        begin = (f"  the positive value {_show(choices.positive[0])} was {choices.how}, beside "
                 f"{_counts(rest)}; ")
        doubt = label_guess.doubt(choices.label, choices.values, choices.positive[0])
        if doubt:
            other = _quote(next(iter(rest)))
            return [f"{begin}but {doubt}: positive = {other} in {target} turns it round"]
        return [f"{begin}if it is the other, change positive in {target} or give --positive"]
    if len(rest) > 1:
        return [f"  the rest counts as 0: {_counts(rest)}; rows of no interest go into ignore = []"]
    return []


def _note(warning: dict[str, Any], choices: _Choices) -> str:
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


def _quote(text: str) -> str:
    """A TOML string: JSON's notation, but for the one control character that JSON leaves bare."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(names: list[str]) -> str:
    return "[" + ", ".join(map(_quote, names)) + "]"


COMMAND = Command("init", "write a run file for a CSV", _add_arguments, _run)
