"""One process of a fleet: started so that it cannot outlive the launcher, its events read.

A process writes JSON events (base/events.py) to stdout, and log lines for people to stderr. Both
are kept in files; events are handed on as well. It is stopped by the end of its stdin, and only
tells of stop signals that it gets: see common/base/stop_signals.h.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable

from rubato_cli.base.events import BegunEvent, ErrorEvent, Event, ListeningEvent, parse_event
from rubato_cli.files.process_files import ProcessFiles
from rubato_cli.fleet.ending import Ending, last_line
from rubato_cli.fleet.stop_signals import SIGNALS

# An event is a short line; more without an end of line is no event and is only kept in the file.
EVENT_BYTES_MAX = 1 << 20
LOG_TAIL_BYTES = 4096
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


class Child:
    """A running or finished process. Owned by a Fleet, which reads and reaps it."""

    def __init__(self, name: str, command: list[str], files: ProcessFiles, group: int) -> None:
        self.name = name
        self.files = files
        self.last_error = ""
        self.last_code = ""  # of the Status that its last error tells
        self.address = ""  # what it listens on, once it says so
        self.life = 0  # of a worker: the newest that it has begun
        self.heard = time.monotonic()  # when it last told anything
        self.exit_code: int | None = None  # negative: the signal that killed it
        self.asked = False  # to end
        self.peak_memory_bytes = 0
        self.cpu_seconds = 0.0
        self._partial = b""
        self._telemetry = open(files.telemetry, "ab", buffering=0)
        # A run folder may hold several starts of a run: this line begins one.
        launched = {"event": "launched", "wall_ms": time.time_ns() // 1_000_000, "command": command}
        self._keep(json.dumps(launched).encode() + b"\n")
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
    def is_up(self) -> bool:
        """Whether it has come to work."""
        return bool(self.address or self.life)

    @property
    def running(self) -> bool:
        return self.exit_code is None

    def stop(self) -> None:
        """Asks it to end, as one signal asks a process that has no launcher."""
        self.asked = True
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
            self.heard = time.monotonic()
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

    def ending(self) -> Ending:
        """Of a process that has ended: its reason is its last error event, or what it left in its
        log."""
        exit_code = self.exit_code or 0
        return Ending(exit_code, (self.last_error or self._last_log_line(exit_code)).rstrip("."))

    def _last_log_line(self, exit_code: int) -> str:
        with open(self.files.log, "rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - LOG_TAIL_BYTES))
            return last_line(log.read().decode(errors="replace"), exit_code)

    def _split(self, data: bytes) -> list[Event]:
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > EVENT_BYTES_MAX:
            self._partial = b""
        events = [event for event in map(parse_event, lines) if event is not None]
        for event in events:
            if isinstance(event, ErrorEvent):
                self.last_error, self.last_code = str(event.message), str(event.code)
            elif isinstance(event, ListeningEvent):
                self.address = str(event.address)
            elif isinstance(event, BegunEvent):
                self.life = int(event.life)
        return events

    def _keep(self, data: bytes) -> None:
        try:
            self._telemetry.write(data)
        except OSError:  # a full disk costs telemetry, and not the run
            pass
