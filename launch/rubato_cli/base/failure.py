"""How a command ends when it does not end well: one sentence, one exit code, no traceback."""

from __future__ import annotations

DONE = 0
USAGE = 2  # command line or configuration
RETRYABLE = 3  # a process of the fleet died: `--resume` goes on
FATAL = 4  # data or model
STOPPED = 75  # stopped by one signal, its snapshot committed


class Failure(Exception):
    """A sentence for the user (what, where, what to do) and the exit code of the command."""

    def __init__(self, sentence: str, code: int = USAGE) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


class StoppedBySignal(Failure):
    """Stopped at once: a second signal, or a first one where nothing can be committed."""

    def __init__(self, number: int, sentence: str = "stopped at once") -> None:
        super().__init__(sentence, 128 + number)
