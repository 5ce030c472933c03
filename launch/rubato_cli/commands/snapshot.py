"""`rubato snapshot list | verify | prune | export`: what a run keeps of its weights."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import time
from typing import Any

from rubato_cli.base import text_table, units
from rubato_cli.base.console import Console
from rubato_cli.base.failure import DONE, FATAL, USAGE, Failure
from rubato_cli.commands.arguments import add_speech, from_one
from rubato_cli.commands.session import Command, Session
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.files.target import Target
from rubato_cli.fleet.builds import Build
from rubato_cli.run import best_epoch, snapshots
from rubato_cli.run.committed import kept_snapshots, snapshot_of_figures, used_snapshot
from rubato_cli.run.servers import need_servers

EXPORTS = "exports.jsonl"  # in the run folder: a line for each export


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add_verb(verbs, "list", _list, "say which there are")
    verify = _add_verb(verbs, "verify", _verify, "read every byte of those that are kept")
    verify.add_argument("number", metavar="N", type=from_one, nargs="?", help="of this one only")
    prune = _add_verb(verbs, "prune", _prune, "remove all but the newest")
    prune.add_argument("--keep", metavar="K", type=from_one, required=True,
                       help="so many of the newest that are whole; what predict uses stays, too")
    export = _add_verb(verbs, "export", _export, "write the weights to one file")
    export.add_argument("--out", metavar="FILE", required=True,
                        help="file to write, when all was read")
    export.add_argument("--snapshot", metavar="N", type=from_one,
                        help="this one, not the one that predict uses")
    export.add_argument("--format", choices=("safetensors", "csv"), default="safetensors")


def _add_verb(verbs: Any, name: str, run: Any, words: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=words, description=words)
    parser.add_argument("run", metavar="RUN", help="the --out folder of a `rubato train`")
    add_speech(parser, default=argparse.SUPPRESS)
    parser.set_defaults(run_verb=run)
    return parser


def _run(arguments: argparse.Namespace, session: Session) -> int:
    folder = RunFolder(arguments.run)
    need_servers(folder, arguments.verb)
    folder.read_json("config.json")  # or it is no run
    code: int = arguments.run_verb(arguments, folder, session.build(), session.console)
    return code


def _list(_: argparse.Namespace, folder: RunFolder, build: Build, console: Console) -> int:
    document = snapshots.ask(build, folder, "list")
    used = used_snapshot(build, folder, console) if document["kept"] else None
    per_epoch = int(folder.read_json("job.json")["iterations_per_epoch"])
    for kept in document["kept"]:
        kept["epoch"] = (kept["clock"] + 1) // per_epoch
        kept["used"] = used is not None and kept["number"] == used.number
    console.result(_table(folder, document), document)
    return DONE


def _table(folder: RunFolder, document: dict[str, Any]) -> list[str]:
    if not document["kept"]:
        return [f"{folder.shown}: no snapshot was committed yet"]
    rows = [["snapshot", "clock", "epoch", "written", "size", "shards", ""]]
    rows += [[str(kept["number"]), str(kept["clock"]), str(kept["epoch"]), _when(kept),
              units.plain(units.data_size(kept["bytes"])), str(kept["shards"]),
              "used by predict" if kept["used"] else ""] for kept in document["kept"]]
    lines = text_table.lines(rows, left=(6,))
    if unused := document["unused"]:
        size = units.plain(units.data_size(sum(each["bytes"] for each in unused)))
        lines.append(f"not used any more: {_numbers(each['number'] for each in unused)} ({size}); "
                     "`rubato snapshot prune` removes them")
    return lines


def _when(kept: dict[str, Any]) -> str:
    if not kept["written_at"]:
        return units.ABSENT
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(kept["written_at"]))


def _numbers(numbers: Any) -> str:
    return ", ".join(map(str, numbers))


def _verify(arguments: argparse.Namespace, folder: RunFolder, build: Build,
            console: Console) -> int:
    wanted = [] if arguments.number is None else ["--snapshot", arguments.number]
    document = snapshots.ask(build, folder, "verify", *wanted)
    lines = []
    for each in document["snapshots"]:
        lines.append(f"snapshot {each['number']} at clock {each['clock']}: "
                     f"{'damaged' if each['damage'] else 'whole'}")
        lines += [f"  {sentence}" for sentence in each["damage"]]
    damaged = [each["number"] for each in document["snapshots"] if each["damage"]]
    console.result(lines, document)
    return FATAL if damaged else DONE


def _prune(arguments: argparse.Namespace, folder: RunFolder, build: Build,
           console: Console) -> int:
    folder.lock(snapshots.OTHERWISE)
    document = snapshots.ask(build, folder, "prune", "--keep", arguments.keep, *(
        word for number in sorted(_spared(folder, build)) for word in ("--spare", number)))
    lines = [f"damaged: {sentence}" for sentence in document["damage"]]
    lines.append(f"kept {_numbers(document['kept'])}; " + (
        f"removed {_numbers(document['removed'])} "
        f"({units.plain(units.data_size(document['bytes']))})"
        if document["removed"] else "nothing to remove"))
    console.result(lines, document)
    return DONE


def _spared(folder: RunFolder, build: Build) -> set[int]:
    """What the figures of the run were made with, or will be."""
    numbers = {snapshot_of_figures(folder)}
    if folder.read_json("config.json")["train"]["best_epoch"]:
        numbers.add(best_epoch.snapshot(folder, kept_snapshots(build, folder)))
    return {number for number in numbers if number is not None}


def _export(arguments: argparse.Namespace, folder: RunFolder, build: Build,
            console: Console) -> int:
    number = arguments.snapshot
    if number is None:
        number = used_snapshot(build, folder, console).number
    if not number:
        raise Failure(f"{folder.shown}: no snapshot was committed yet, so there is nothing to "
                      "export; train first", USAGE)
    with Target(pathlib.Path(arguments.out).absolute()) as target:
        document = snapshots.ask(build, folder, "export", "--snapshot", number, "--out",
                                 target.draft, "--format", arguments.format)
        document["out"] = str(pathlib.Path(arguments.out).absolute())
        _note_export(folder, document, console)
        target.publish()
        lines = [f"wrote {arguments.out}: snapshot {number} at clock {document['clock']}, "
                 f"{units.plain(units.data_size(document['bytes']))}",
                 f"sha256 {document['sha256']}"]
        if target.is_stdout:
            console.note("; ".join(lines))
        else:
            console.result(lines, document)
    return DONE


def _note_export(folder: RunFolder, document: dict[str, Any], console: Console) -> None:
    """Who has taken the model out of the run, before he has it."""
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "user": os.getuid(),
            **document}
    try:
        with (folder.path / EXPORTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    except OSError as error:
        console.note(f"this export is not noted in {folder.shown}/{EXPORTS}: {error.strerror}")


COMMAND = Command("snapshot", "look after the snapshots of a run", _add_arguments, _run)
