"""The ssh that reaches a host: how it is started, and what its failures mean."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import subprocess
from collections.abc import Mapping

from rubato_cli.fleet.process import die_with_parent

CONNECT_SECONDS = 8
# It may ask nobody anything, and says when the other side is gone.
OPTIONS = ("-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_SECONDS}", "-o",
           "ServerAliveInterval=3", "-o", "ServerAliveCountMax=3", "-o", "ClearAllForwardings=yes")
FAILED = 255  # its own exit code; others are those of what it ran
NO_PROGRAM = (126, 127)  # the shell's there
NOT_THERE = (FAILED, *NO_PROGRAM)  # of no `rubato`
STDERR_MAX = 4096
# What it says -> what helps. {name}: the host's.
REMEDIES = (
    (r"Host key verification failed|host key is known|IDENTIFICATION HAS CHANGED",
     "its host key is unknown here, or another one: log in once by hand (`ssh {name}`) and "
     "compare"),
    (r"Permission denied", "nobody is there to type a password: give ssh a key that the host takes "
                           "(`ssh-copy-id {name}`)"),
    (r"Connection refused", "no sshd listens there: start it, or set Port in ~/.ssh/config"),
    (r"resolve hostname", "correct its name in the file of hosts, or set HostName in "
                          "~/.ssh/config"),
    (r"No route|timed out|unreachable|Connection closed|Connection reset",
     "is the host up, and its sshd reachable from here?"),
)


@dataclasses.dataclass(frozen=True)
class Ssh:
    """`command`: $RUBATO_SSH, or ssh. `programs`: $RUBATO_BIN, "" if it is not set. Both are the
    same there."""

    command: str = ""
    programs: str = ""

    def start(self, host: str, path: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        """`rubato arguments` of the installation in `path` on `host`; all streams are pipes that
        never block."""
        said = [f"{name}={value}" for name, value in (
            ("RUBATO_BIN", self.programs), ("RUBATO_SSH", self.command)) if value]
        there = [*(["env", *said] if said else []), f"{path}/launch/rubato", *arguments]
        process = subprocess.Popen(
            [*(shlex.split(self.command) or ["ssh"]), *OPTIONS, host,
             f"exec {shlex.join(there)}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            process_group=0, bufsize=0, preexec_fn=die_with_parent())
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
        return process


def of(environment: Mapping[str, str]) -> Ssh:
    """As it asks for."""
    return Ssh(environment.get("RUBATO_SSH", ""), environment.get("RUBATO_BIN", ""))


def is_own(line: str) -> bool:
    """Whether ssh itself has most likely said it."""
    return any(re.search(pattern, line) for pattern, _ in REMEDIES)


def why(name: str, path: str, code: int, said: str) -> str:
    """Why an ssh ended with `code`: a sentence that begins after the host's name."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = (lines[-1].removeprefix("rubato: ").rstrip(".") if lines else
            f"ssh ended with exit code {code}")
    if code == FAILED:
        advice = next((advice for pattern, advice in REMEDIES if re.search(pattern, said)),
                      f"try `ssh {name} true`")
        return f"{last}; {advice.format(name=name)}"
    if code in NO_PROGRAM:
        what = "cannot be executed" if code == 126 else "is not there"
        return (f"{path}/launch/rubato {what} ({last}); install the same Rubato there, or set "
                "path= in the file of hosts")
    return last
