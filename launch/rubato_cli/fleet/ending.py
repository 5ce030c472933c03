"""How a process ended: a sentence about it, and the exit code that the command gets from it."""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import signal

from rubato_cli.base.failure import FATAL, RETRYABLE, USAGE

LOG_PREFIX = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ \S+ (info|warning|error): ")
# Of our own processes, of the libraries that end them, and of the dynamic loader.
MEMORY_WORDS = re.compile(r"out of memory|allocate memory|not enough memory|failed to map segment|"
                          r"bad_alloc|cannot map zero-fill", re.IGNORECASE)
# EAGAIN, of a thread that could not begin: for want of threads (ulimit -u) or of memory. Short now,
# it may be there later, as where the launcher itself meets it (base/system_error.py).
THREAD_WORDS = re.compile(re.escape(os.strerror(errno.EAGAIN)), re.IGNORECASE)
NOT_LOADED = 127  # the dynamic loader's exit code


@dataclasses.dataclass(frozen=True)
class Ending:
    """All that is known: a process that was killed, or not even loaded, could not say why."""

    exit_code: int  # negative: the signal that killed it
    words: str  # its own, or a library's; "" if nobody said anything
    lost: str = ""  # the sentence, where its end was that of its host

    @property
    def starved(self) -> bool:
        """Whether it was memory or threads that it lacked."""
        return bool(MEMORY_WORDS.search(self.words) or THREAD_WORDS.search(self.words))

    @property
    def spoke(self) -> bool:
        """Whether its words are its own, and the reason."""
        return self.exit_code >= 0 and self.exit_code != NOT_LOADED and bool(self.words)

    @property
    def code(self) -> int:
        if self.exit_code in (USAGE, FATAL, RETRYABLE):
            return self.exit_code
        return FATAL if MEMORY_WORDS.search(self.words) else RETRYABLE  # it could not choose one

    def why(self) -> str:
        """For a sentence that begins with its name."""
        if self.lost:
            return self.lost
        said = f": {self.words}" if self.words else ""
        if self.exit_code == -signal.SIGKILL:
            return ("was killed by signal 9 (SIGKILL), as the kernel does when memory runs out "
                    "(then `dmesg` says so)")
        if self.exit_code < 0:
            advice = "; out of memory or of threads: raise the limits (ulimit -v, ulimit -u)"
            name = signal.Signals(-self.exit_code).name
            return (f"was killed by signal {-self.exit_code} ({name}){said}"
                    f"{advice if self.starved else ''}")
        advice = ("; there is not enough memory to load it, raise the limit (ulimit -v)"
                  if self.exit_code == NOT_LOADED and self.starved else "")
        return f"ended with exit code {self.exit_code}{said or ': it gave no reason'}{advice}"


def last_line(log: str, exit_code: int) -> str:
    """The reason in what a process wrote to stderr."""
    line = next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "")
    # What a killed process logged itself is no reason; what a library printed is.
    return "" if exit_code < 0 and LOG_PREFIX.match(line) else LOG_PREFIX.sub("", line)
