"""`rubato agent`: what a launcher runs on another host by ssh (fleet/remote/agent.py)."""

from __future__ import annotations

import argparse

from rubato_cli.commands.session import Command, Session
from rubato_cli.fleet.remote import agent_bridge


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--session", required=True, metavar="NAME", help="of the launcher")
    parser.add_argument("--begin", action="store_true", help="make the agent first")
    parser.add_argument("--lease", type=float, default=60.0, metavar="SECONDS",
                        help="how long it outlives its launcher")


def _run(arguments: argparse.Namespace, session: Session) -> int:
    if arguments.begin:
        agent_bridge.begin(session.find_build(), arguments.session, arguments.lease)
    return agent_bridge.join(arguments.session)


COMMAND = Command("agent", "", _add_arguments, _run)
