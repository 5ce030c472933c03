"""`rubato-data`, the one reader of run files and data: a child process that answers in JSON, or
refuses with a sentence on stderr."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from typing import Any, TextIO

from rubato_cli.base import system_error
from rubato_cli.base.console import Console
from rubato_cli.base.failure import DONE, FATAL, Failure, StoppedBySignal
from rubato_cli.files import target
from rubato_cli.files.process_files import ProcessFiles
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet import question
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.ending import Ending, last_line
from rubato_cli.fleet.fleet import Fleet
from rubato_cli.fleet.places import LocalPlaces
from rubato_cli.fleet.stop_signals import SIGNALS, StopSignals

PROGRAM = "rubato-data"
PREPARED = ("job.json", "config.json", "run.toml")  # what a resume writes anew, one by one


def ask(build: Build, arguments: list[str]) -> dict[str, Any]:
    """Runs `rubato-data arguments` and returns the JSON document that it prints."""
    answer = question.ask(build, PROGRAM, arguments)
    if answer.ending.exit_code != DONE:
        raise _refusal(answer.ending, arguments[0])
    try:
        return dict(json.loads(answer.stdout.decode(errors="replace")))
    except ValueError as error:
        raise Failure(f"{PROGRAM} {arguments[0]} printed no JSON; build again", FATAL) from error


def prepare(build: Build, arguments: list[str], folder: RunFolder, stop: StopSignals,
            console: Console) -> None:
    """Runs `rubato-data prepare arguments`, which makes `folder` whole or not at all, and shows
    what it says about the data. Its output waits in memory until `folder` is there."""
    with _memory_file() as output, _memory_file() as errors:
        code = _run_to_end(build, ["prepare", *arguments],
                           ProcessFiles(_path_of(output), _path_of(errors), stays=False), stop)
        said = output.read().splitlines()[1:]  # not our "launched"
        complaints = errors.read()
    if code != DONE:
        raise _refusal(Ending(code, last_line(complaints, code)), "prepare")
    for line in said:
        console.note(line)
    path = folder.files("", "prepare-0").log
    with system_error.about(path), open(path, "a", encoding="utf-8") as log:
        log.write("\n".join([*said, complaints]))


def check_workers(build: Build, folder: RunFolder, workers: int) -> None:
    """Failure if set_workers() would be refused; changes nothing."""
    _resume_with(build, folder, workers, "--check")


def set_workers(build: Build, folder: RunFolder, workers: int, committed: int) -> None:
    """Prepares the run in `folder`, as it is but for the number of its workers, to be taken up at
    clock `committed`. Failure: it is as it was."""
    before = {path: _text(path) for path in (folder.path / name for name in PREPARED)}
    try:
        _resume_with(build, folder, workers, "--committed", str(committed))
    except Failure:
        for path, text in before.items():
            if _text(path) != text:  # a full disk may have had room for some of them
                target.write(path, text)
        raise


def _resume_with(build: Build, folder: RunFolder, workers: int, *how: str) -> None:
    ending = question.ask(build, PROGRAM, [
        "prepare", str(folder.path / "run.toml"), "--out", str(folder.path), "--resume", *how,
        "--set", f"fleet.workers={workers}"]).ending
    if ending.exit_code != DONE:
        raise _refusal(ending, "prepare")


def _text(path: pathlib.Path) -> str:
    return path.read_text(encoding="utf-8")


def _memory_file() -> TextIO:
    return open(os.memfd_create("rubato-prepare"), encoding="utf-8", errors="replace")


def _path_of(file: TextIO) -> pathlib.Path:
    return pathlib.Path(f"/proc/self/fd/{file.fileno()}")


def _run_to_end(build: Build, arguments: list[str], files: ProcessFiles, stop: StopSignals) -> int:
    """Its exit code. A first stop signal is passed on: preparing cleans up behind itself. One that
    it got itself stops the run as well."""
    with Fleet(LocalPlaces(build), lambda _: files, stop) as fleet:
        child = fleet.start("prepare-0", PROGRAM, arguments)
        fleet.may_end(child, *range(256))
        fleet.signals_bearable = 1
        asked = False
        while child.running:
            fleet.step()
            if stop.count and not asked:
                child.stop()
                asked = True
    for number in SIGNALS:
        if child.exit_code == 128 + number:
            stop.hear(number, 1)
    if stop.count:
        raise StoppedBySignal(stop.number)
    return child.exit_code or DONE


def _refusal(ending: Ending, verb: str) -> Failure:
    """Its own words, without its name, if it had any."""
    ending = dataclasses.replace(ending, words=ending.words.removeprefix(f"{PROGRAM}: "))
    return Failure(ending.words if ending.spoke else f"{PROGRAM} {verb} {ending.why()}",
                   ending.code)
