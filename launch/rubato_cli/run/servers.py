"""Whether a run has servers. Without (fleet.servers = 0) one worker trains, and nothing is
committed."""

from __future__ import annotations

from typing import Any

from rubato_cli.base.failure import USAGE, Failure
from rubato_cli.files.run_folder import RunFolder


def has_servers(config: dict[str, Any]) -> bool:
    """`config`: config.json."""
    return int(config["fleet"]["servers"]) > 0


def need_servers(folder: RunFolder, wish: str) -> None:
    """For what needs a snapshot: raises if the run in `folder` has no servers to make one."""
    config = folder.find_json("config.json")
    if config and not has_servers(config):
        raise Failure(f"{folder.shown} was trained with fleet.servers = 0, which commits no "
                      f"snapshot, so there is nothing to {wish}; train with servers", USAGE)
