"""What a run has committed, as its scheduler would find it: asked before any fleet is started."""

from __future__ import annotations

import subprocess

from rubato_cli.builds import Build
from rubato_cli.child import die_with_parent, parse_event
from rubato_cli.failure import FATAL, RETRYABLE, USAGE, Failure
from rubato_cli.run_folder import RunFolder


def committed_clock(build: Build, folder: RunFolder) -> int:
    """The clock of the newest committed snapshot in `folder`, 0 when there is none."""
    done = subprocess.run(
        [build.program("rubato-scheduler"), "--run", str(folder.path), "--committed"],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, preexec_fn=die_with_parent())
    for event in filter(None, map(parse_event, done.stdout.splitlines())):
        if event["event"] == "committed" and done.returncode == 0:
            return int(event["clock"])
        if event["event"] == "error":
            raise Failure(str(event["message"]),
                          done.returncode if done.returncode in (USAGE, FATAL) else RETRYABLE)
    raise Failure(f"rubato-scheduler --committed ended with exit code {done.returncode} and did "
                  "not answer; build again", FATAL)
