"""What `rubato workers` asks of the launcher that trains a run, and what that answers.

  workers-asked.json   {"wish", "workers"}: nobody has taken it up yet
  workers-taken.json   the same, renamed by the launcher; with "clock" or "refused" once it is
                       answered, for whoever asked to remove

Only one of both sides can have the first file: who removes it has withdrawn the wish. A wish is no
state of the run: the next launcher removes what is left of one that nobody fulfilled.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any

from rubato_cli.base.failure import Failure
from rubato_cli.files.run_folder import RunFolder

ASKED = "workers-asked.json"
TAKEN = "workers-taken.json"
LOOK_SECONDS = 0.25  # between two looks of a launcher


class Wishes:
    """Of one run, as its launcher sees them. Nothing here ends a training: what cannot be written
    stays without an answer."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._taken: dict[str, Any] = {}
        self._next_look = 0.0
        _remove(folder, ASKED)
        _remove(folder, TAKEN)

    def look(self) -> int | None:
        """As often as you like: the workers that somebody asks for, once."""
        now = time.monotonic()
        if now < self._next_look:
            return None
        self._next_look = now + LOOK_SECONDS
        return self.take()

    def take(self) -> int | None:
        """The same, now."""
        try:
            os.rename(self._folder.path / ASKED, self._folder.path / TAKEN)
            self._taken = self._folder.read_json(TAKEN)
            return int(self._taken["workers"])
        except (OSError, Failure, KeyError, TypeError, ValueError):
            return None  # there is none, or it is not from `rubato workers`

    def fulfil(self, clock: int) -> None:
        """There are as many as were asked for, from `clock` on."""
        self._answer({"clock": clock})

    def refuse(self, sentence: str) -> None:
        self._answer({"refused": sentence})

    def _answer(self, answer: dict[str, Any]) -> None:
        taken, self._taken = self._taken, {}
        if taken:
            with contextlib.suppress(OSError):
                self._folder.write_json(TAKEN, {**taken, **answer})


class Wish:
    """One, as the `rubato workers` that makes it sees it. Nobody else makes one meanwhile
    (RunFolder.lock)."""

    def __init__(self, folder: RunFolder, workers: int) -> None:
        self._folder = folder
        self._name = f"{os.getpid()}-{time.time_ns()}"
        folder.write_json(ASKED, {"wish": self._name, "workers": workers})

    def withdraw(self) -> bool:
        """Whether that was still possible."""
        return _remove(self._folder, ASKED)

    def lost(self) -> bool:
        """Whether a launcher that came meanwhile has removed it."""
        # In this order: a wish is renamed from the one to the other.
        return not (self._folder.path / ASKED).exists() and not self._in(TAKEN)

    def answer(self) -> dict[str, Any] | None:
        """With "clock" or "refused"; None as long as there is none."""
        taken = self._in(TAKEN)
        if not taken or not ("clock" in taken or "refused" in taken):
            return None
        _remove(self._folder, TAKEN)
        return taken

    def _in(self, file: str) -> dict[str, Any]:
        """What `file` says of it; {} if it is of another one."""
        found = _read(self._folder, file)
        return found if found.get("wish") == self._name else {}


def asked_for(folder: RunFolder) -> int | None:
    """Workers that somebody waits for now."""
    for name in (ASKED, TAKEN):
        wish = _read(folder, name)
        if "workers" in wish and "clock" not in wish and "refused" not in wish:
            return int(wish["workers"])
    return None


def _read(folder: RunFolder, name: str) -> dict[str, Any]:
    """{} if it is not there, or not there any more."""
    try:
        return folder.read_json(name)
    except Failure:
        return {}


def _remove(folder: RunFolder, name: str) -> bool:
    """Whether it was there, and could be."""
    try:
        (folder.path / name).unlink()
    except OSError:
        return False
    return True
