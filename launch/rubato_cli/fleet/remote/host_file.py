"""The file that names the hosts of a fleet, a line each:

  NAME [address=ADDRESS] [slots=N] [roles=scheduler,server,worker] [path=FOLDER] [out=FOLDER]

NAME is what ssh calls it: user, port and key are in ssh's own configuration. `address` is where the
other hosts reach its processes (NAME, if that is left out); `slots`, how many servers and workers
it has room for (as many as cores); `path`, where Rubato is installed there (as here); `out`, where
the run's folder is there (as here). # begins a comment.
"""

from __future__ import annotations

import dataclasses
import difflib
import pathlib
import re
import shlex

from rubato_cli.base import system_error
from rubato_cli.base.failure import Failure

ROLES = ("scheduler", "server", "worker")
KEYS = ("address", "slots", "roles", "path", "out")
SLOTS_MAX = 4096
# Neither an option of ssh nor anything that a shell would read.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@%-]*")


@dataclasses.dataclass(frozen=True)
class HostEntry:
    """One line. "" and 0: left out."""

    name: str
    address: str
    slots: int = 0
    roles: tuple[str, ...] = ROLES
    path: str = ""
    out: str = ""


def read(path: str) -> list[HostEntry]:
    """All of them; Failure names the line."""
    with system_error.about(path):
        lines = pathlib.Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    entries: dict[str, HostEntry] = {}
    for number, line in enumerate(lines, 1):
        where = f"{path}:{number}"
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise Failure(f"{where}: {error}") from error
        if not words:
            continue
        entry = _entry(words, where)
        if entry.name in entries:
            raise Failure(f"{where}: host {entry.name} is there already; give it more slots "
                          "instead")
        entries[entry.name] = entry
    for role in ROLES:
        if not any(role in entry.roles for entry in entries.values()):
            raise Failure(f"{path}: no host has the role {role}; name one a line, as in "
                          "`node1 slots=4`")
    return list(entries.values())


def _entry(words: list[str], where: str) -> HostEntry:
    name = words[0]
    if not NAME.fullmatch(name):
        raise Failure(f"{where}: '{name}' is no name of a host; a line begins with one")
    values: dict[str, str] = {}
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if key not in KEYS or not equals or not value:
            near = difflib.get_close_matches(key, KEYS, 1)
            raise Failure(f"{where}: '{word}' is none of {', '.join(f'{key}=' for key in KEYS)}"
                          + (f"; did you mean {near[0]}=?" if near and key not in KEYS else ""))
        values[key] = value
    for key in ("path", "out"):
        if key in values and not values[key].startswith("/"):
            raise Failure(f"{where}: {key}={values[key]} is no path from / on")
    return HostEntry(name, values.get("address", name.rpartition("@")[2]),
                     _slots(values.get("slots"), where), _roles(values.get("roles"), where),
                     values.get("path", ""), values.get("out", ""))


def _slots(text: str | None, where: str) -> int:
    if text is None:
        return 0
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) <= SLOTS_MAX:
        raise Failure(f"{where}: slots={text} is no number from 1 to {SLOTS_MAX}")
    return int(text)


def _roles(text: str | None, where: str) -> tuple[str, ...]:
    if text is None:
        return ROLES
    roles = tuple(text.split(","))
    unknown = [role for role in roles if role not in ROLES]
    if unknown:
        raise Failure(f"{where}: '{unknown[0]}' is no role; there are {', '.join(ROLES)}")
    return roles
