"""The limit on open files, looked at before a fleet is started."""

from __future__ import annotations

import contextlib
import os
import resource

from rubato_cli.base.failure import USAGE, Failure

OF_A_CHILD = 3  # its orders, its events, and the file that they are kept in
AT_ONCE = 12  # what starting one takes for a moment, sockets' folder, wake-ups, a page to write


def raise_limit() -> None:
    """This process and its children may open as many files as it may allow itself, or as before
    where the system does not allow that: need() says if they are too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # a sandbox; more than fs.nr_open
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def need(processes: int) -> None:
    """Failure unless a fleet of so many processes can be watched."""
    wanted = AT_ONCE + OF_A_CHILD * processes
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    left = sum(not _is_open(file) for file in range(min(limit, 3 * wanted)))
    if left < wanted:
        raise Failure(f"a fleet of {processes} processes needs {wanted} more open files, and of "
                      f"the limit of {limit} only {left} are left; raise the limit (ulimit -n)",
                      USAGE)


def _is_open(file: int) -> bool:
    try:
        os.fstat(file)
    except OSError:
        return False
    return True
