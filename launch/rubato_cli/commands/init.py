"""`rubato init my.csv --label L`: writes a run file for one's own data."""

from __future__ import annotations

import argparse
import os
import pathlib
import shlex
from typing import Any

from rubato_cli.base import system_error
from rubato_cli.base.failure import DONE, Failure
from rubato_cli.base.names import need_utf8
from rubato_cli.commands.session import Command, Session
from rubato_cli.files.target import Target
from rubato_cli.own_data import account, run_file
from rubato_cli.own_data.choices import Asked, choose
from rubato_cli.own_data.layout import Layout
from rubato_cli.own_data.shown import show
from rubato_cli.run import data_tool

SHOWN_NAMES = 10  # of columns, in an error

# worker/spec/target.h
TARGETS = ("binary", "count", "amount", "tweedie", "real", "quantile", "classes")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("csv", metavar="my.csv", help="the data (.gz, .zst too)")
    parser.add_argument("--label", metavar="COLUMN", help="column to predict; needed, but for "
                        "files that have no columns, of which init says what to do with them")
    parser.add_argument("--positive", metavar="VALUE", action="append", default=[],
                        help="label value that counts as 1, instead of a guess; again for more, "
                        "and the rest counts as 0")
    parser.add_argument("--target", choices=TARGETS, metavar="KIND",
                        help=f"what is learnt of the label, {', '.join(TARGETS[:-1])} or "
                        f"{TARGETS[-1]}, instead of a guess")
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
    layout = Layout(arguments.header, arguments.skip_lines)
    if arguments.label is None:
        raise _without_label(data_tool.ask(build, ["inspect", str(source), "--json",
                                                   *layout.flags()]))
    asked = Asked(arguments.label, arguments.positive, arguments.target or "")
    seen = data_tool.ask(build, ["inspect", str(source), "--label", arguments.label, "--json",
                                 *(["--target", asked.kind] if asked.kind else []),
                                 *layout.flags()])
    choices = choose(seen, source, asked, layout)
    need_utf8(arguments.label, "a run file")
    need_utf8(os.path.relpath(source, out.absolute().parent), "a run file")
    need_utf8(out.name, "a run file")  # which says how to look at it
    with Target(out) as target:
        with system_error.about(out):
            target.draft.write_text(run_file.text(choices, source, out), "utf-8")
        data_tool.ask(build, ["config", str(target.draft)])  # what would not load is not kept
        target.publish()
        lines = account.lines(seen, choices, shlex.quote(str(source)), out)
        if target.is_stdout:
            session.console.note("\n".join(lines))
        else:
            session.console.result(lines, {"run_file": str(out), "target": choices.label.kind,
                                            **seen})
    return DONE


def _without_label(seen: dict[str, Any]) -> Failure:
    """Of a file that has columns; others have been refused with what they are."""
    names = [column["name"] for column in seen["columns"]]
    shown = ", ".join(show(name) for name in names[:SHOWN_NAMES])
    more = f" and {len(names) - SHOWN_NAMES} others" if len(names) > SHOWN_NAMES else ""
    return Failure(f"--label is missing; name the column to predict, one of {shown}{more}")


COMMAND = Command("init", "write a run file for a CSV", _add_arguments, _run)
