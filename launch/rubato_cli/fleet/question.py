"""A program that is asked something: started, and read to its end."""

from __future__ import annotations

import dataclasses
import subprocess

from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.ending import Ending, last_line
from rubato_cli.fleet.process import die_with_parent


@dataclasses.dataclass(frozen=True)
class Answer:
    """What it printed, and how it ended."""

    stdout: bytes
    ending: Ending


def ask(build: Build, program: str, arguments: list[str]) -> Answer:
    """`program arguments`, which read nothing from stdin."""
    done = subprocess.run([build.program(program), *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, check=False, preexec_fn=die_with_parent())
    log = done.stderr.decode(errors="replace")
    return Answer(done.stdout, Ending(done.returncode, last_line(log, done.returncode)))
