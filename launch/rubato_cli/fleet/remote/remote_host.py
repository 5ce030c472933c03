"""A host that is reached by ssh, as the launcher knows it: its agent, the connection to that, which
is made again when it breaks, and the processes there.

Nothing here blocks: look() takes what has come and does what is due.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import secrets
import select
import signal
import subprocess
import time
from typing import Any

from rubato_cli.base.checkout import ROOT
from rubato_cli.base.deadline import ASLEEP_SECONDS, Deadline
from rubato_cli.files.process_files import ProcessFiles
from rubato_cli.fleet.places import Order
from rubato_cli.fleet.remote import remote_log
from rubato_cli.fleet.remote import ssh as ssh_words
from rubato_cli.fleet.remote.host_file import HostEntry
from rubato_cli.fleet.remote.ordered_link import Message, OrderedLink
from rubato_cli.fleet.remote.remote_process import RemoteProcess
from rubato_cli.fleet.remote.ssh import STDERR_MAX, Ssh

BEAT_SECONDS = 1.0
TOUCH_SECONDS = 3.0  # who answers no beat for so long is out of touch
SILENT_SECONDS = 5.0  # and then another connection is tried
CONNECT_SECONDS = 12.0  # until the agent has spoken
PAUSE_SECONDS = 1.0  # between two tries
AFTER_LEASE_SECONDS = 5.0  # its agent counts from when it last heard us, which is later


class RemoteHost:
    """One of `entry`. `lease`: its agent ends what runs there when it has not heard us for so many
    seconds; a little later the host counts as lost."""

    def __init__(self, entry: HostEntry, ssh: Ssh, lease: float) -> None:
        self.entry = entry
        self.path = entry.path or str(ROOT)
        self.out = entry.out  # where the run's folder is there
        self.facts: dict[str, Any] = {}  # host_facts.py, once it has said them
        self.trouble = ""  # why there is no connection, if there is none
        self.lost = ""  # a sentence that begins after its name, once it is
        self._ssh = ssh
        self._lease = lease
        self._session = secrets.token_hex(8)
        self._link = OrderedLink()
        self._poll = select.epoll()
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr = b""
        self._processes: dict[int, RemoteProcess] = {}
        self._numbers = 0
        self._beat_at = 0.0
        self._try_at = 0.0
        self._heard_at = self._looked_at = time.monotonic()
        self._over = Deadline(lease + AFTER_LEASE_SECONDS)
        self._touched_at: float | None = None

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def slots(self) -> int:
        return self.entry.slots or int(self.facts.get("cores", 1))

    @property
    def in_touch_seconds(self) -> float:
        """For how long it has been; 0: it is not."""
        now = time.monotonic()
        if not self._link.is_up or now - self._heard_at > TOUCH_SECONDS:
            self._touched_at = None
            return 0.0
        self._touched_at = self._touched_at or now
        return max(now - self._touched_at, 1e-3)

    def fileno(self) -> int:
        """Becomes readable when look() has something to take."""
        return self._poll.fileno()

    def start(self, order: Order) -> RemoteProcess:
        with contextlib.suppress(OSError):  # a full disk costs that, and not the run
            remote_log.note(order.files.log, self.name, self.path, self.files(order.files).log)
        return self.run(order.program, order.arguments, str(self.files(order.files).log))

    def files(self, files: ProcessFiles) -> ProcessFiles:
        log = pathlib.Path(self.out) / "logs" / files.log.name
        return dataclasses.replace(files, log=log, host=self.name)

    def run(self, program: str, arguments: list[str], log: str = "",
            texts: dict[str, str] | None = None) -> RemoteProcess:
        """See agent.py. A host that is out of touch is told as soon as it is there again."""
        self._numbers += 1
        process = RemoteProcess(self._numbers, self._link.send, lambda: self.in_touch_seconds)
        self._processes[self._numbers] = process
        if self.lost:
            process.lose(self.lost, -signal.SIGKILL)
            return process
        self._link.send({"do": "start", "id": self._numbers, "program": program,
                         "arguments": arguments, "log": log, "texts": texts or {}})
        return process

    def look(self) -> None:
        """As often as you like, and several times a second."""
        now = time.monotonic()
        if now - self._looked_at > ASLEEP_SECONDS:
            self._heard_at = now  # who has not listened cannot have heard
        self._looked_at = now
        if self.lost:
            return
        if self._process is None:
            if now >= self._try_at:
                self._connect(now)
        else:
            self._pump()
        if self._process is not None:
            self._check_heard(now)
        _ = self.in_touch_seconds  # so that no time without is overlooked
        if self._over.over():
            self._lose(f"has not been heard of for {self._lease + AFTER_LEASE_SECONDS:.0f} s"
                       + (f" ({self.trouble})" if self.trouble else ""))

    def end(self) -> None:
        """Its agent is to end with all that it runs, as soon as it hears of it."""
        self._link.send({"do": "end"})

    @property
    def ended(self) -> bool:
        """After end(): whether it has heard of that, or nobody is there to hear it. Else it ends by
        its lease."""
        return bool(self.lost) or self._link.all_delivered or not self.facts

    def close(self) -> None:
        self._hang_up()
        self._poll.close()

    # The connection ------------------------------------------------------------------------------

    def _connect(self, now: float) -> None:
        begin = ["--begin", "--lease", f"{self._lease:g}"] if not self.facts else []
        self._try_at = now + PAUSE_SECONDS
        self._heard_at = now
        self._stderr = b""
        self._process = self._ssh.start(self.name, self.path,
                                        ["agent", "--session", self._session, *begin])
        self._link.connected()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            self._poll.register(stream, select.EPOLLIN)

    def _hang_up(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        self._link.disconnected()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            stream.close()  # which takes it out of the poll as well
        process.kill()
        process.wait()

    def _pump(self) -> None:
        """What has come, and what is to go."""
        process = self._process
        assert process is not None and process.stdout is not None and process.stderr is not None
        open_still = True
        while (data := _read(process.stdout.fileno())) != b"":
            if data is None:
                open_still = False
                break
            self._take(data)
        while error := _read(process.stderr.fileno()):
            self._stderr = (self._stderr + error)[-STDERR_MAX:]
        if open_still:
            self._write()
        else:
            self._broken(process)

    def _take(self, data: bytes) -> None:
        messages = self._link.take(data)
        if self._link.is_up:
            self._heard_at = time.monotonic()
            self._over = Deadline(self._lease + AFTER_LEASE_SECONDS)
            self.trouble = ""
        for message in messages:
            self._hear(message)

    def _write(self) -> None:
        process = self._process
        assert process is not None and process.stdin is not None
        now = time.monotonic()
        if now >= self._beat_at:
            self._beat_at = now + BEAT_SECONDS
            self._link.send_now({"do": "beat"})
        try:
            while self._link.out:
                self._link.out = self._link.out[os.write(process.stdin.fileno(), self._link.out):]
        except BlockingIOError:
            pass  # more at the next look
        except OSError:
            self._broken(process)

    def _broken(self, process: subprocess.Popen[bytes]) -> None:
        """ssh has ended, or is about to."""
        try:
            code = process.wait(PAUSE_SECONDS)
        except subprocess.TimeoutExpired:
            code = ssh_words.FAILED
        said = self._stderr.decode(errors="replace") or self._link.noise
        self.trouble = ssh_words.why(self.name, self.path, code, said)
        self._hang_up()
        if self.facts and code > 0 and code != ssh_words.FAILED:
            self._lose(f"says: {self.trouble}")  # it is reached, and its agent is not there

    def _check_heard(self, now: float) -> None:
        patience = SILENT_SECONDS if self._link.is_up else CONNECT_SECONDS
        if now - self._heard_at > patience:
            self.trouble = f"no answer within {patience:.0f} s"
            self._hang_up()

    def _lose(self, why: str) -> None:
        self.lost = why
        self._hang_up()
        for process in self._processes.values():
            process.lose(f"was lost with its host {self.name}, which {why}", -signal.SIGKILL)

    # What it says --------------------------------------------------------------------------------

    def _hear(self, message: Message) -> None:
        match message:
            case {"said": "hello"}:
                self.facts = message
            case {"said": "beat", "ticks": dict(ticks)}:
                for number, count in ticks.items():
                    if (process := self._processes.get(int(number))) is not None:
                        process.ticks = int(count)
            case {"id": int(number)}:
                self._processes[number].take(message)
                if message["said"] == "ended":
                    del self._processes[number]


def _read(descriptor: int) -> bytes | None:
    """b"" when nothing has come, None at its end."""
    try:
        return os.read(descriptor, 1 << 16) or None
    except BlockingIOError:
        return b""
