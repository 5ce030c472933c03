"""Ctrl-C, SIGTERM and SIGHUP as something the event loop can see, instead of an exception
anywhere."""

from __future__ import annotations

import os
import signal
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Counts stop signals while entered; `wakeup` becomes readable with each of them.

    The count of a run is the highest that any of its processes has: who shuts a job down sends one
    signal to all of them, and means one. A signal that was ignored before (nohup, a background
    job) stays ignored. Once one has stopped the run, those that come when it is over change
    nothing: it ends as the first one asked."""

    def __init__(self, hang_up: bool = True) -> None:
        """`hang_up`: whether a closed terminal is a stop signal; else it ends this process alone,
        as it does others."""
        self._signals = SIGNALS if hang_up else (signal.SIGINT, signal.SIGTERM)
        self.count = 0
        self.number = int(signal.SIGINT)
        self.wakeup, self._poke = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._own = 0
        self._snapshots = 0  # that were wanted
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> StopSignals:
        for number in self._signals:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._take)
        self._before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._want_snapshot)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            after = signal.SIG_IGN if self.count else handler
            signal.signal(number, after)  # type: ignore[arg-type]

    def snapshot_wanted(self) -> bool:
        """Whether SIGUSR1 has come since the last call: a snapshot is wanted, and nothing else."""
        wanted, self._snapshots = self._snapshots, 0
        return wanted > 0

    def drain(self) -> None:
        try:
            os.read(self.wakeup, 64)
        except BlockingIOError:
            pass

    def hear(self, number: int, count: int) -> None:
        """A process of the run has received `number`, its stop signal `count`."""
        if count > self.count:
            self.count = count
            # What the shell sees is 130 after Ctrl-C and 143 after anything else.
            self.number = int(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)

    def _want_snapshot(self, _: int, __: FrameType | None) -> None:
        self._snapshots += 1

    def _take(self, number: int, _: FrameType | None) -> None:
        # A closed terminal is told by the kernel and by the shell, and systemd sends SIGHUP with a
        # SIGTERM: alone it is a first signal, beside another one it is nothing.
        if number != signal.SIGHUP:
            self._own += 1
        self.hear(number, max(self._own, 1))
        try:
            os.write(self._poke, b"!")
        except BlockingIOError:
            pass
