"""Names of files are bytes. Python shows those that are no UTF-8 as surrogates, which may go back
to the system and to a terminal, but neither into a run file nor into a message."""

from __future__ import annotations

from rubato_cli.base.failure import Failure


def is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def need_utf8(name: str, where: str) -> None:
    """Raises a Failure if `name` cannot stand `where`."""
    if not is_utf8(name):
        raise Failure(f"{name}: this name is not UTF-8, and nothing else can stand in {where}; "
                      "rename it, or make a link to it")
