"""What the processes of one name used, one after another: all that is wanted of the dead."""

from __future__ import annotations

import dataclasses

from rubato_cli.fleet.child import Child


@dataclasses.dataclass
class Usage:
    starts: int = 0
    peak_memory_bytes: int = 0  # of the largest, as the kernel counts resident sets
    cpu_seconds: float = 0.0  # of all together

    def add(self, child: Child) -> None:
        """Of one that has ended; a running one has not told yet."""
        self.starts += 1
        self.peak_memory_bytes = max(self.peak_memory_bytes, child.process.peak_memory_bytes)
        self.cpu_seconds += child.process.cpu_seconds

    def join(self, other: Usage) -> None:
        """Those of the same name in another fleet."""
        self.starts += other.starts
        self.peak_memory_bytes = max(self.peak_memory_bytes, other.peak_memory_bytes)
        self.cpu_seconds += other.cpu_seconds
