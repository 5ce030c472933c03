"""What an agent says of a run's folder on its host: whether it can be there, and what is in it."""

from __future__ import annotations

import hashlib
import os
import pathlib

from rubato_cli.base import system_error

# What `rubato-data prepare` makes, the same to the byte wherever it does.
PREPARED = ("config.json", "job.json", "run.toml", "target.json", "data/*")
TOKEN = ".rubato-token-"
CHUNK_BYTES = 1 << 20


def digests(folder: pathlib.Path) -> dict[str, str]:
    """SHA-256 of each prepared file, by its name in `folder`."""
    return {str(file.relative_to(folder)): _digest(file)
            for pattern in PREPARED for file in sorted(folder.glob(pattern))}


def nearest(folder: pathlib.Path) -> tuple[pathlib.Path, int]:
    """`folder`, or the first above it that is there; how far above."""
    up = 0
    while not folder.is_dir() and folder != folder.parent:
        folder, up = folder.parent, up + 1
    return folder, up


def trouble(folder: pathlib.Path) -> str:
    """Why nothing can be written to `folder`, "" if it can."""
    there, _ = nearest(folder)
    probe = there / f"{TOKEN}{os.getpid()}-probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        return f"{there}: {system_error.why(error)}"
    return ""


def sees(folder: pathlib.Path, token: str, up: int) -> bool:
    """Whether the file `token` is in the folder that is `up` above `folder`."""
    for _ in range(up):
        folder = folder.parent
    return (folder / f"{TOKEN}{token}").exists()


def is_begun(folder: pathlib.Path) -> bool:
    """Whether something is in it."""
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def _digest(path: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
