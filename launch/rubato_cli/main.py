"""Command line of `rubato`: the table of commands, and the one place where failures end."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Any

from rubato_cli.base import checkout, console, output
from rubato_cli.base.causes import failure_of
from rubato_cli.base.console import Console
from rubato_cli.base.failure import DONE, Failure
from rubato_cli.commands.arguments import add_speech
from rubato_cli.commands.session import Command, Session
from rubato_cli.fleet import open_files

# Each a module of rubato_cli.commands, in the order of the help.
COMMANDS = ("init", "train", "predict", "report", "compare", "status", "workers", "snapshot",
            "rollback", "up", "down", "logs", "head", "render", "keygen", "admin", "doctor",
            "bench", "agent")

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


def _commands(words: list[str]) -> list[Command]:
    """The one that `words` begin with, else all. Whoever wants one does not wait for the others to
    be read, which takes longer than most of them."""
    wanted = [name for name in COMMANDS if words[:1] == [name]] or COMMANDS
    return [importlib.import_module(f"rubato_cli.commands.{name}").COMMAND for name in wanted]


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="rubato", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Trains risk models on a fleet of parameter servers and workers.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print it and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in _commands(sys.argv[1:]):
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
