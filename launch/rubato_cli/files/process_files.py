"""Where what a process writes is kept."""

from __future__ import annotations

import dataclasses
import os
import pathlib


@dataclasses.dataclass(frozen=True)
class ProcessFiles:
    """Where a process's stdout (events) and stderr (log) are kept."""

    telemetry: pathlib.Path
    log: pathlib.Path
    host: str = ""  # of the log, if that is another one
    stays: bool = True  # a sentence may name the log: it is still there when that is read

    def where(self) -> str:
        """Ends a sentence: where to read more, if that can be read."""
        log = f"{self.host}:{self.log}" if self.host else os.path.relpath(self.log)
        return f"; its log is {log}" if self.stays else ""
