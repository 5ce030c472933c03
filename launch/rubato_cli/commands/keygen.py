"""`rubato keygen DIR`: the keys by which the processes of a fleet know each other."""

from __future__ import annotations

import argparse
import pathlib

from rubato_cli.base.failure import DONE
from rubato_cli.commands.session import Command, Session
from rubato_cli.fleet import keys

ROLES = ("scheduler", "server", "worker", "reader", "admin")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dir", metavar="DIR", help="folder of keys, new unless one is replaced")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--rotate", choices=ROLES, metavar="ROLE",
                     help="a new pair for this role; the old one stays good until --retire")
    how.add_argument("--retire", action="store_true", help="old keys are good no longer")


def _run(arguments: argparse.Namespace, session: Session) -> int:
    folder = pathlib.Path(arguments.dir).resolve()
    verb = (["rotate", str(folder), arguments.rotate] if arguments.rotate
            else ["retire", str(folder)] if arguments.retire else ["make", str(folder)])
    keys.make(session.find_build(), *verb)
    session.console.result(_told(arguments, folder), {
        "folder": str(folder), "rotated": arguments.rotate, "retired": bool(arguments.retire)})
    return DONE


def _told(arguments: argparse.Namespace, folder: pathlib.Path) -> list[str]:
    if arguments.rotate:
        return [f"{folder}: {arguments.rotate}.key is new, and `allowed` has the old one too",
                "next: bring `allowed` to all hosts (running processes read it by themselves), "
                f"then {arguments.rotate}.key to those that have this role, and start these again; "
                "at last `rubato keygen --retire`"]
    if arguments.retire:
        return [f"{folder}/allowed: has no old keys any more; bring it to all hosts"]
    return [f"{folder}: a pair for each role ({', '.join(ROLES)}) and `allowed`, the list of who "
            "may take part",
            "each process needs the pair of its own role and the list; give it --keys DIR"]


COMMAND = Command("keygen", "make keys for a fleet of several hosts, or replace them",
                  _add_arguments, _run)
