"""Command line of `rubato`: the dispatch table, and the one place where failures end."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from rubato_cli.base import checkout, console, output
from rubato_cli.base.causes import failure_of
from rubato_cli.base.console import Console
from rubato_cli.base.failure import DONE, Failure
from rubato_cli.commands import (agent, bench, compare, doctor, down, head, init, keygen, logs,
                                 predict, render, report, rollback, snapshot, status, train, up,
                                 workers)
from rubato_cli.commands.arguments import add_speech
from rubato_cli.commands.session import Session
from rubato_cli.fleet import open_files

COMMANDS = (init.COMMAND, train.COMMAND, predict.COMMAND, report.COMMAND, compare.COMMAND,
            status.COMMAND, workers.COMMAND, snapshot.COMMAND, rollback.COMMAND, up.COMMAND,
            down.COMMAND, logs.COMMAND, head.COMMAND, render.COMMAND, keygen.COMMAND,
            doctor.COMMAND, bench.COMMAND, agent.COMMAND)

EPILOG = """\
exit codes:
  0 done, 2 usage or configuration, 3 a process of the fleet died (go on with --resume),
  4 fatal data or model, 75 stopped by one Ctrl-C or SIGTERM with its snapshot committed,
  130 or 143 stopped at once

environment:
  RUBATO_BIN   folder of executables to use instead of build/release/bin
  RUBATO_SSH   command that reaches other hosts instead of ssh
  NO_COLOR     no colours
"""


class _Parser(argparse.ArgumentParser):
    """Help and mistakes go the way of all that we say."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stdout:
            console.answer(message)
        else:
            Console().say(message)


class _Version(argparse.Action):
    """Asks git when it is wanted only."""

    def __call__(self, *_: object, **__: object) -> None:
        console.answer(f"rubato {checkout.version()}\n")
        raise SystemExit(DONE)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="rubato", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Trains risk models on a fleet of parameter servers and workers.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print it and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        # Who has no help is for other programs.
        words = {"help": command.help} if command.help else {}
        child = commands.add_parser(command.name, description=command.help, **words)
        command.add_arguments(child)
        add_speech(child)
        child.set_defaults(run_command=command.run)
    return parser


def main() -> int:
    output.open_standard_streams()
    # https://no-color.org: present and not empty, whatever its value.
    speaker = Console(no_color=bool(os.environ.get("NO_COLOR")))
    open_files.raise_limit()
    try:
        arguments = _parser().parse_args()
        speaker.quiet, speaker.json = arguments.quiet, arguments.json
        code: int = arguments.run_command(arguments, Session(speaker, os.environ))
        return code
    except (Failure, OSError, MemoryError, KeyboardInterrupt) as error:
        failure = failure_of(error)
        speaker.error(failure.sentence, failure.code)
        return failure.code
