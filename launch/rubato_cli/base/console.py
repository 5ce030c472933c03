"""What a person sees: one live line on a terminal, plain lines elsewhere, nothing when --quiet.

Progress goes to stderr and results to stdout, so that a pipe gets results only. With --json stdout
is one JSON document, of a failure as well. Progress that cannot be written is nobody's loss: the
command goes on unheard.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import time
from typing import Any, TextIO

from rubato_cli.base import output
from rubato_cli.base.failure import USAGE, Failure

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
            self.say(f"{text}\n")

    def live(self, text: str) -> None:
        """The state of things: replaces the line before on a terminal, else now and then."""
        if self.quiet or not text:
            return
        if self.progress.isatty():
            columns = shutil.get_terminal_size().columns
            self.say(f"\r\x1b[2K{text[:columns - 1]}")
            self._live = True
        elif time.monotonic() - self._last_plain >= PLAIN_SECONDS:
            self._last_plain = time.monotonic()
            self.say(f"{text}\n")

    def result(self, lines: list[str], document: dict[str, Any]) -> None:
        """What the command was for: `lines` for people, `document` with --json."""
        self._clear()
        if self.json:
            answer(json.dumps(document, indent=2) + "\n")
        elif not self.quiet:
            answer("\n".join(lines) + "\n")

    def error(self, sentence: str, code: int) -> None:
        self._clear()
        red, plain = ("\x1b[31m", "\x1b[0m") if self._colors() else ("", "")
        self.say(f"{red}rubato: {sentence}{plain}\n")
        if self.json:
            try:
                answer(json.dumps({"error": sentence, "exit_code": code}) + "\n")
            except Failure:
                pass  # the first sentence is the one that matters

    def say(self, text: str) -> None:
        """As it is, if anybody hears it."""
        try:
            output.say(self.progress, text)
        except OSError:
            pass

    def _colors(self) -> bool:
        return self.progress.isatty() and not self.no_color

    def _clear(self) -> None:
        if self._live:
            self.say("\r\x1b[2K")
            self._live = False


def answer(text: str) -> None:
    """What was asked for, to stdout. Failure if it cannot be written."""
    try:
        output.say(sys.stdout, text)
    except BrokenPipeError:
        pass  # as in `rubato status DIR | head -1`: nobody wants the rest
    except OSError as error:
        raise Failure(f"standard output: {error.strerror}; send it to where it can be written",
                      USAGE) from error
