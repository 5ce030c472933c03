"""Whatever ends a command, as the Failure that it is."""

from __future__ import annotations

import signal

from rubato_cli.base import system_error
from rubato_cli.base.failure import FATAL, Failure, StoppedBySignal


def failure_of(error: BaseException) -> Failure:
    if isinstance(error, OSError):
        return system_error.failure(error)
    if isinstance(error, MemoryError):
        return Failure("out of memory; raise the limit (ulimit -v, or a container's)", FATAL)
    if isinstance(error, Failure):
        return error
    return StoppedBySignal(signal.SIGINT)  # Ctrl-C between two commands' own handling
