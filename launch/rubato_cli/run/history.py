"""What the fleets of one start of a run add up to: several, where it goes back by itself."""

from __future__ import annotations

import dataclasses

from rubato_cli.files.run_folder import RunFolder
from rubato_cli.run.faults import Faults
from rubato_cli.run.progress import Progress
from rubato_cli.run.rollbacks import Rollbacks


@dataclasses.dataclass(frozen=True)
class History:
    """A training adds to it."""

    folder: RunFolder
    progress: Progress
    faults: Faults
    rollbacks: Rollbacks

    @classmethod
    def of(cls, folder: RunFolder, seats: int) -> History:
        """Of the prepared run in `folder`. `seats`: of workers that a scheduler tells of."""
        return cls(folder, Progress.of(folder), Faults(seats), Rollbacks(folder))
