"""Names are bytes, and may be no UTF-8. Of files Python shows those as surrogates, which may go
back to the system and to a terminal, but neither into a run file nor into a message; of columns and
classes they are {"latin1": text} in what rubato-data writes."""

from __future__ import annotations

from typing import Any

from rubato_cli.base.failure import Failure


def is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(name: Any) -> str:
    """A name in what rubato-data writes, for people."""
    return str((name.get("latin1") or "") if isinstance(name, dict) else name)


def need_utf8(name: str, where: str) -> None:
    """Raises a Failure if `name` cannot stand `where`."""
    if not is_utf8(name):
        raise Failure(f"{name}: this name is not UTF-8, and nothing else can stand in {where}; "
                      "rename it, or make a link to it")
