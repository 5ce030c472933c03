"""Slurm's commands, in Slurm's words."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import subprocess

from rubato_cli.base.failure import RETRYABLE, USAGE, Failure

# Of a job that has not ended; all others are ends.
WAITING = ("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT", "SUSPENDED")
RUNNING = ("RUNNING", "COMPLETING", "STAGE_OUT", "SIGNALING", "STOPPED", "RESIZING")
FORGOTTEN = "Invalid job id"


@dataclasses.dataclass(frozen=True)
class JobState:
    """As `scontrol show job` tells it; of a heterogeneous job, of its first component."""

    word: str
    reason: str = ""  # why it waits
    nodes: str = ""
    exit_code: int = 0  # of the batch script
    signal: int = 0  # that ended it

    @property
    def waits(self) -> bool:
        return self.word in WAITING

    @property
    def runs(self) -> bool:
        return self.word in RUNNING

    @property
    def over(self) -> bool:
        return not self.waits and not self.runs


def check(script: str) -> None:
    """Failure in sbatch's words if that would refuse it."""
    _call(USAGE, "sbatch", "--test-only", text=script)


def submit(script: pathlib.Path) -> str:
    """The number of the job. Failure in sbatch's words."""
    return _call(USAGE, "sbatch", "--parsable", str(script)).split(";")[0].strip()


def state(job: str) -> JobState | None:
    """None once Slurm has forgotten it, or while Slurm does not answer."""
    try:
        text = _call(RETRYABLE, "scontrol", "--oneliner", "show", "job", job)
    except Failure as failure:
        if FORGOTTEN in failure.sentence:
            return JobState("FORGOTTEN")
        return None
    return parse(text.splitlines()[0])


def parse(line: str) -> JobState:
    """A line of `scontrol --oneliner show job`."""
    values = dict(re.findall(r"(\w+)=(\S+)", line))
    code, _, number = values.get("ExitCode", "0:0").partition(":")
    nodes, reason = values.get("NodeList", ""), values.get("Reason", "")
    return JobState(values.get("JobState", ""), "" if reason == "None" else reason,
                    "" if nodes == "(null)" else nodes, int(code), int(number or 0))


def signal(job: str, name: str) -> None:
    """To its batch script alone."""
    _call(RETRYABLE, "scancel", "--batch", f"--signal={name}", job)


def cancel(job: str) -> None:
    _call(RETRYABLE, "scancel", job)


def _call(code: int, *command: str, text: str = "") -> str:
    """What `command` prints when it reads `text`; Failure with `code`."""
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False,
                              start_new_session=True)
    except FileNotFoundError as error:
        raise Failure(f"there is no `{command[0]}` here: call this on a host from which jobs are "
                      "submitted") from error
    if done.returncode != 0:
        said = [line.removeprefix(f"{command[0]}: ").removeprefix("error: ").strip()
                for line in (done.stderr or done.stdout).splitlines()]
        raise Failure(f"{command[0]}: {'; '.join(filter(None, said))}", code)
    return done.stdout
