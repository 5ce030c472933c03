"""What an agent says of its host and its installation, for the launcher to compare."""

from __future__ import annotations

import hashlib
import os
import socket
from typing import Any

from rubato_cli.base import checkout
from rubato_cli.fleet.builds import PROGRAMS, Build


def facts(build: Build) -> dict[str, Any]:
    return {"host": socket.gethostname(), "cores": len(os.sched_getaffinity(0)),
            "version": checkout.version(), "programs": programs_digest(build),
            "build": str(build.folder)}


def programs_digest(build: Build) -> str:
    """Of all executables together."""
    digest = hashlib.sha256()
    for name in PROGRAMS:
        with open(build.program(name), "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
