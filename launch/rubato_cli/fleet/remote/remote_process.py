"""A process of another host, as its agent tells of it."""

from __future__ import annotations

import math
from collections.abc import Callable

from rubato_cli.fleet.remote.ordered_link import Message


class RemoteProcess:
    """`send`: to the agent. `in_touch_seconds`: for how long that is heard. See fleet/process.py.
    """

    stdout = None  # that of the host wakes who waits

    def __init__(self, number: int, send: Callable[[Message], None],
                 in_touch_seconds: Callable[[], float]) -> None:
        self.pid = 0  # until it is told
        self.exit_code: int | None = None
        self.peak_memory_bytes = 0
        self.cpu_seconds = 0.0
        self.ticks = 0
        self.lost = ""  # the sentence, once its host is
        self._number = number
        self._send = send
        self._in_touch_seconds = in_touch_seconds
        self._written = b""
        self._words = ""

    @property
    def in_touch_seconds(self) -> float:
        return math.inf if self.exit_code is not None else self._in_touch_seconds()

    @property
    def waiting(self) -> bool:
        return bool(self._written)

    def stop(self) -> None:
        self._send({"do": "stop", "id": self._number})

    def kill(self) -> None:
        self._send({"do": "kill", "id": self._number})

    def ask_for_snapshot(self) -> None:
        self._send({"do": "snapshot", "id": self._number})

    def read(self) -> bytes | None:
        written, self._written = self._written, b""
        return written or (None if self.exit_code is not None else b"")

    def reap(self) -> bool:
        return self.exit_code is not None

    def cpu_ticks(self) -> int:
        return self.ticks

    def last_words(self) -> str:
        return self._words

    def close(self) -> None:
        pass

    def take(self, message: Message) -> None:
        """What the agent says of it."""
        match message:
            case {"said": "started", "pid": int(pid)}:
                self.pid = pid
            case {"said": "wrote", "text": str(text)}:
                self._written += text.encode("utf-8", "surrogateescape")
            case {"said": "ended", "code": int(code)}:
                self.exit_code = code
                self.peak_memory_bytes = int(message["peak_memory_bytes"])
                self.cpu_seconds = float(message["cpu_seconds"])
                self._words = str(message["words"])

    def lose(self, sentence: str, code: int) -> None:
        """Its host is lost, and it with it."""
        if self.exit_code is None:
            self.lost, self.exit_code = sentence, code
