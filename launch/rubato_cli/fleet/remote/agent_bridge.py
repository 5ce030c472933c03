"""What ssh runs on a host: makes the agent of a session if it is asked to, and joins its own stdin
and stdout to the agent's socket. Its end, or that of ssh, is no end of the agent."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys

from rubato_cli.base.failure import DONE, RETRYABLE, Failure
from rubato_cli.base.output import write_all
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.remote.agent import Agent, ignore_signals
from rubato_cli.fleet.remote.agent_folder import AgentFolder
from rubato_cli.fleet.remote.host_facts import facts

STDIN, STDOUT = 0, 1
GONE = "there is no agent of this session any more"


def begin(build: Build, session: str, lease: float) -> None:
    """Makes the agent. Returns once its socket is there."""
    folder = AgentFolder(session)
    folder.make()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder.socket))
    listener.listen(8)
    if _in_new_session():
        _serve(build, folder, listener, lease)
    listener.close()


def join(session: str) -> int:
    """To the end of one side; the exit code."""
    folder = AgentFolder(session)
    if not folder.check():
        raise Failure(GONE, RETRYABLE)
    with socket.socket(socket.AF_UNIX) as agent:
        try:
            agent.connect(str(folder.socket))
        except ConnectionRefusedError as error:
            raise Failure(GONE, RETRYABLE) from error
        # It has hung up on us for a newer connection, whether or not it had read all of ours. Where
        # it is gone, the next one will see that.
        with contextlib.suppress(ConnectionError):
            _copy(agent)
    return DONE


def _copy(agent: socket.socket) -> None:
    """Both ways, to the end of one of them."""
    while True:
        ready, _, _ = select.select([STDIN, agent], [], [])
        if agent in ready:
            if not (data := agent.recv(1 << 16)):
                return
            write_all(STDOUT, data)
        if STDIN in ready:
            if not (data := os.read(STDIN, 1 << 16)):
                return
            agent.sendall(data)


def _in_new_session() -> bool:
    """Whether this is the new process, which has no terminal and no parent."""
    child = os.fork()
    if child > 0:
        os.waitpid(child, 0)
        return False
    os.setsid()
    if os.fork() > 0:
        os._exit(DONE)
    return True


def _serve(build: Build, folder: AgentFolder, listener: socket.socket, lease: float) -> None:
    """Does not return."""
    code = RETRYABLE
    try:
        _leave_streams(folder)
        ignore_signals()
        agent = Agent(build, folder, listener, lease)
        agent.say({"said": "hello", **facts(build)})
        agent.run()
        code = DONE
    except BaseException as error:  # whatever it is, nobody is there to take it
        print(f"rubato agent: {error!r}", file=sys.stderr, flush=True)
    finally:
        folder.remove()
        os._exit(code)


def _leave_streams(folder: AgentFolder) -> None:
    """ssh waits for whoever holds its streams."""
    nothing = os.open(os.devnull, os.O_RDWR)
    log = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, STDIN)
    os.dup2(nothing, STDOUT)
    os.dup2(log, 2)
    os.chdir("/")
