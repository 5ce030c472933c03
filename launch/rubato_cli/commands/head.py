"""`rubato head RUN --out DIR`: `rubato train` whose servers and workers an engine starts.

Its scheduler is its child; all others tell that what they do, and so the head knows. It begins the
run, or goes on with it where DIR was begun: an engine that starts it again does no more.
"""

from __future__ import annotations

import argparse
import signal

from rubato_cli.base.failure import DONE
from rubato_cli.commands import own_training
from rubato_cli.commands.arguments import add_settings
from rubato_cli.commands.session import Command, Session
from rubato_cli.fleet.stop_signals import SIGNALS
from rubato_cli.run.engine import Engine

COME_SECONDS = 300.0  # images may have to be fetched first


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="run file (TOML)")
    parser.add_argument("--out", required=True, metavar="DIR",
                        help="folder to write; where a run was begun in it, it goes on")
    add_settings(parser)
    parser.add_argument("--wait", type=float, default=COME_SECONDS, metavar="SECONDS",
                        help="for all servers and workers to come")
    parser.add_argument("--stay", action="store_true",
                        help="once the run is finished: until a stop signal, for an engine that "
                        "starts again whatever ends")


def _run(arguments: argparse.Namespace, session: Session) -> int:
    arguments.resume = True
    said = session.environment
    engine = Engine(arguments.wait, said.get("RUBATO_LISTEN", ""), said.get("RUBATO_KEYS", ""))
    code = own_training.train(arguments, session, engine)
    if code == DONE and arguments.stay:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        session.console.note("finished; waiting to be ended")
        signal.sigwait(SIGNALS)
    return code


COMMAND = Command("head", "train with servers and workers that an engine starts", _add_arguments,
                  _run)
