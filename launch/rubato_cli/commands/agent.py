"""`rubato agent`: what a launcher runs on another host by ssh (fleet/remote/agent.py)."""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import re

from rubato_cli.base import console
from rubato_cli.base.failure import DONE
from rubato_cli.commands.arguments import add_at
from rubato_cli.commands.session import Command, Session
from rubato_cli.detached import log_view, survey
from rubato_cli.fleet import keys
from rubato_cli.fleet.remote import agent_bridge, checks, run_files, ssh


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--session", metavar="NAME", type=_session,
                      help="join stdin and stdout to the agent of this launcher")
    what.add_argument("--inspect", metavar="DIR", help="say whether a run's folder can be there")
    what.add_argument("--digests", metavar="DIR", help="say what a run's folder holds")
    what.add_argument("--show", metavar="FILE", help="print it")
    what.add_argument("--tail", metavar="FILE", type=pathlib.Path, help="print its end")
    what.add_argument("--survey", metavar="JSON", help="say whether a fleet can be supervised here")
    what.add_argument("--take-keys", metavar="DIR", type=pathlib.Path,
                      help="keep the keys that the agent was given there")
    parser.add_argument("--agent-folder", type=pathlib.Path, metavar="DIR",
                        help="where the agent keeps what it is given")
    parser.add_argument("--begin", action="store_true", help="make the agent first")
    parser.add_argument("--lease", type=float, default=60.0, metavar="SECONDS",
                        help="how long it outlives its launcher")
    parser.add_argument("--token", default="", help="whether a file of this name is seen there")
    parser.add_argument("--lines", type=int, default=log_view.LINES, help="of --tail")
    parser.add_argument("--follow", action="store_true", help="until stdin ends")
    add_at(parser)
    parser.add_argument("--up", type=int, default=0, metavar="N", help="so many folders above")


def _session(text: str) -> str:
    if not re.fullmatch(r"[0-9a-z]{1,64}", text):
        raise argparse.ArgumentTypeError(f"{text} is no name of a session")
    return text


def _run(arguments: argparse.Namespace, session: Session) -> int:
    if arguments.inspect:
        found = checks.inspect(arguments.inspect, arguments.token, arguments.up)
        console.answer(json.dumps(found) + "\n")
        return DONE
    if arguments.digests:
        found = run_files.digests(pathlib.Path(arguments.digests))
        console.answer(json.dumps(found) + "\n")
        return DONE
    if arguments.show:
        console.answer(pathlib.Path(arguments.show).read_text(encoding="utf-8"))
        return DONE
    if arguments.tail:
        log_view.show(arguments.tail, arguments,
                      log_view.stdin_is_over if arguments.follow else None)
        return DONE
    if arguments.survey:
        found = survey.answer(json.loads(arguments.survey), arguments.at, session.find_build(),
                              ssh.of(session.environment))
        console.answer(json.dumps(dataclasses.asdict(found)) + "\n")
        return DONE
    if arguments.take_keys:
        keys.take(arguments.agent_folder, arguments.take_keys)
        return DONE
    if arguments.begin:
        agent_bridge.begin(session.find_build(), arguments.session, arguments.lease)
    return agent_bridge.join(arguments.session)


COMMAND = Command("agent", "", _add_arguments, _run)
