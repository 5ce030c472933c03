"""Training: a scheduler, servers and workers from the first clock to the commit at the last one."""

from __future__ import annotations

import time
from collections.abc import Callable

from rubato_cli.base.console import Console
from rubato_cli.base.deadline import Deadline
from rubato_cli.base.events import Event, ValidationEvent
from rubato_cli.base.failure import RETRYABLE, STOPPED, Failure, StoppedBySignal
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet import open_files
from rubato_cli.fleet.child import Child
from rubato_cli.fleet.child_failure import ChildFailure
from rubato_cli.fleet.fleet import Fleet
from rubato_cli.fleet.sockets import Addresses
from rubato_cli.run.committed import Snapshot
from rubato_cli.run.progress import Progress
from rubato_cli.run.validations import Validations

# The last commit, once all workers have ended.
COMMIT_SECONDS = 120.0
# The end of the workers once the scheduler has ended, which gave them 10 s already.
LEAVE_SECONDS = 5.0


class Training:
    """One start of a run's fleet. Raises what ends it early; returns when all is committed."""

    def __init__(self, fleet: Fleet, folder: RunFolder, console: Console,
                 worker_flags: Callable[[int], list[str]]) -> None:
        self.progress = Progress.of(folder)
        self.seconds = 0.0
        self._fleet = fleet
        self._folder = folder
        self._console = console
        self._worker_flags = worker_flags
        self._validations: Validations | None = None
        fleet.on_event = self._take

    def run(self, addresses: Addresses, resumed: Snapshot | None) -> None:
        """`resumed`: of an earlier start, to go on from; None for a new run."""
        self._validations = Validations(self._folder, resumed.clock if resumed else 0,
                                        self._console)
        config = self._folder.read_json("config.json")["fleet"]
        open_files.need(1 + int(config["servers"]) + int(config["workers"]))
        run = ["--run", str(self._folder.path)]
        scheduler = self._fleet.start(
            "scheduler-0", "rubato-scheduler",
            [*run, "--listen", addresses.scheduler(),
             *(["--resume", *resumed.arguments()] if resumed else [])])
        address = self._fleet.wait_listening(scheduler)
        servers = start_servers(self._fleet, self._folder, addresses, ["--scheduler", address])
        begin = time.monotonic()
        workers = [
            self._fleet.start(f"worker-{seat}", "rubato-worker",
                              ["train", *run, "--scheduler", address, "--seat", str(seat),
                               *self._worker_flags(seat)])
            for seat in range(int(config["workers"]))]
        for child in (scheduler, *workers):
            self._fleet.may_end(child, 0)
        with self._validations:
            self._watch(scheduler, workers)
            self.seconds = time.monotonic() - begin
            self._fleet.end(servers)

    def _watch(self, scheduler: Child, workers: list[Child]) -> None:
        """Until scheduler and workers have ended by themselves, or after a stop signal."""
        self._fleet.signals_bearable = 1
        deadline = None
        leaving = False
        while scheduler.running or any(worker.running for worker in workers):
            self._fleet.step()
            self._console.live(self.progress.line())
            if self._fleet.stop.count:
                self._stop(scheduler, workers)
            if not scheduler.running and not leaving:
                leaving = True
                deadline = Deadline(LEAVE_SECONDS)
            elif deadline is None and not any(worker.running for worker in workers):
                deadline = Deadline(COMMIT_SECONDS)
            if deadline is not None and deadline.over():
                break
        self._fleet.signals_bearable = 0
        if scheduler.running:
            raise ChildFailure(scheduler, f"did not end within {COMMIT_SECONDS:.0f} s of the "
                               "workers", RETRYABLE)
        # It ended well, so all is committed: who is left only waits for a lost goodbye.
        self._fleet.end(workers)

    def _stop(self, scheduler: Child, workers: list[Child]) -> None:
        """One signal: the scheduler commits and ends with 75. Always raises."""
        self._console.note("stopping: waiting for a last snapshot (once more to stop at once)")
        number = self._fleet.stop.number
        self._fleet.may_end(scheduler, 0, STOPPED)
        for worker in workers:
            self._fleet.may_end(worker, 0, STOPPED)
        scheduler.stop()
        try:
            while scheduler.running:
                self._fleet.step()
        except StoppedBySignal:
            raise
        except Failure as failure:
            raise StoppedBySignal(
                number, f"stopped, and no snapshot could be committed: {failure.sentence}"
            ) from failure
        clock = self.progress.commits[-1].clock if self.progress.commits else "the last commit"
        raise Failure(f"stopped with a snapshot at clock {clock}; {self._folder.go_on}", STOPPED)

    def _take(self, child: Child, event: Event) -> None:
        if isinstance(event, ValidationEvent) and self._validations:
            self._validations.take(event)
        self.progress.tell(child, event, self._console)


def start_servers(fleet: Fleet, folder: RunFolder, addresses: Addresses,
                  arguments: list[str]) -> list[Child]:
    """The servers of the run, each with its places and with `arguments`, all listening."""
    config = folder.read_json("config.json")["fleet"]
    each = int(config["shards_per_server"])
    servers = []
    for index in range(int(config["servers"])):
        places = [text for place in range(index * each, (index + 1) * each)
                  for text in ("--place", str(place))]
        servers.append(fleet.start(
            f"server-{index}", "rubato-server",
            ["--run", str(folder.path), *arguments,
             "--listen", addresses.server(index), *places]))
    for server in servers:
        fleet.wait_listening(server)
    return servers
