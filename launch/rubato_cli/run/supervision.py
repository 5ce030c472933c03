"""Keeps a training fleet alive: who dies is followed by another, who hangs is killed first."""

from __future__ import annotations

import signal
import time
from typing import Any

from rubato_cli.base.console import Console
from rubato_cli.base.events import (BegunEvent, EvictedEvent, Event, QuarantinedEvent, ServingEvent,
                                    SilentEvent, ViewEvent)
from rubato_cli.fleet.fleet import Fleet
from rubato_cli.fleet.post import Post
from rubato_cli.fleet.pulse import Pulse
from rubato_cli.fleet.restarts import Restarts
from rubato_cli.fleet.teller import Teller
from rubato_cli.run.faults import Death, Faults

SCHEDULER = "scheduler-0"
IDLE_LEASES = 3  # a disk that stands still for a moment is no reason


class Supervision:
    """Of the fleet of one run. `config` is config.json's section "fleet"."""

    def __init__(self, fleet: Fleet, config: dict[str, Any], console: Console,
                 faults: Faults) -> None:
        self.faults = faults
        self._fleet = fleet
        self._console = console
        self._budget = int(config["restarts"])
        self._lease = float(config["lease_seconds"])
        self._shards = int(config["shards_per_server"])
        self._posts: dict[str, Post] = {}
        self._clock = 0
        self._missing: dict[str, Death] = {}  # deaths whose posts do no work yet
        self._loading: dict[str, set[int]] = {}  # places of such a server that do not serve yet
        self._ended: dict[str, int] = {}  # newest life of the process that died last
        self._pulses: dict[str, Pulse] = {}
        self._deferred: dict[str, EvictedEvent] = {}  # by post: it may be back by itself
        fleet.on_death = self._note_death
        fleet.on_stranded = self._do_without

    def restarts(self) -> Restarts:
        """Those of one process."""
        return Restarts(self._budget)

    def watch(self, post: Post) -> Post:
        self._posts[post.name] = post
        self._pulses[post.name] = Pulse(
            self._lease if post.name == SCHEDULER else IDLE_LEASES * self._lease)
        return post

    def take(self, teller: Teller, event: Event) -> None:
        """What a process of the fleet has told."""
        self.faults.take(event)
        match event:
            case ViewEvent():
                self._clock = event.min_clock
                self._note_back(teller.name)
            case BegunEvent():
                self._note_back(teller.name)
            case ServingEvent():
                self._note_serving(event.place)
            case EvictedEvent() if not event.replaced:
                self._replace_worker(event)
            case QuarantinedEvent():
                self._console.note(f"worker-{event.seat} trains nothing from clock {event.clock} "
                                   f"on: {event.why} (train.strikes)")
            case SilentEvent():
                self._replace(f"server-{event.place // self._shards}",
                              f"is of no use (shard {event.place} {event.why}) and was killed")

    def look(self) -> None:
        """Several times a second: a scheduler tells how far the run is, or it hangs. Others are
        the scheduler's to watch once it knows of them; before, they at least compute."""
        for event in list(self._deferred.values()):
            self._replace_worker(event)
        for name, post in self._posts.items():
            child, pulse = post.child, self._pulses[name]
            if name == SCHEDULER:
                if pulse.stands((child.pid, child.heard)):
                    self._replace(name, f"has told nothing for {self._lease:g} s and was killed")
            elif not child.is_up and self._does_nothing(child, pulse):
                self._replace(name, "has not come to work and does nothing, and was killed")

    def _does_nothing(self, child: Child, pulse: Pulse) -> bool:
        # Of whom nothing is known, nothing is held against him.
        ticks = (child.process.cpu_ticks() if child.process.in_touch_seconds
                 else time.monotonic())
        return pulse.stands((child.pid, ticks))

    def _replace_worker(self, event: EvictedEvent) -> None:
        """It may come back by itself, in another life; who has not is not to be waited for. A life
        that it has not told of yet is its own, if it is newer than those of the dead."""
        post = self._posts.get(f"worker-{event.seat}")
        if post is None or event.life <= self._ended.get(post.name, 0):
            return
        self._deferred.pop(post.name, None)
        if not self._is_known(post):
            self._deferred[post.name] = event
        elif post.child.life <= event.life:
            self._replace(post.name, f"is out of the fleet ({event.why}) and was killed")

    def _replace(self, name: str, why: str) -> None:
        post = self._posts.get(name)
        if post is None or not self._is_known(post):
            return
        if self._budget > 0 and post.age > self._lease:
            post.kill(why)

    def _is_known(self, post: Post) -> bool:
        """Whether a host that was cut off has been back for long enough for its processes to be
        heard of again: if they are, nothing was lost."""
        return post.child.process.in_touch_seconds > self._lease

    def _note_death(self, post: Post, why: str) -> None:
        self._console.note(f"{post.name} {why}; it is started again "
                           f"({post.restarts.used} of {post.restarts.budget} times in ten minutes)")
        death = Death(post.name, why, self._clock)
        self.faults.deaths.append(death)
        self._missing[post.name] = death
        self._ended[post.name] = post.child.life
        if post.name.startswith("server-"):
            first = int(post.name.rsplit("-", 1)[1]) * self._shards
            self._loading[post.name] = set(range(first, first + self._shards))

    def _do_without(self, post: Post) -> None:
        """Of workers any number is enough."""
        others = any(other.running for other in self._posts.values()
                     if other is not post and other.name.startswith("worker-"))
        if not post.name.startswith("worker-") or not others:
            return
        self._console.note(f"{post.name} {post.why()}, and no other host has a free slot: the "
                           "fleet goes on without it")
        self.faults.deaths.append(Death(post.name, post.why(), self._clock))
        post.relieve()
        self._fleet.may_end(post, -signal.SIGKILL)

    def _note_serving(self, place: int) -> None:
        name = f"server-{place // self._shards}"
        loading = self._loading.get(name, set())
        loading.discard(place)
        if not loading:
            self._note_back(name)

    def _note_back(self, name: str) -> None:
        death = self._missing.get(name)
        post = self._posts.get(name)
        if death is None or post is None or post.due is not None:
            return
        del self._missing[name]
        death.back_seconds = round(time.monotonic() - post.gone_at, 3)
        self._console.note(f"{name} is back after {death.back_seconds:.1f} s, at clock "
                           f"{self._clock}")
