"""The processes of one fleet as one process group, and the loop that watches them.

One thread, one selector: pipes, stop signals and deaths are all seen by step(). A process that was
start()ed ends the fleet with its death; a post that is kept is filled again, as long as that can
help. Leaving the `with` block kills what is left, so no exception can leave a process behind.
"""

from __future__ import annotations

import dataclasses
import selectors
import signal
import time
from collections.abc import Callable, Iterable

from rubato_cli.base import system_error
from rubato_cli.base.deadline import Deadline
from rubato_cli.base.events import Event, SignalEvent
from rubato_cli.base.failure import FATAL, RETRYABLE, STOPPED, USAGE, Failure, StoppedBySignal
from rubato_cli.files.process_files import ProcessFiles
from rubato_cli.fleet.child import Child
from rubato_cli.fleet.child_failure import ChildFailure
from rubato_cli.fleet.places import Order, Places
from rubato_cli.fleet.post import Post
from rubato_cli.fleet.restarts import Restarts
from rubato_cli.fleet.stop_signals import StopSignals
from rubato_cli.fleet.teller import PassedOn
from rubato_cli.fleet.usage import Usage

STEP_SECONDS = 0.1  # how late a death can be noticed
SETTLE_SECONDS = 0.3  # one death brings others: wait for them before one is blamed
LISTEN_SECONDS = 60.0  # each listens first and loads then
END_SECONDS = 15.0  # once they are asked to


class Fleet:
    """Starts, watches and ends children. Children may end only as `may_end` allows, or where a
    post is to be filled again."""

    def __init__(self, places: Places, files: Callable[[str], ProcessFiles],
                 stop: StopSignals) -> None:
        self.children: list[Child] = []  # without those whose posts are filled again
        self.stop = stop
        # Is told of every event, whoever is waiting for what.
        self.on_event: Callable[[Child, Event], None] = lambda child, event: None
        # Is told once of what others told the scheduler, by their names.
        self.on_relayed: Callable[[str, Event], None] = lambda name, event: None
        # Is told of the post of a process that has died and will be followed, and why it did.
        self.on_death: Callable[[Post, str], None] = lambda post, why: None
        # Is told of the post of a process that has died with its host and can be on no other: may
        # do without it, else the fleet ends.
        self.on_stranded: Callable[[Post], None] = lambda post: None
        # A first stop signal ends the fleet at once unless somebody takes care of it.
        self.signals_bearable = 0
        self.places = places
        self._files = files
        self._passed_on = PassedOn()
        # By name, as they were started: of those that are no children any more.
        self._followed: dict[str, Usage] = {}
        self._may_end: dict[str, tuple[int, ...]] = {}
        self._posts: dict[str, Post] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(stop.wakeup, selectors.EVENT_READ, stop.drain)
        for wakeup in places.wakeups():
            self._selector.register(wakeup, selectors.EVENT_READ, places.look)

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.children:
            child.kill()
        deadline = Deadline(END_SECONDS)
        # Whom nobody can reach, his host ends by itself.
        while any(not child.reap() and child.process.in_touch_seconds
                  for child in self.children) and not deadline.over():
            time.sleep(0.005)
            self.places.look()
        for child in self.children:
            child.close()
        self._selector.close()

    def start(self, name: str, program: str, arguments: Iterable[str]) -> Child:
        """Starts one process, where it has its place."""
        order = Order(program, ["--supervised", *arguments], self._files(name))
        try:
            child = Child(name, order, self.places.host(name))
        except OSError as error:
            self._check_deaths()  # a leader that is gone is the reason, when it is
            failure = system_error.failure(error, f"starting {name}")
            code = USAGE if failure.code == USAGE else RETRYABLE
            raise Failure(failure.sentence, code) from error
        self.children.append(child)
        self._followed.setdefault(name, Usage())
        if child.stdout is not None:
            self._selector.register(child.stdout, selectors.EVENT_READ, lambda: self._read(child))
        return child

    def keep(self, name: str, program: str, arguments: Callable[[Post], list[str]],
             restarts: Restarts) -> Post:
        """A post that is filled now, and again after each death that may be followed."""
        post = Post(name, lambda post: self.start(name, program, arguments(post)), restarts)
        self._posts[name] = post
        return post

    def may_end(self, process: Child | Post, *codes: int) -> None:
        """From now on `process` may end with one of `codes`; anything else is a death."""
        self._may_end[process.name] = codes

    def step(self, seconds: float = STEP_SECONDS) -> None:
        """Waits at most `seconds` for events. Raises when a child has died, or to stop."""
        self._hear(seconds)
        if self.stop.count > self.signals_bearable:
            raise StoppedBySignal(self.stop.number)
        self._check_deaths()
        for post in self._posts.values():
            if post.due is not None and time.monotonic() >= post.due:
                self._forget(post.child)
                post.fill()

    def wait_listening(self, process: Child | Post) -> str:
        """The address that `process` says it listens on."""
        deadline = Deadline(LISTEN_SECONDS)
        while not deadline.over():
            if process.address:
                return process.address
            self.step()
        child = process.child if isinstance(process, Post) else process
        raise ChildFailure(child, f"did not come up within {LISTEN_SECONDS:.0f} s", RETRYABLE)

    def end(self, processes: Iterable[Child] | Iterable[Post]) -> None:
        """Asks `processes` to end and waits for their last events."""
        asked = [process for process in processes if process.running]
        for process in asked:
            # Somebody may kill it meanwhile: what it was needed for is done.
            self.may_end(process, 0, STOPPED, 128 + signal.SIGTERM, -signal.SIGKILL)
            process.stop()
        deadline = Deadline(END_SECONDS)
        while any(process.running for process in asked) and not deadline.over():
            self.step()

    def usage(self) -> dict[str, Usage]:
        """By name, of all processes that were ever started."""
        used = {name: dataclasses.replace(before) for name, before in self._followed.items()}
        for child in self.children:
            used[child.name].add(child)
        return used

    def _hear(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            key.data()
        self.places.look()
        for child in self.children:
            if child.process.waiting or (child.running and child.reap()):
                self._read(child)

    def _forget(self, child: Child) -> None:
        """It is dead, and what it has told is read; only its figures are still wanted."""
        self._followed[child.name].add(child)
        self.children.remove(child)
        self._turn_from(child)
        child.close()

    def _turn_from(self, child: Child) -> None:
        """Nothing is to come from it."""
        if child.stdout is not None and child.stdout in self._selector.get_map():
            self._selector.unregister(child.stdout)

    def _read(self, child: Child) -> None:
        if child.closed:
            return
        events, ended = child.read_events()
        if ended:
            self._turn_from(child)
        for told_by, line, event in events:
            if told_by:
                if self._passed_on.is_new(told_by, line):
                    self.on_relayed(told_by, event)
                continue
            if isinstance(event, SignalEvent):
                self.stop.hear(signal.Signals[event.name], int(event.count))
            self.on_event(child, event)

    def _check_deaths(self) -> None:
        for child in self._dead():
            self._read(child)  # its last words
            post = self._posts.get(child.name)
            if post is not None and not self.places.has_room(child.name):
                self.on_stranded(post)
            elif post is not None and post.lose():
                self.on_death(post, post.why())
        blamed = self._dead()
        if not blamed:
            return
        deadline = Deadline(SETTLE_SECONDS)
        while not deadline.over():
            self._hear(STEP_SECONDS / 4)
        for child in self.children:
            self._read(child)
        # Who died meanwhile and could have been followed is not what ends the fleet.
        for child in self._dead():
            post = self._posts.get(child.name)
            if child not in blamed and (post is None or not post.lose()):
                blamed.append(child)
        child = min(blamed, key=_blame)
        raise _death(child, self._posts.get(child.name))

    def _dead(self) -> list[Child]:
        return [child for child in self.children
                if child.exit_code is not None and not self._is_followed(child)
                and child.exit_code not in self._may_end.get(child.name, ())]

    def _is_followed(self, child: Child) -> bool:
        """Whether another process has its post, or will."""
        post = self._posts.get(child.name)
        return post is not None and (post.child is not child or post.due is not None)


def _blame(child: Child) -> int:
    """A process that lost its peers ends with 3: whoever ended otherwise is the cause."""
    if child.exit_code is not None and child.exit_code < 0:
        return 0
    return {FATAL: 1, USAGE: 1, RETRYABLE: 3}.get(child.exit_code or 0, 2)


def _death(child: Child, post: Post | None) -> Failure:
    ending = child.ending()
    why = ending.why() if post is None else post.why()
    if post is not None and post.restarts.spent:
        why += (f"; within ten minutes it was started again {post.restarts.used} times, which is "
                "fleet.restarts")
    return ChildFailure(child, why, ending.code, child.last_error if ending.spoke else "")
