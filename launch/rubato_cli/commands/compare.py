"""`rubato compare DIR DIR...`: the figures of several runs side by side."""

from __future__ import annotations

import argparse

from rubato_cli.base.failure import DONE, Failure
from rubato_cli.commands.session import Command, Session
from rubato_cli.report import comparison, record


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dirs", metavar="DIR", nargs="+",
                        help="the --out folders of two or more `rubato train`s")


def _run(arguments: argparse.Namespace, session: Session) -> int:
    if len(arguments.dirs) < 2:
        raise Failure("there is nothing to compare with one run; name two or more folders")
    runs = [record.read(path) for path in arguments.dirs]
    session.console.result(comparison.table(runs), comparison.document(runs))
    return DONE


COMMAND = Command("compare", "set the figures of several runs side by side", _add_arguments, _run)
