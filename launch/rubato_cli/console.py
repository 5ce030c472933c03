"""What a person sees: one live line on a terminal, plain lines elsewhere, nothing when --quiet.

Progress goes to stderr and results to stdout, so that a pipe gets results only. With --json stdout
is one JSON document, of a failure as well.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import time
from typing import Any, TextIO

PLAIN_SECONDS = 5.0  # between two lines of progress that are not on a terminal


@dataclasses.dataclass
class Console:
    """How to speak, as the command line and the environment ask for."""

    quiet: bool = False
    json: bool = False
    no_color: bool = False
    progress: TextIO = dataclasses.field(default_factory=lambda: sys.stderr)
    _live: bool = False
    _last_plain: float = 0.0

    def note(self, text: str) -> None:
        """A line about what happens."""
        if not self.quiet:
            self._clear()
            print(text, file=self.progress, flush=True)

    def live(self, text: str) -> None:
        """The state of things: replaces the line before on a terminal, else now and then."""
        if self.quiet or not text:
            return
        if self.progress.isatty():
            columns = shutil.get_terminal_size().columns
            print(f"\r\x1b[2K{text[:columns - 1]}", end="", file=self.progress, flush=True)
            self._live = True
        elif time.monotonic() - self._last_plain >= PLAIN_SECONDS:
            self._last_plain = time.monotonic()
            print(text, file=self.progress, flush=True)

    def result(self, lines: list[str], document: dict[str, Any]) -> None:
        """What the command was for: `lines` for people, `document` with --json."""
        self._clear()
        if self.json:
            print(json.dumps(document, indent=2), flush=True)
        elif not self.quiet:
            print("\n".join(lines), flush=True)

    def error(self, sentence: str, code: int) -> None:
        self._clear()
        if self.json:
            print(json.dumps({"error": sentence, "exit_code": code}), flush=True)
        red, plain = ("\x1b[31m", "\x1b[0m") if self._colors() else ("", "")
        print(f"{red}rubato: {sentence}{plain}", file=sys.stderr, flush=True)

    def _colors(self) -> bool:
        return sys.stderr.isatty() and not self.no_color

    def _clear(self) -> None:
        if self._live:
            print("\r\x1b[2K", end="", file=self.progress, flush=True)
            self._live = False
