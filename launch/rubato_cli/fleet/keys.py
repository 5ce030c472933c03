"""The keys of a run's fleet: made by themselves, once, where other hosts can reach it."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import pathlib
from collections.abc import Iterable
from typing import Any

from rubato_cli.base.failure import DONE, Failure
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.question import ask

PROGRAM = "rubato-keys"
FOLDER = "keys"  # in the run folder
LIST = "allowed"


def leaves_loopback(fleet: dict[str, Any]) -> bool:
    """Whether other hosts can reach its endpoints. `fleet`: config.json's section."""
    if fleet["interface"]:
        return bool(fleet["interface"] != "lo")
    if fleet["host"] == "localhost":
        return False
    try:
        return not ipaddress.ip_address(fleet["host"]).is_loopback
    except ValueError:  # a name
        return True


def are_needed(fleet: dict[str, Any]) -> bool:
    """Whether its processes have to know each other by keys."""
    return bool(fleet["encrypt"]) or leaves_loopback(fleet)


def ensure(build: Build, run: pathlib.Path) -> None:
    """Makes those of the run in the folder `run`, if they are not there."""
    folder = run / FOLDER
    if not (folder / LIST).exists():
        make(build, "make", str(folder))


def texts(run: pathlib.Path, roles: Iterable[str]) -> dict[str, str]:
    """What a host whose processes have these roles is to know: by file name. Who trains may also
    evaluate."""
    names = {f"{role}.key" for role in roles} | {LIST}
    if "worker" in roles:
        names.add("reader.key")
    return {name: (run / FOLDER / name).read_text(encoding="ascii") for name in sorted(names)}


def take(texts_in: pathlib.Path, folder: pathlib.Path) -> None:
    """Moves the files that texts() has named from one folder to the other, for this user alone."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for file in [*texts_in.glob("*.key"), texts_in / LIST]:
        draft = folder / f".{file.name}"
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w",
                  encoding="ascii") as out:
            out.write(file.read_text(encoding="ascii"))
        draft.rename(folder / file.name)
        file.unlink()


@dataclasses.dataclass(frozen=True)
class Folder:
    """Where the processes of a fleet find theirs: at `path`, or in the run's folder."""

    path: str
    needed: bool

    def run_flags(self, run: str) -> list[str]:
        """What each process is given. `run`: the run's folder, as the process sees it."""
        return ["--run", run, *(["--keys", self.path or f"{run}/{FOLDER}"] if self.needed else [])]


def make(build: Build, *verb: str) -> None:
    """`rubato-keys verb`."""
    ending = ask(build, PROGRAM, list(verb)).ending
    if ending.exit_code != DONE:
        words = ending.words.removeprefix(f"{PROGRAM}: ")
        raise Failure(words if ending.spoke else f"{PROGRAM} {ending.why()}", ending.code)
