"""Ctrl-C, SIGTERM and SIGHUP as something the event loop can see, instead of an exception
anywhere."""

from __future__ import annotations

import os
import signal
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Counts stop signals while entered; `wakeup` becomes readable with each of them."""

    def __init__(self) -> None:
        self.count = 0
        self.number = int(signal.SIGINT)
        self.wakeup, self._poke = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> StopSignals:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def drain(self) -> None:
        try:
            os.read(self.wakeup, 64)
        except BlockingIOError:
            pass

    def _take(self, number: int, _: FrameType | None) -> None:
        self.count += 1
        # What the shell sees is 130 after Ctrl-C and 143 after anything else.
        self.number = int(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)
        try:
            os.write(self._poke, b"!")
        except BlockingIOError:
            pass
