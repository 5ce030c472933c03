"""One process of a fleet: started so that it cannot outlive the launcher, its events read.

A process writes JSON events (base/events.py) to stdout, and log lines for people to stderr. Both
are kept in files; events are handed on as well. It is stopped by the end of its stdin, and only
tells of stop signals that it gets: see common/base/stop_signals.h.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable

from rubato_cli.base.events import Event, parse_event
from rubato_cli.files.process_files import ProcessFiles
from rubato_cli.fleet.stop_signals import SIGNALS

# An event is a short line; more without an end of line is no event and is only kept in the file.
EVENT_BYTES_MAX = 1 << 20
LOG_TAIL_BYTES = 4096
LOG_PREFIX = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ \S+ (info|warning|error): ")
# Of our own processes, of the libraries that end them, and of the dynamic loader.
MEMORY_WORDS = re.compile(r"out of memory|allocate memory|not enough memory|failed to map segment|"
                          r"bad_alloc|cannot map zero-fill|resource temporarily unavailable",
                          re.IGNORECASE)
NOT_LOADED = 127  # the dynamic loader's exit code
PR_SET_PDEATHSIG = 1
# Loaded here, as nothing may be imported between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(supervised: bool = False) -> Callable[[], None]:
    """For Popen's preexec_fn: the kernel kills the child when the launcher ends, however it ends.
    `supervised`: it starts with stop signals blocked.

    The launcher has one thread, the one that forks: PR_SET_PDEATHSIG is about that thread."""
    launcher = os.getpid()

    def arm() -> None:
        if supervised:  # until it catches them: one that comes earlier must not kill it
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != launcher:  # it died before the line above
            os._exit(1)

    return arm


def why_ended(exit_code: int, last_words: str) -> str:
    """Why a process ended, of which this is all that is known. A negative code is a signal's."""
    said = f": {last_words}" if last_words else ""
    if exit_code == -signal.SIGKILL:
        return ("was killed by signal 9 (SIGKILL), as the kernel does when memory runs out (then "
                "`dmesg` says so)")
    starved = MEMORY_WORDS.search(last_words)
    if exit_code < 0:
        advice = "; out of memory or of threads: raise the limits (ulimit -v, ulimit -u)"
        return (f"was killed by signal {-exit_code} ({signal.Signals(-exit_code).name}){said}"
                f"{advice if starved else ''}")
    advice = ("; there is not enough memory to load it, raise the limit (ulimit -v)"
              if exit_code == NOT_LOADED and starved else "")
    return f"ended with exit code {exit_code}{said or ': it gave no reason'}{advice}"


class Child:
    """A running or finished process. Owned by a Fleet, which reads and reaps it."""

    def __init__(self, name: str, command: list[str], files: ProcessFiles, group: int) -> None:
        self.name = name
        self.files = files
        self.last_error = ""
        self.address = ""  # what it listens on, once it says so
        self.exit_code: int | None = None  # negative: the signal that killed it
        self.peak_memory_bytes = 0
        self.cpu_seconds = 0.0
        self._partial = b""
        self._telemetry = open(files.telemetry, "ab", buffering=0)
        # A run folder may hold several starts of a run: this line begins one.
        self._record({"event": "launched", "wall_ms": time.time_ns() // 1_000_000,
                      "command": command})
        with open(files.log, "ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                process_group=group, preexec_fn=die_with_parent(supervised=True))
        assert self._process.stdin is not None and self._process.stdout is not None
        self._orders = self._process.stdin
        self.stdout = self._process.stdout
        os.set_blocking(self.stdout.fileno(), False)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self.exit_code is None

    def stop(self) -> None:
        """Asks it to end, as one signal asks a process that has no launcher."""
        self._orders.close()

    def kill(self) -> None:
        if self.running:
            os.kill(self.pid, signal.SIGKILL)

    def read_events(self) -> tuple[list[Event], bool]:
        """What has come since the last call, and whether stdout has ended."""
        events: list[Event] = []
        while True:
            try:
                data = os.read(self.stdout.fileno(), 1 << 16)
            except BlockingIOError:
                return events, False
            if not data:
                return events, True
            self._keep(data)
            events += self._split(data)

    def reap(self) -> bool:
        """Whether the process has ended; then its exit code and what it used are known."""
        if not self.running:
            return True
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.exit_code = os.waitstatus_to_exitcode(status)
        self._process.returncode = self.exit_code  # Popen must not wait for it a second time
        self.peak_memory_bytes = usage.ru_maxrss * 1024
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        return True

    def close(self) -> None:
        self._orders.close()
        self.stdout.close()
        self._telemetry.close()

    def why(self) -> str:
        """Why it ended: its last error event, the signal, or the last line of its log."""
        return why_ended(self.exit_code or 0, self._last_words())

    def out_of_memory(self) -> bool:
        """Whether it says so, or a library that ended it does."""
        return bool(MEMORY_WORDS.search(self._last_words()))

    def _last_words(self) -> str:
        line = self._last_log_line()
        # What a killed process logged itself is no reason; what a library printed is.
        if self.exit_code is not None and self.exit_code < 0 and LOG_PREFIX.match(line):
            line = ""
        return (self.last_error or LOG_PREFIX.sub("", line)).rstrip(".")

    def _last_log_line(self) -> str:
        with open(self.files.log, "rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - LOG_TAIL_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _split(self, data: bytes) -> list[Event]:
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > EVENT_BYTES_MAX:
            self._partial = b""
        events = [event for event in map(parse_event, lines) if event is not None]
        for event in events:
            if event["event"] == "error":
                self.last_error = str(event.get("message", ""))
            elif event["event"] == "listening":
                self.address = str(event.get("address", ""))
        return events

    def _record(self, event: Event) -> None:
        self._keep(json.dumps(event).encode() + b"\n")

    def _keep(self, data: bytes) -> None:
        try:
            self._telemetry.write(data)
        except OSError:  # a full disk costs telemetry, and not the run
            pass
