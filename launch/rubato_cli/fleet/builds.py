"""Which executables to use: the release build, else the newest build, and say which."""

from __future__ import annotations

import dataclasses
import os
import pathlib

from rubato_cli.base.checkout import ROOT
from rubato_cli.base.failure import Failure

PROGRAMS = ("rubato-admin", "rubato-data", "rubato-keys", "rubato-scheduler", "rubato-server",
            "rubato-snapshot", "rubato-worker")


@dataclasses.dataclass(frozen=True)
class Build:
    """A folder that holds all of PROGRAMS, and the words that say where it is."""

    folder: pathlib.Path
    words: str

    def program(self, name: str) -> str:
        return str(self.folder / name)


def find(chosen: str | None) -> Build:
    """`chosen` is $RUBATO_BIN, a folder that goes before every build."""
    if chosen:
        folder = pathlib.Path(chosen).resolve()
        missing = _missing(folder)
        if missing:
            raise Failure(f"RUBATO_BIN={chosen} has no {missing[0]}; name a folder with all of "
                          f"{', '.join(PROGRAMS)}, or unset it")
        return Build(folder, f"RUBATO_BIN={chosen}")
    release = ROOT / "build" / "release" / "bin"
    if not _missing(release):
        return Build(release, "build/release")
    others = [folder for folder in ROOT.glob("build/*/bin") if not _missing(folder)]
    if not others:
        raise Failure(f"no build with {', '.join(PROGRAMS)} under {ROOT / 'build'}; run "
                      f"{ROOT}/launch/quickstart, or cmake --preset release && cmake --build "
                      "--preset release")
    newest = max(others, key=lambda folder: (folder / PROGRAMS[-1]).stat().st_mtime)
    return Build(newest, f"build/{newest.parent.name} (no release build is there)")


def _missing(folder: pathlib.Path) -> list[str]:
    return [name for name in PROGRAMS if not os.access(folder / name, os.X_OK)]
