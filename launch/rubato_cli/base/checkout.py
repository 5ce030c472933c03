"""The checkout that this launcher is a part of: where it is, and which version."""

from __future__ import annotations

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]


def version() -> str:
    """Version of the project with the commit of this checkout, as in "0.1.0 (git 1a2b3c4)"."""
    match = re.search(r"project\(\w+ VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())
    number = match.group(1) if match else "unknown"
    try:
        described = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return number
    return f"{number} (git {described.stdout.strip()})"
