"""`rubato admin snapshot | stop`: orders to a fleet, wherever it runs, by its admin's key."""

from __future__ import annotations

import argparse
import pathlib

from rubato_cli.base.events import ListeningEvent, parse_told
from rubato_cli.base.failure import DONE, Failure
from rubato_cli.commands.session import Command, Session
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet import keys
from rubato_cli.fleet.question import ask

PROGRAM = "rubato-admin"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("order", choices=("snapshot", "stop"),
                        help="a snapshot, and go on; or stop with one, to go on from with --resume")
    parser.add_argument("run", metavar="RUN", nargs="?",
                        help="the --out folder of the run, if it is here: it knows the rest")
    parser.add_argument("--scheduler", metavar="ADDRESS",
                        help="tcp://HOST:PORT; else that of RUN, or RUBATO_SCHEDULER")
    parser.add_argument("--keys", metavar="DIR",
                        help="folder with admin.key and `allowed`; else of RUN, or RUBATO_KEYS")
    parser.add_argument("--now", action="store_true", help="stop at once, without a snapshot")


def _run(arguments: argparse.Namespace, session: Session) -> int:
    if arguments.now and arguments.order != "stop":
        raise Failure("--now is for stop")
    flags = _flags_of_run(RunFolder(arguments.run)) if arguments.run else {}
    given = {"--scheduler": arguments.scheduler, "--keys": arguments.keys}
    flags.update({name: value for name, value in given.items() if value})
    words = [word for flag in flags.items() for word in flag]
    answer = ask(session.find_build(), PROGRAM,
                 [arguments.order, *words, *(["--now"] if arguments.now else [])])
    if answer.ending.exit_code != DONE:
        said = answer.ending.words.removeprefix(f"{PROGRAM}: ")
        raise Failure(said if answer.ending.spoke else f"{PROGRAM} {answer.ending.why()}",
                      answer.ending.code)
    sentence = answer.stdout.decode().strip()
    session.console.result([sentence], {"order": arguments.order, "answer": sentence})
    return DONE


def _flags_of_run(folder: RunFolder) -> dict[str, str]:
    address = _scheduler_of(folder.telemetry("scheduler-0"))
    if not address:
        raise Failure(f"{folder.shown} has no scheduler that listens; give --scheduler")
    own = folder.path / keys.FOLDER
    return {"--scheduler": address,
            **({"--keys": str(own)} if (own / keys.LIST).exists() else {})}


def _scheduler_of(telemetry: pathlib.Path) -> str:
    """Where that of the newest fleet listens, "" if none has said so. It passes on where others
    do."""
    address = ""
    if telemetry.exists():
        with telemetry.open("rb") as lines:
            for teller, event in map(parse_told, lines):
                if isinstance(event, ListeningEvent) and teller.startswith("scheduler"):
                    address = event.address
    return address


COMMAND = Command("admin", "order a fleet to make a snapshot, or to stop, from anywhere",
                  _add_arguments, _run)
