"""A program on several hosts at once, to its end."""

from __future__ import annotations

import dataclasses
import select
from collections.abc import Callable, Iterable

from rubato_cli.base.failure import StoppedBySignal
from rubato_cli.fleet.ending import Ending
from rubato_cli.fleet.question import Answer
from rubato_cli.fleet.remote.remote_host import RemoteHost
from rubato_cli.fleet.remote.remote_process import RemoteProcess
from rubato_cli.fleet.stop_signals import StopSignals

STEP_SECONDS = 0.1


@dataclasses.dataclass(frozen=True)
class Call:
    program: str
    arguments: list[str]
    texts: dict[str, str] = dataclasses.field(default_factory=dict)  # see agent.py


def run_on(hosts: Iterable[RemoteHost], call: Callable[[RemoteHost], Call],
           stop: StopSignals) -> dict[str, Answer]:
    """By the names of the hosts. A stop signal ends it."""
    processes: dict[RemoteHost, RemoteProcess] = {}
    for host in hosts:
        what = call(host)
        processes[host] = host.run(what.program, what.arguments, texts=what.texts)
    written = {host.name: b"" for host in processes}
    while not all(process.reap() for process in processes.values()):
        select.select([*processes, stop.wakeup], [], [], STEP_SECONDS)
        if stop.count:
            for process in processes.values():
                process.kill()
            raise StoppedBySignal(stop.number)
        for host, process in processes.items():
            host.look()
            written[host.name] += process.read() or b""
    answers = {}
    for host, process in processes.items():
        code = process.exit_code or 0
        ending = Ending(code, process.last_words().rstrip("."), process.lost)
        answers[host.name] = Answer(written[host.name] + (process.read() or b""), ending)
    return answers
