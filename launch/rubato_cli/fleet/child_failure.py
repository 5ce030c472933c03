"""What a process of a fleet did that ends the command."""

from __future__ import annotations

from rubato_cli.base.failure import Failure
from rubato_cli.fleet.child import Child


class ChildFailure(Failure):
    """The sentence names the process and, if it stays, its log."""

    def __init__(self, child: Child, what: str, code: int, said: str = "") -> None:
        super().__init__(f"{child.name} {what}{child.files.where()}", code)
        self.said = said  # the process's own words, if they are the reason
        # Training did (worker/train/divergence.h).
        self.ran_away = bool(said) and child.last_code == "OUT_OF_RANGE"
