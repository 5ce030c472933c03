"""`rubato workers RUN +2 | -1 | N`: how many workers train a run, and others while it trains."""

from __future__ import annotations

import argparse
import re
import signal
import time
from typing import Any

from rubato_cli.base import units
from rubato_cli.base.failure import DONE, Failure, StoppedBySignal
from rubato_cli.commands.session import Command, Session
from rubato_cli.commands.status import committed_clock
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.report import summary
from rubato_cli.run import data_tool, metrics, workers
from rubato_cli.run.servers import need_servers
from rubato_cli.run.wishes import Wish, asked_for

LOCK = ".workers.lock"
LOOK_SECONDS = 0.1


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="the --out folder of a `rubato train`")
    parser.add_argument("number", metavar="N", type=_number, nargs="?",
                        help="so many from the next snapshot on, which is made for it; +2: two "
                             "more; -1: one less; left out: say how many there are")


def _number(text: str) -> str:
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text} is no number of workers, nor a change such as "
                                         "+2 or -1")
    return text


def _run(arguments: argparse.Namespace, session: Session) -> int:
    folder = RunFolder(arguments.run)
    need_servers(folder, "go on from with other workers")
    now = _now(folder)
    if arguments.number is None:
        asked = asked_for(folder) if folder.owner() is not None else None
        document = {"workers": now, "asked": asked, "changes": workers.read(folder)}
        session.console.result(_shown(folder, document), document)
        return DONE
    folder.lock("it changes the workers, wait for it", LOCK)
    now = _now(folder)
    wanted = _wanted(arguments.number, now)
    _check_trains(folder, wanted)
    clock = None
    if wanted != now:
        data_tool.check_workers(session.build(), folder, wanted)
        session.console.note(f"{folder.shown}: asked for {wanted}; waiting for a snapshot")
        clock = _await(folder, Wish(folder, wanted), wanted)
    session.console.result(
        [f"{folder.shown}: {units.plural(wanted, 'worker')} " + (
            "already" if clock is None else f"from clock {clock} on")],
        {"workers": wanted, "before": now, "clock": clock})
    return DONE


def _now(folder: RunFolder) -> int:
    return int(folder.read_json("config.json")["fleet"]["workers"])


def _wanted(text: str, now: int) -> int:
    wanted = int(text) + (now if text[0] in "+-" else 0)
    if wanted < 1:
        raise Failure(f"a run needs at least one worker, not {wanted} ({now} now); Ctrl-C stops it "
                      "with a snapshot")
    return wanted


def _shown(folder: RunFolder, document: dict[str, Any]) -> list[str]:
    lines = [f"{folder.shown}: {units.plural(document['workers'], 'worker')}"]
    if document["asked"] is not None:
        lines[0] += f", {document['asked']} are asked for"
    return lines + summary.workers(document["changes"])


def _check_trains(folder: RunFolder, wanted: int) -> None:
    """Failure if no launcher is there to begin the next fleet."""
    if folder.owner() is None:
        if metrics.of_finished(folder):
            raise Failure(f"{folder.shown}: this run is finished; nothing is left to train")
        raise Failure(f"nobody trains in {folder.shown}; `rubato train` with --resume, --out "
                      f"{folder.shown} and --set fleet.workers={wanted} goes on with {wanted}")
    if _is_trained(folder):
        raise Failure(f"{folder.shown}: {workers.AT_THE_END}")


def _await(folder: RunFolder, wish: Wish, wanted: int) -> int:
    """From which clock on they are there; Failure if they are not to be."""
    try:
        while (answer := wish.answer()) is None and not _hopeless(folder, wish):
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        stays = (f"{folder.shown} stays as it is" if wish.withdraw() else
                 f"{folder.shown} goes on with {wanted} all the same, as soon as it can")
        raise StoppedBySignal(signal.SIGINT, stays) from None
    answer = answer or wish.answer()  # the last that a launcher did
    if answer is None:
        wish.withdraw()
        _check_trains(folder, wanted)
        raise Failure(f"{folder.shown}: another `rubato train` has begun; ask again")
    if "refused" in answer:
        raise Failure(f"{folder.shown}: {answer['refused']}")
    return int(answer["clock"])


def _hopeless(folder: RunFolder, wish: Wish) -> bool:
    """Whether nobody is there to fulfil it: the launcher has gone, or trains no more."""
    return folder.owner() is None or wish.lost() or (_is_trained(folder) and wish.withdraw())


def _is_trained(folder: RunFolder) -> bool:
    return committed_clock(folder) >= int(folder.read_json("job.json")["last_clock"])


COMMAND = Command("workers", "train a run with more or fewer workers while it runs",
                  _add_arguments, _run)
