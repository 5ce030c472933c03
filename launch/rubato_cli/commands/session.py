"""What main hands to every command: where to speak, which build, and the environment it read."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Callable, Mapping

from rubato_cli.base.console import Console
from rubato_cli.detached import record
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet.builds import Build, find
from rubato_cli.fleet.stop_signals import StopSignals


@dataclasses.dataclass(frozen=True)
class Session:
    """One call of `rubato`."""

    console: Console
    environment: Mapping[str, str]
    # Is told of the folder of a run that is prepared, once that is this process's.
    prepared: Callable[[RunFolder], None] = record.forget
    # The stop signals, while a run is trained.
    stopping: Callable[[], contextlib.AbstractContextManager[StopSignals]] = StopSignals

    def find_build(self) -> Build:
        """The executables to use."""
        return find(self.environment.get("RUBATO_BIN"))

    def build(self) -> Build:
        """The same; says which."""
        build = self.find_build()
        self.console.note(f"using {build.words}")
        return build


@dataclasses.dataclass(frozen=True)
class Command:
    """An entry of the dispatch table."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Session], int]
