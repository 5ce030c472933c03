#!/usr/bin/env python3
"""Whom the launcher kills for what a scheduler tells (launch/rubato_cli/run/supervision.py)."""

import math
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "launch"))

from rubato_cli.base.console import Console  # noqa: E402
from rubato_cli.base.events import EvictedEvent, SilentEvent  # noqa: E402
from rubato_cli.run.faults import Faults  # noqa: E402
from rubato_cli.run.supervision import Supervision  # noqa: E402

CONFIG = {"workers": 1, "restarts": 3, "lease_seconds": 2, "shards_per_server": 2}


class Process:
    is_up = True
    in_touch_seconds = math.inf

    def __init__(self, life):
        self.life = life
        self.process = self


class Post:
    """One whose process is older than a lease."""

    age = 3.0

    def __init__(self, name, life=0):
        self.name, self.child, self.killed = name, Process(life), ""
        self.restarts = self

    used = budget = 1

    def kill(self, why):
        self.killed = why


class SupervisionTest(unittest.TestCase):
    def setUp(self):
        self.fleet = type("Fleet", (), {})()
        self.supervision = Supervision(self.fleet, CONFIG, Console(quiet=True), Faults())

    def killed(self, post, event):
        self.supervision.watch(post).killed = ""
        self.supervision.take(post.child, event)
        return post.killed

    def evicted(self, post, life, **more):
        return self.killed(post, EvictedEvent(0, life, 5, why="no heartbeat", **more))

    def test_an_evicted_worker_that_has_not_come_back(self):
        self.assertEqual(self.evicted(Post("worker-0", 7), 7),
                         "is out of the fleet (no heartbeat) and was killed")
        self.assertEqual(self.evicted(Post("worker-0", 8), 7), "")  # back in another life
        self.assertEqual(self.evicted(Post("worker-0", 7), 7, replaced=True), "")

    def test_a_worker_that_cannot_be_reached_has_a_lease_to_come_back_by_itself(self):
        for life, killed in ((7, True), (8, False)):
            post = Post("worker-0", 7)
            post.child.in_touch_seconds = 0.0
            self.assertEqual(self.evicted(post, 7), "")
            post.child.in_touch_seconds = 1.0
            self.supervision.look()
            self.assertEqual(post.killed, "")
            post.child.in_touch_seconds, post.child.life = 3.0, life
            self.supervision.look()
            self.assertEqual(bool(post.killed), killed)

    def test_a_life_that_it_has_not_told_of_is_its_own(self):
        self.assertNotEqual(self.evicted(Post("worker-0"), 7), "")
        self.assertNotEqual(self.evicted(Post("worker-0", 5), 7), "")

    def test_the_life_of_a_process_that_died_is_not_that_of_the_next_one(self):
        self.supervision.watch(Post("worker-0", 7))
        self.fleet.on_death(Post("worker-0", 7), "was killed")
        self.assertEqual(self.evicted(Post("worker-0"), 7), "")
        self.assertNotEqual(self.evicted(Post("worker-0"), 8), "")

    def test_who_is_younger_than_a_lease_is_let_be(self):
        post = Post("server-1")
        post.age = 1.0
        self.assertEqual(self.killed(post, SilentEvent(3, "has said nothing")), "")
        post.age = 3.0
        self.assertEqual(self.killed(post, SilentEvent(3, "has said nothing")),
                         "is of no use (shard 3 has said nothing) and was killed")


if __name__ == "__main__":
    unittest.main()
