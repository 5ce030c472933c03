"""Training: a scheduler, servers and workers from the first clock to the commit at the last one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NoReturn

from rubato_cli.base.console import Console
from rubato_cli.base.deadline import Deadline
from rubato_cli.base.events import (BegunEvent, Event, FleetResumeEvent, ProgressEvent,
                                    ValidationEvent)
from rubato_cli.base.failure import RETRYABLE, STOPPED, Failure, StoppedBySignal
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet import open_files
from rubato_cli.fleet.child import Child
from rubato_cli.fleet.child_failure import ChildFailure
from rubato_cli.fleet.fleet import Fleet
from rubato_cli.fleet.post import Post
from rubato_cli.fleet.sockets import Addresses
from rubato_cli.fleet.teller import Teller
from rubato_cli.fleet.usage import Usage
from rubato_cli.run.committed import Snapshot
from rubato_cli.run.crew import Crew, Keep
from rubato_cli.run.history import History
from rubato_cli.run.supervision import Supervision
from rubato_cli.run.validations import Validations
from rubato_cli.run.workers import OtherWorkers

# The last commit, once all workers have ended.
COMMIT_SECONDS = 120.0
# The end of the workers once the scheduler has ended, which gave them 10 s already.
LEAVE_SECONDS = 5.0


class Training:
    """One start of a run's fleet. Raises what ends it early; returns when all is committed, or as
    one with other workers is to follow."""

    def __init__(self, fleet: Fleet, history: History, console: Console,
                 crew: Callable[[Keep], Crew]) -> None:
        """`crew`: makes the one of this fleet."""
        folder = history.folder
        self._history = history
        self._progress = history.progress
        self.seconds = 0.0
        self._fleet = fleet
        self._folder = folder
        self._console = console
        self._config = folder.read_json("config.json")["fleet"]
        self._supervision = Supervision(fleet, self._config, console, history.faults)
        self._validations: Validations | None = None
        self._begun = False
        self._run_flags: Callable[[str], list[str]] = lambda run: ["--run", run]
        # Workers that have not come through an iteration yet.
        self._untried = {f"worker-{seat}" for seat in range(int(self._config["workers"]))}
        self._crew = crew(self._keep)
        fleet.on_event = self._take
        fleet.on_relayed = self._take_relayed

    def run(self, addresses: Addresses, resumed: Snapshot | None) -> OtherWorkers | None:
        """`resumed`: of an earlier start, to go on from; None for a new run."""
        clock = resumed.clock if resumed else 0
        self._run_flags = addresses.run_flags
        self._history.begin(clock)
        self._validations = Validations(self._folder, clock, self._console)
        open_files.need(1 + int(self._config["servers"]) + int(self._config["workers"]))
        scheduler = self._keep("scheduler-0", "rubato-scheduler", SchedulerArguments(
            addresses.scheduler(), ["--resume", *resumed.arguments()] if resumed else []))
        address = self._fleet.wait_listening(scheduler)
        self._crew.start_servers(addresses, address)
        begin = time.monotonic()
        self._crew.start_workers(address)
        self._fleet.may_end(scheduler, 0)
        with self._validations:
            try:
                other = self._watch(scheduler)
            finally:
                self.seconds = time.monotonic() - begin
            if other is None:
                self._crew.end_servers()
        return other

    def usage(self) -> dict[str, Usage]:
        """Of all its processes, by name."""
        return self._fleet.usage() | self._crew.usage()

    def _keep(self, name: str, program: str, arguments: Callable[[Post], list[str]],
              *verb: str) -> Post:
        def all_arguments(post: Post) -> list[str]:
            there = self._fleet.places.there(name, self._folder.path)
            return [*verb, *self._run_flags(there), *arguments(post)]

        return self._supervision.watch(
            self._fleet.keep(name, program, all_arguments, self._supervision.restarts()))

    def _watch(self, scheduler: Post) -> OtherWorkers | None:
        """Until scheduler and workers have ended by themselves, after a stop signal, or to be
        followed by other workers."""
        self._fleet.signals_bearable = 1
        deadline = None
        leaving = False
        while scheduler.running or self._crew.working:
            self._look()
            self._console.live(self._progress.line())
            if self._fleet.stop.count:
                self._stop(scheduler)
            if self._fleet.stop.snapshot_wanted():
                scheduler.child.ask_for_snapshot()
            if self._begun and scheduler.running:
                if other := self._make_room(scheduler):
                    return other
            if not scheduler.running and not leaving:
                leaving = True
                self._crew.relieve()
                deadline = Deadline(LEAVE_SECONDS)
            elif deadline is None and not self._crew.working:
                deadline = Deadline(COMMIT_SECONDS)
            if deadline is not None and deadline.over():
                break
        self._fleet.signals_bearable = 0
        if scheduler.running:
            raise ChildFailure(scheduler.child, f"did not end within {COMMIT_SECONDS:.0f} s of "
                               "the workers", RETRYABLE)
        # It ended well, so all is committed: who is left only waits for a lost goodbye.
        self._crew.end_workers()
        return None

    def _look(self) -> None:
        self._fleet.step()
        self._supervision.look()
        self._crew.look()
        if self._validations:
            self._validations.look()

    def _stop(self, scheduler: Post) -> NoReturn:
        """One signal."""
        self._console.note("stopping: waiting for a last snapshot (once more to stop at once)")
        self._stopped(self._end_early(scheduler))

    def _stopped(self, failure: Failure | None) -> NoReturn:
        """By a signal; `failure`: of what had to be committed then."""
        if failure is not None:
            raise StoppedBySignal(
                self._fleet.stop.number,
                f"stopped, and no snapshot could be committed: {failure.sentence}") from failure
        commits = self._progress.commits
        what = (f"with a snapshot at clock {commits[-1].clock}" if commits
                else "with nothing new to keep")
        raise Failure(f"stopped {what}; {self._folder.go_on}", STOPPED)

    def _make_room(self, scheduler: Post) -> OtherWorkers | None:
        """Ends this fleet where others are wanted; None where nobody wants them, or all has been
        trained and committed meanwhile."""
        other = self._history.workers.wanted()
        if other is not None and self._crew.fixed:
            return self._history.workers.decline(self._crew.fixed)
        if other is None:
            return None
        self._console.note(f"workers: {self._config['workers']} -> {other.workers} is asked for; "
                           "waiting for a snapshot")
        failure = self._end_early(scheduler)
        if self._fleet.stop.count:
            self._stopped(failure)
        commits = self._progress.commits
        if failure is not None:
            if (scheduler.child.exit_code or 0) <= 0:
                raise failure  # which would have ended the run in any case
            return self._history.workers.stay(
                f"no snapshot could be committed: {failure.sentence}")
        if commits and commits[-1].clock >= self._progress.last_clock:
            return None
        return other

    def _end_early(self, scheduler: Post) -> Failure | None:
        """The scheduler commits and ends with 75, or with 0 where all was done. Returns what has
        kept it from that."""
        self._fleet.may_end(scheduler, 0, STOPPED)
        self._crew.may_stop()
        asked: Child | None = None
        try:
            while scheduler.running:
                if scheduler.child is not asked and scheduler.child.running:
                    asked = scheduler.child
                    asked.stop()
                self._look()
        except StoppedBySignal:
            raise
        except Failure as failure:
            return failure
        return None

    def _take_relayed(self, name: str, event: Event) -> None:
        teller = self._crew.told(name, event)
        if teller is not None:
            self._take(teller, event)

    def _take(self, teller: Teller, event: Event) -> None:
        if isinstance(event, ValidationEvent) and self._validations:
            self._validations.take(event)
        if isinstance(event, FleetResumeEvent) and self._validations:
            self._validations.go_back(event.clock)
        if isinstance(event, BegunEvent):
            self._begun = True
        if isinstance(event, ProgressEvent):
            self._untried.discard(teller.name)
            if not self._untried:
                self._history.workers.trained()
        self._supervision.take(teller, event)
        self._crew.take(teller, event)
        self._progress.tell(teller, event, self._console)
        # Who stops a run wants its snapshot. If it has run away, its next validation says so too.
        if isinstance(event, ValidationEvent) and not self._fleet.stop.count:
            made = self._validations.made if self._validations else []
            self._history.rollbacks.check(event, made)


class SchedulerArguments:
    """What a scheduler is started with: the next one takes the place of the last, as soon as that
    has written down where the run stands, which it does before it listens."""

    def __init__(self, listen: str, begin: list[str]) -> None:
        """`begin`: how the first one begins; [] for a new run."""
        self._listen = listen
        self._begin = begin

    def __call__(self, post: Post) -> list[str]:
        if post.starts == 0:
            return ["--listen", self._listen, *self._begin]
        self._listen = _at_port_of(self._listen, post.address)
        if post.was_up:
            self._begin = ["--restart"]
        return ["--listen", self._listen, *(self._begin or ["--restart"])]


def _at_port_of(listen: str, told: str) -> str:
    """Where a scheduler was to listen, with the port that it has told. Others may have been told
    another host."""
    host, _, port = listen.rpartition(":")
    if not told.startswith("tcp://") or (port.isdecimal() and int(port) > 0):
        return listen
    return f"{host}:{told.rpartition(':')[2]}"
