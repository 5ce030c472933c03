"""A process that a fleet watches: on this host, started so that it cannot outlive its parent, or on
another one (remote/remote_process.py).

It is stopped by the end of its stdin, and only tells of stop signals that it gets: see
common/base/stop_signals.h.
"""

from __future__ import annotations

import ctypes
import math
import os
import pathlib
import signal
import subprocess
from collections.abc import Callable
from typing import IO, Protocol

from rubato_cli.fleet.ending import last_line
from rubato_cli.fleet.pulse import cpu_ticks
from rubato_cli.fleet.stop_signals import SIGNALS

LOG_TAIL_BYTES = 4096
PR_SET_PDEATHSIG = 1
# Loaded here, as nothing may be imported between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(supervised: bool = False) -> Callable[[], None]:
    """For Popen's preexec_fn: the kernel kills the child when its parent ends, however it ends.
    `supervised`: it starts with stop signals blocked.

    The parent has one thread, the one that forks: PR_SET_PDEATHSIG is about that thread."""
    parent = os.getpid()

    def arm() -> None:
        if supervised:  # until it catches them: one that comes earlier must not kill it
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return arm


class Process(Protocol):
    """Running, or ended. Nothing here blocks."""

    exit_code: int | None  # once it has ended; negative: the signal that killed it
    peak_memory_bytes: int  # once it has ended
    cpu_seconds: float
    lost: str  # a sentence about its end, where that was its host's
    stdout: IO[bytes] | None  # becomes readable when read() has something, if it is of this host

    @property
    def pid(self) -> int:
        """On its host."""

    @property
    def in_touch_seconds(self) -> float:
        """For how long it has been known what it does. 0: it is not, and nothing counts against
        it."""

    @property
    def waiting(self) -> bool:
        """Whether read() has something, if stdout does not say so."""

    def stop(self) -> None:
        """Asks it to end, as one signal asks a process that has no launcher."""

    def kill(self) -> None: ...

    def ask_for_snapshot(self) -> None:
        """Of a scheduler."""

    def read(self) -> bytes | None:
        """What it has written to stdout since the last call, None when nothing is to come."""

    def reap(self) -> bool:
        """Whether it has ended; then its exit code and what it used are known."""

    def cpu_ticks(self) -> int:
        """How long it has computed so far, in hundredths of a second."""

    def last_words(self) -> str:
        """The reason for its end in what it wrote to stderr."""

    def close(self) -> None: ...


class LocalProcess:
    """One of this host. `log` gets its stderr; `group`: its process group, 0: its own."""

    in_touch_seconds = math.inf
    waiting = False
    lost = ""

    def __init__(self, command: list[str], log: pathlib.Path, group: int) -> None:
        self.exit_code: int | None = None
        self.peak_memory_bytes = 0
        self.cpu_seconds = 0.0
        self._log = log
        with open(log, "ab") as file:
            self._log_start = file.tell()
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file,
                process_group=group, preexec_fn=die_with_parent(supervised=True))
        assert self._process.stdin is not None and self._process.stdout is not None
        self._orders = self._process.stdin
        self.stdout = self._process.stdout
        os.set_blocking(self.stdout.fileno(), False)

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._orders.close()

    def kill(self) -> None:
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGKILL)

    def ask_for_snapshot(self) -> None:
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGUSR1)

    def read(self) -> bytes | None:
        try:
            return os.read(self.stdout.fileno(), 1 << 16) or None
        except BlockingIOError:
            return b""

    def reap(self) -> bool:
        if self.exit_code is not None:
            return True
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.exit_code = os.waitstatus_to_exitcode(status)
        self._process.returncode = self.exit_code  # Popen must not wait for it a second time
        self.peak_memory_bytes = usage.ru_maxrss * 1024
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        return True

    def cpu_ticks(self) -> int:
        return cpu_ticks(self.pid)

    def last_words(self) -> str:
        with open(self._log, "rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - LOG_TAIL_BYTES))
            return last_line(log.read().decode(errors="replace"), self.exit_code or 0)

    def close(self) -> None:
        self._orders.close()
        self.stdout.close()
