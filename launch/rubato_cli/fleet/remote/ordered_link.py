"""Messages over a connection that may break and be made again: each arrives once, and in order.

One JSON object a line. Both sides begin with what they have received so far, and what is beyond
that is sent again:
  {"received": N}                  of the numbered messages; at the begin, and as they come
  {"number": N, "message": {...}}  kept until it is acknowledged
  {"now": {...}}                   means nothing later: sent once, if there is a connection
A line that is none of these is another program's (of a login shell, say), and is kept for people.
"""

from __future__ import annotations

import collections
import json
from typing import Any

Message = dict[str, Any]
NOISE_MAX = 4096


class OrderedLink:
    """One side of it. Owns no connection: what is to be written is in `out`, what was read goes to
    take()."""

    def __init__(self) -> None:
        self.out = b""
        self.noise = ""  # the end of what was no message
        self._kept: collections.deque[tuple[int, bytes]] = collections.deque()
        self._sent = 0
        self._received = 0
        self._partial = b""
        self._greeted = False  # the other side has said what it has received

    def connected(self) -> None:
        """There is a new connection, of which nothing is known."""
        self._partial = b""
        self._greeted = False
        self.out = _line({"received": self._received})

    def disconnected(self) -> None:
        self._greeted = False
        self.out = b""

    @property
    def is_up(self) -> bool:
        """Whether the other side has spoken on this connection."""
        return self._greeted

    @property
    def all_delivered(self) -> bool:
        """As far as the other side has said."""
        return not self._kept

    def send(self, message: Message) -> None:
        self._sent += 1
        line = _line({"number": self._sent, "message": message})
        self._kept.append((self._sent, line))
        if self._greeted:
            self.out += line

    def send_now(self, message: Message) -> None:
        if self._greeted:
            self.out += _line({"now": message})

    def take(self, data: bytes) -> list[Message]:
        """What has arrived with `data`."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        received = self._received
        messages = [message for line in lines if (message := self._take_line(line)) is not None]
        if self._received > received:
            self.out += _line({"received": self._received})
        return messages

    def _take_line(self, line: bytes) -> Message | None:
        told = _parsed(line)
        match told:
            case {"received": int(count)}:
                self._acknowledge(count)
            case {"number": int(number), "message": dict(message)}:
                if number == self._received + 1:
                    self._received = number
                    return message
            case {"now": dict(message)}:
                return message
            case _:
                self.noise = f"{self.noise}{line.decode(errors='replace')}\n"[-NOISE_MAX:]
        return None

    def _acknowledge(self, count: int) -> None:
        while self._kept and self._kept[0][0] <= count:
            self._kept.popleft()
        if not self._greeted:
            self._greeted = True
            self.out += b"".join(line for _, line in self._kept)


def _line(content: Message) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
