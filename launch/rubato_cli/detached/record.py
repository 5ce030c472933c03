"""Who supervises the fleet of a run that outlives its terminal: a file in the run's folder, by
which any terminal finds him again.

Where he is on another host, the folder here may hold nothing but this file, which says which one,
and what the run's folder is called there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import socket
from collections.abc import Iterator

from rubato_cli.base.checkout import ROOT
from rubato_cli.base.failure import FATAL, RETRYABLE, USAGE, Failure
from rubato_cli.files.owned_file import OwnedFile
from rubato_cli.files.run_folder import SUPERVISOR, RunFolder

LOG = "supervisor"  # the name of its log
BOOT = pathlib.Path("/proc/sys/kernel/random/boot_id")
PROCESSES = pathlib.Path("/proc/self/ns/pid")
ENDED = ("Z", "X")  # states in /proc/PID/stat of who only waits to be buried


@dataclasses.dataclass(frozen=True)
class Ending:
    """`said`: what `rubato train` would have written last."""

    code: int
    said: list[str]


@dataclasses.dataclass(frozen=True)
class Record:
    """`host`: what ssh calls the supervisor's, "" where nobody knows him by ssh; `path`: Rubato
    there; `out`: the run's folder there. The rest is "" and 0 where the folder is not that one."""

    host: str
    path: str
    out: str
    hostname: str = ""
    machine: str = ""  # whose process ids these are
    process: int = 0
    started: int = 0  # in ticks since that machine has
    ending: Ending | None = None
    file: OwnedFile | None = None  # it was read from

    def check_own(self, what: str) -> None:
        """Failure if somebody else wrote it, who would have this process do `what`."""
        if self.file is not None:
            self.file.check_own(what)

    def is_elsewhere(self) -> bool:
        """Whether the supervisor is a process of another host. Failure if nobody knows of which."""
        if self.machine == machine():
            return False
        if self.host:
            return True
        if self.hostname == socket.gethostname():
            return False  # which was rebooted since
        raise Failure(f"the supervisor of this run is a process of host {self.hostname}; say it "
                      "there", USAGE)

    def alive(self) -> bool:
        return self.machine == machine() and started(self.process) == self.started

    @contextlib.contextmanager
    def opened(self) -> Iterator[int | None]:
        """A descriptor of his process, which becomes readable with its end; None if it has."""
        descriptor = None
        try:
            descriptor = os.pidfd_open(self.process)
        except (ProcessLookupError, OverflowError, ValueError):
            pass
        try:
            # Looked at once it is held: the number may be another process's by now.
            yield descriptor if self.alive() else None
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def told(self) -> Ending:
        """How he ended, of whom nobody is left."""
        if self.ending is not None:
            return self.ending
        when = ("was killed" if self.machine == machine() else
                f"went down with its host {self.hostname}")
        return Ending(RETRYABLE, [f"its supervisor (process {self.process}) {when}, and its fleet "
                                  "ends without it; go on with --resume"])


def mine(folder: RunFolder, host: str) -> Record:
    """Of this process. `host`: what ssh calls this one."""
    return Record(host, str(ROOT), str(folder.path), socket.gethostname(), machine(), os.getpid(),
                  started(os.getpid()))


def read(folder: RunFolder) -> Record | None:
    """None: no fleet in this folder has outlived its terminal."""
    found = folder.find_owned(SUPERVISOR)
    if found is None:
        return None
    told, file = found
    try:
        ending = Ending(**told["ending"]) if told.get("ending") else None
        return Record(**{**told, "ending": ending, "file": file})
    except TypeError as error:
        raise Failure(f"{file.path} is not as Rubato writes it; remove it", FATAL) from error


def write(folder: RunFolder, record: Record) -> None:
    told = dataclasses.asdict(record)
    del told["file"]
    folder.write_json(SUPERVISOR, told)


def forget(folder: RunFolder) -> None:
    """The run is somebody else's, who does not outlive his terminal."""
    (folder.path / SUPERVISOR).unlink(missing_ok=True)


def machine() -> str:
    """This one, since it was started, as far as its process ids mean the same."""
    return f"{BOOT.read_text(encoding='ascii').strip()}-{PROCESSES.stat().st_ino}"


def started(process: int) -> int:
    """When it was, in ticks; -1 if it is no more."""
    try:
        stat = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return -1
    fields = stat.rpartition(")")[2].split()
    return -1 if fields[0] in ENDED else int(fields[19])
