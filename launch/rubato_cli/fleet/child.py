"""One process of a fleet as the launcher knows it: what it has told, and how it ended.

A process writes JSON events (base/events.py) to stdout, and log lines for people to stderr. Both
are kept in files; events are handed on as well.
"""

from __future__ import annotations

import json
import time
from typing import IO

from rubato_cli.base.events import BegunEvent, ErrorEvent, Event, ListeningEvent, parse_told
from rubato_cli.files.process_files import ProcessFiles
from rubato_cli.fleet.ending import Ending
from rubato_cli.fleet.places import Host, Order

# An event is a short line; more without an end of line is no event and is only kept in the file.
EVENT_BYTES_MAX = 1 << 20


class Child:
    """A running or finished process. Owned by a Fleet, which reads and reaps it."""

    def __init__(self, name: str, order: Order, host: Host) -> None:
        """OSError if it cannot be started."""
        self.name = name
        self.files = host.files(order.files)
        self.last_error = ""
        self.last_code = ""  # of the Status that its last error tells
        self.address = ""  # what it listens on, once it says so
        self.life = 0  # of a worker: the newest that it has begun
        self.asked = False  # to end
        self._heard = time.monotonic()  # when it last told anything
        self._partial = b""
        self._telemetry = open(order.files.telemetry, "ab", buffering=0)
        # A run folder may hold several starts of a run: this line begins one.
        launched = {"event": "launched", "wall_ms": time.time_ns() // 1_000_000,
                    "command": [order.program, *order.arguments]}
        self._keep(json.dumps(launched).encode() + b"\n")
        self.process = host.start(order)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stdout(self) -> IO[bytes] | None:
        """What to wait for, where the process is one of this host."""
        return self.process.stdout

    @property
    def exit_code(self) -> int | None:
        """Negative: the signal that killed it."""
        return self.process.exit_code

    @property
    def is_up(self) -> bool:
        """Whether it has come to work."""
        return bool(self.address or self.life)

    @property
    def running(self) -> bool:
        return self.exit_code is None

    @property
    def heard(self) -> float:
        """When it last told anything, or now where it could not have been heard."""
        if self.process.in_touch_seconds == 0:
            self._heard = time.monotonic()
        return self._heard

    def stop(self) -> None:
        """Asks it to end, as one signal asks a process that has no launcher."""
        self.asked = True
        self.process.stop()

    def kill(self) -> None:
        if self.running:
            self.process.kill()

    def ask_for_snapshot(self) -> None:
        """Of a scheduler, which goes on."""
        if self.running:
            self.process.ask_for_snapshot()

    def read_events(self) -> tuple[list[tuple[str, bytes, Event]], bool]:
        """What has come since the last call, and whether stdout has ended. Each with the name of
        the process that has told it to a scheduler, "" if this one tells it, and as the line that
        it is."""
        events: list[tuple[str, bytes, Event]] = []
        while data := self.process.read():
            self._keep(data)
            self._heard = time.monotonic()
            events += self._split(data)
        return events, data is None

    def reap(self) -> bool:
        """Whether the process has ended; then its exit code and what it used are known."""
        return self.process.reap()

    def close(self) -> None:
        self.process.close()
        self._telemetry.close()

    @property
    def closed(self) -> bool:
        return self._telemetry.closed

    def ending(self) -> Ending:
        """Of a process that has ended: its reason is its last error event, or what it left in its
        log."""
        words = self.last_error or self.process.last_words()
        return Ending(self.exit_code or 0, words.rstrip("."), self.process.lost)

    def _split(self, data: bytes) -> list[tuple[str, bytes, Event]]:
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > EVENT_BYTES_MAX:
            self._partial = b""
        events = []
        for line in lines:
            teller, event = parse_told(line)
            # Only a scheduler passes on what others tell.
            relayed = self.name.startswith("scheduler-") and not teller.startswith("scheduler")
            if event is not None:
                events.append((teller if relayed else "", line, event))
        for event in [event for told_by, _, event in events if not told_by]:
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
