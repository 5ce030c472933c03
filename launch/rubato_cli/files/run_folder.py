"""A run's output folder: where things are in it, and the lock that keeps it to one launcher.

  run.toml config.json job.json     the resolved run file, and what the fleet trains
  target.json                       what is predicted, and by which metrics it is judged
  data/                             prepared rows and how they were encoded
  snapshots/                        committed and pending images
  validations.json                  what was validated at the end of each epoch
  rollbacks.json                    how often it went back by itself, if it did
  workers.json                      how many trained it from which clock on; workers-*.json: who
                                    asks for others now (run/wishes.py)
  hosts.json                        which of them are on which host, if those are others
  supervisor.json                   who supervises a fleet that outlives its terminal (`rubato up`)
  telemetry/NAME.jsonl logs/NAME.log    events and log of each process (or logs/NAME.where: on
                                    which host that is): shown, but nothing that trains, resumes or
                                    scores reads them back
  evaluation.json metrics.json report.html
  exports.jsonl                     who has exported which weights, when and where to

Every JSON file holds its checksum (files/checksum.py): what steers a score is as it was written.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import time
from collections.abc import Iterator
from typing import Any, TextIO

from rubato_cli.base import system_error
from rubato_cli.base.deadline import Deadline
from rubato_cli.base.failure import FATAL, Failure
from rubato_cli.files import owned_file, target
from rubato_cli.files.checksum import with_checksum, without_checksum
from rubato_cli.files.owned_file import OwnedFile
from rubato_cli.files.process_files import ProcessFiles

SUPERVISOR = "supervisor.json"
LOCK_SECONDS = 1.0  # a `rubato status` holds the lock for an instant, too
LOOK_SECONDS = 0.02


class RunFolder:
    """Paths and JSON files of one run."""

    def __init__(self, path: str) -> None:
        self.path = pathlib.Path(path).resolve()
        self.shown = path
        self._lock: TextIO | None = None

    @property
    def go_on(self) -> str:
        """Ends a sentence about a run that was not trained to its end."""
        verb = "up" if (self.path / SUPERVISOR).exists() else "train"
        return f"go on with `rubato {verb}` and --resume, --out {self.shown}"

    def files(self, prefix: str, name: str) -> ProcessFiles:
        """Telemetry and log of process `name`; their folders are made."""
        files = ProcessFiles(self.telemetry(f"{prefix}{name}"),
                             self.path / "logs" / f"{prefix}{name}.log")
        for file in (files.telemetry, files.log):
            file.parent.mkdir(exist_ok=True)
        return files

    def telemetry(self, name: str) -> pathlib.Path:
        """What process `name` told, if it ever began."""
        return self.path / "telemetry" / f"{name}.jsonl"

    def workers(self) -> Iterator[tuple[str, pathlib.Path]]:
        """Seat and telemetry of each worker that ever began."""
        for file in sorted(self.path.glob("telemetry/worker-*.jsonl")):
            yield file.stem.removeprefix("worker-"), file

    def read_json(self, name: str) -> dict[str, Any]:
        """One of the JSON files; a sentence when it is missing or not as it was written."""
        path = self.path / name
        try:
            return _parsed(path.read_bytes(), path)
        except FileNotFoundError as error:
            raise self._no_run(name) from error

    def _no_run(self, name: str) -> Failure:
        supervisor = self.find_json(SUPERVISOR)
        if supervisor and not supervisor["process"]:  # all that is here
            return Failure(f"the run of {self.shown} is on host {supervisor['host']}, in "
                           f"{supervisor['out']}; say it there")
        return Failure(f"{self.shown} has no {name}, so it is not the folder of a run; name the "
                       "--out folder of a `rubato train`")

    def find_json(self, name: str) -> dict[str, Any]:
        """The same, {} when the file is not there (yet)."""
        return self.read_json(name) if (self.path / name).exists() else {}

    def find_owned(self, name: str) -> tuple[dict[str, Any], OwnedFile] | None:
        """The same, with the file that it was read from."""
        try:
            file = owned_file.read(self.path / name)
        except FileNotFoundError:
            return None
        return _parsed(file.data, file.path), file

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Whole or not at all: an earlier file stays until the new one is on disk."""
        target.write(self.path / name, with_checksum(json.dumps(content, indent=2) + "\n"))

    def lock(self, otherwise: str = "wait for it, or choose another --out",
             name: str = ".lock") -> None:
        """Keeps this folder to this process until it ends. `otherwise`: what to do where another
        one has it; `name`: of another lock than that of who trains."""
        path = self.path / name
        with system_error.about(path), contextlib.ExitStack() as unless_locked:
            file = unless_locked.enter_context(open(path, "a+", encoding="utf-8"))
            deadline = Deadline(LOCK_SECONDS)
            while not _try_lock(file):
                if deadline.over():
                    file.seek(0)
                    raise Failure(f"{self.shown} is in use by another rubato (process "
                                  f"{file.read().strip()}); {otherwise}")
                time.sleep(LOOK_SECONDS)
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            self._lock = file
            unless_locked.pop_all()

    def unlock(self) -> None:
        """Somebody else is to have it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def owner(self) -> int | None:
        """Process id of the launcher that trains this run now, if one does."""
        path = self.path / ".lock"
        try:
            with system_error.about(path), open(path, encoding="utf-8") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(file.read().strip() or 0)
        except FileNotFoundError:
            pass
        return None


def _parsed(data: bytes, path: pathlib.Path) -> dict[str, Any]:
    try:
        content = json.loads(without_checksum(data.decode(), path))
    except ValueError as error:
        raise Failure(f"{path} is not JSON ({error}); train into a new folder", FATAL) from error
    if not isinstance(content, dict):
        raise Failure(f"{path} is no JSON object; train into a new folder", FATAL)
    return content


def _try_lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
