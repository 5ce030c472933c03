"""`rubato-snapshot`: what is asked of the snapshots of a run, answered in JSON."""

from __future__ import annotations

import json
from typing import Any

from rubato_cli.base.failure import DONE, FATAL, Failure
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.question import ask as ask_program

PROGRAM = "rubato-snapshot"
OTHERWISE = "wait for it, or stop it"  # where somebody else trains the run


def ask(build: Build, folder: RunFolder, verb: str, *arguments: object) -> dict[str, Any]:
    """Runs `rubato-snapshot verb` on the run in `folder`; the document that it prints."""
    answer = ask_program(build, PROGRAM, [verb, "--run", str(folder.path), *map(str, arguments)])
    ending = answer.ending
    if ending.exit_code != DONE:
        words = ending.words.removeprefix(f"{PROGRAM}: ")
        raise Failure(words if ending.spoke else f"{PROGRAM} {verb} {ending.why()}", ending.code)
    try:
        return dict(json.loads(answer.stdout))
    except ValueError as error:
        raise Failure(f"{PROGRAM} {verb} printed no JSON; build again", FATAL) from error
