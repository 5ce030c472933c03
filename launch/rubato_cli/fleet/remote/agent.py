"""The agent of one launcher on one host: starts processes, tells what they write and how they end.

It outlives a connection, and so does what it runs. What it runs ends with it, by the kernel's hand
if need be, and it ends when it is told to, or when nothing has been heard of a launcher for its
lease: a host that is cut off is lived through for so long, and then nothing is left on it.

Messages (ordered_link.py). From the launcher:
  {"do": "start", "id", "program", "arguments", "log", "texts"}   texts: {NAME: content}, files of
                                       the agent's own folder, which stands for "{agent}" in an
                                       argument; program "rubato" is this command itself
  {"do": "stop" | "kill" | "snapshot", "id"}  {"do": "end"}  {"do": "beat"}
To it:
  {"said": "hello", ...}               this host, once at the begin (host_facts.py)
  {"said": "started", "id", "pid"}  {"said": "wrote", "id", "text"}
  {"said": "ended", "id", "code", "peak_memory_bytes", "cpu_seconds", "words"}
  {"said": "beat", "ticks": {id: of what runs}}
"""

from __future__ import annotations

import pathlib
import selectors
import signal
import socket
import sys
import time

from rubato_cli.base import system_error
from rubato_cli.base.checkout import ROOT
from rubato_cli.base.deadline import Deadline
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.process import LocalProcess
from rubato_cli.fleet.remote.agent_folder import AgentFolder
from rubato_cli.fleet.remote.ordered_link import Message, OrderedLink

STEP_SECONDS = 0.1
IDLE_SECONDS = 600.0  # of a launcher that is connected, silent, and has nothing here to lose
END_SECONDS = 5.0  # for what was killed to be gone
NOT_STARTED = 126  # exit code of what could not be, as a shell's
SELF = "rubato"
AGENT = "{agent}"


class Agent:
    """Listens on `listener`. `lease`: seconds."""

    def __init__(self, build: Build, folder: AgentFolder, listener: socket.socket,
                 lease: float) -> None:
        self._build = build
        self._folder = folder
        self._lease = lease
        self._link = OrderedLink()
        self._connection: socket.socket | None = None
        self._listener = listener
        self._processes: dict[int, LocalProcess] = {}
        self._over = False
        self._heard()
        self._selector = selectors.DefaultSelector()
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)

    def say(self, message: Message) -> None:
        self._link.send(message)

    def run(self) -> None:
        """To its end."""
        try:
            while not self._over and not self._is_left():
                for key, _ in self._selector.select(STEP_SECONDS):
                    key.data()
                for number, process in list(self._processes.items()):
                    self._look_at(number, process)
                self._write()
        finally:
            self._end_all()

    def _is_left(self) -> bool:
        """Whether no launcher is there any more."""
        alone = self._lease_over.over()
        idle = self._idle_over.over()
        return alone and (idle or self._connection is None or bool(self._processes))

    def _heard(self) -> None:
        self._lease_over = Deadline(self._lease)
        self._idle_over = Deadline(max(self._lease, IDLE_SECONDS))

    # The connection ------------------------------------------------------------------------------

    def _accept(self) -> None:
        """A newer connection takes the place of the last, which may be half open."""
        connection, _ = self._listener.accept()
        self._hang_up()
        connection.setblocking(False)
        self._connection = connection
        self._selector.register(connection, selectors.EVENT_READ, self._read)
        self._link.connected()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._selector.unregister(self._connection)
            self._connection.close()
            self._connection = None
            self._link.disconnected()

    def _read(self) -> None:
        assert self._connection is not None
        try:
            data = self._connection.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._hang_up()
            return
        self._heard()
        for message in self._link.take(data):
            self._do(message)

    def _write(self) -> None:
        while self._connection is not None and self._link.out:
            try:
                sent = self._connection.send(self._link.out)
            except BlockingIOError:
                return  # more at the next step
            except OSError:
                self._hang_up()
                return
            self._link.out = self._link.out[sent:]

    # What it is told -----------------------------------------------------------------------------

    def _do(self, message: Message) -> None:
        process = self._processes.get(int(message.get("id", 0)))
        match message["do"]:
            case "start":
                self._start(message)
            case "stop" if process is not None:
                process.stop()
            case "kill" if process is not None:
                process.kill()
            case "snapshot" if process is not None:
                process.ask_for_snapshot()
            case "beat":
                self._link.send_now({"said": "beat", "ticks": {
                    number: process.cpu_ticks() for number, process in self._processes.items()}})
            case "end":
                self._over = True

    def _start(self, message: Message) -> None:
        number = int(message["id"])
        try:
            for name, content in message.get("texts", {}).items():
                (self._folder.path / name).write_text(content, encoding="utf-8")
            log = pathlib.Path(message["log"] or self._folder.path / f"{number}.log")
            log.parent.mkdir(exist_ok=True)
            process = LocalProcess(self._command(message), log, group=0)
        except OSError as error:
            self.say({"said": "ended", "id": number, "code": NOT_STARTED, "peak_memory_bytes": 0,
                      "cpu_seconds": 0.0, "words": system_error.failure(error).sentence})
            return
        self._processes[number] = process
        self._selector.register(process.stdout, selectors.EVENT_READ,
                                lambda: self._tell(number, process))
        self.say({"said": "started", "id": number, "pid": process.pid})

    def _command(self, message: Message) -> list[str]:
        program = str(message["program"])
        first = ([sys.executable, "-B", str(ROOT / "launch" / "rubato")] if program == SELF else
                 [self._build.program(program)])
        return [*first, *(str(word).replace(AGENT, str(self._folder.path))
                          for word in message["arguments"])]

    # What it tells -------------------------------------------------------------------------------

    def _tell(self, number: int, process: LocalProcess) -> None:
        while data := process.read():
            self.say({"said": "wrote", "id": number,
                      "text": data.decode("utf-8", "surrogateescape")})
        if data is None and process.stdout in self._selector.get_map():
            self._selector.unregister(process.stdout)

    def _look_at(self, number: int, process: LocalProcess) -> None:
        if not process.reap():
            return
        self._tell(number, process)
        self.say({"said": "ended", "id": number, "code": process.exit_code,
                  "peak_memory_bytes": process.peak_memory_bytes,
                  "cpu_seconds": process.cpu_seconds, "words": process.last_words()})
        if process.stdout in self._selector.get_map():
            self._selector.unregister(process.stdout)
        process.close()
        del self._processes[number]

    def _end_all(self) -> None:
        for process in self._processes.values():
            process.kill()
        deadline = Deadline(END_SECONDS)
        while any(not process.reap() for process in self._processes.values()):
            if deadline.over():
                break
            time.sleep(STEP_SECONDS / 10)
        self._hang_up()


def ignore_signals() -> None:
    """Its end is the launcher's to ask for, or the lease's: a closed terminal and a Ctrl-C on the
    way there are not meant for it. SIGTERM ends it, and what it runs with it."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
