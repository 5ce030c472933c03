"""Where the log of a process of another host is: a file beside the place where its log would be if
it were one of this host."""

from __future__ import annotations

import dataclasses
import json
import pathlib

from rubato_cli.files import owned_file

SUFFIX = ".where"


@dataclasses.dataclass(frozen=True)
class RemoteLog:
    """`path`: Rubato there."""

    host: str
    path: str
    log: str


def note(here: pathlib.Path, host: str, path: str, there: pathlib.Path) -> None:
    """OSError where it cannot be written."""
    what = dataclasses.asdict(RemoteLog(host, path, str(there)))
    here.with_suffix(SUFFIX).write_text(json.dumps(what) + "\n", encoding="utf-8")


def read(where: pathlib.Path) -> RemoteLog:
    """Failure if somebody else wrote it."""
    file = owned_file.read(where)
    file.check_own("on which host to run what")
    return RemoteLog(**json.loads(file.data))
