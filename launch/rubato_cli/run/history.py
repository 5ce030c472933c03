"""What the fleets of one start of a run add up to: several, where it goes back by itself or gets
other workers."""

from __future__ import annotations

import dataclasses

from rubato_cli.files.run_folder import RunFolder
from rubato_cli.run.faults import Faults
from rubato_cli.run.progress import Progress
from rubato_cli.run.rollbacks import Rollbacks
from rubato_cli.run.workers import Workers


@dataclasses.dataclass(frozen=True)
class History:
    """A training adds to it."""

    folder: RunFolder
    progress: Progress
    faults: Faults
    rollbacks: Rollbacks
    workers: Workers

    @classmethod
    def of(cls, folder: RunFolder) -> History:
        """Of the prepared run in `folder`."""
        return cls(folder, Progress.of(folder), Faults(), Rollbacks(folder), Workers(folder))

    def begin(self, clock: int) -> None:
        """Another fleet is about to begin, at `clock`."""
        self.workers.begin(clock)
        self.faults.begin(self.workers.now, clock)
