#!/usr/bin/env python3
"""A post that is lost, and a fleet that looks into deaths: whom and what it blames."""

import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "launch"))

from rubato_cli.base.failure import Failure  # noqa: E402
from rubato_cli.files.process_files import ProcessFiles  # noqa: E402
from rubato_cli.fleet.ending import Ending  # noqa: E402
from rubato_cli.fleet.fleet import Fleet  # noqa: E402
from rubato_cli.fleet.places import LocalPlaces  # noqa: E402
from rubato_cli.fleet.post import Post  # noqa: E402
from rubato_cli.fleet.restarts import Restarts  # noqa: E402
from rubato_cli.fleet.stop_signals import StopSignals  # noqa: E402
from rubato_cli.fleet.usage import Usage  # noqa: E402


class DeadChild:
    """Has died by signal 9, though nobody has looked yet where `running`."""

    def __init__(self, running=False, name="worker-0"):
        self.name = name
        self.files = ProcessFiles(pathlib.Path("worker-0.jsonl"), pathlib.Path("worker-0.log"))
        self.last_error = self.last_code = ""
        self.running = running
        self.exit_code = -signal.SIGKILL
        self.is_up, self.asked = True, False
        self.peak_memory_bytes, self.cpu_seconds = 10, 0.5
        self.process = self  # as far as a fleet asks
        self.waiting = False
        self.stdout = None

    def kill(self):
        self.running = False

    def close(self):
        pass

    def reap(self):
        return True

    def ending(self):
        return Ending(self.exit_code, "")


class PostTest(unittest.TestCase):
    def test_who_was_killed_for_a_reason_died_of_it(self):
        post = Post("worker-0", lambda _: DeadChild(running=True), Restarts(1))
        post.kill("told nothing and was killed")
        self.assertTrue(post.lose())
        self.assertEqual(post.why(), "told nothing and was killed")
        post.fill()
        self.assertFalse(post.lose())  # the budget is spent
        self.assertIn("was killed by signal 9", post.why())
        post.kill("told nothing and was killed")
        self.assertEqual(post.why(), "told nothing and was killed")

    def test_who_ended_by_itself_before_the_kill_says_why(self):
        post = Post("worker-0", lambda _: DeadChild(running=True), Restarts(1))
        post.kill("told nothing and was killed")
        post.child.exit_code = 4
        self.assertIn("ended with exit code 4", post.why())


class LateRestarts(Restarts):
    """Its budget is spent, and the next time it is not."""

    def pause(self, now, lived):
        self.asked = getattr(self, "asked", 0) + 1
        self.spent = True
        return None if self.asked == 1 else 0.0


class FleetDeathTest(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet(LocalPlaces(None), None, StopSignals())
        self.addCleanup(self.fleet._selector.close)
        self.fleet._read = lambda child: None

    def keep(self, name, restarts):
        post = Post(name, lambda _: DeadChild(running=True, name=name), restarts)
        self.fleet._posts[name] = post
        self.fleet.children.append(post.child)
        self.fleet._followed[name] = Usage()
        return post

    def check_blamed(self, sentence):
        with self.assertRaises(Failure) as caught:
            self.fleet._check_deaths()
        self.assertRegex(caught.exception.sentence, sentence)

    def test_a_spent_budget_is_said_with_why_the_launcher_killed(self):
        self.keep("worker-0", LateRestarts(1)).kill("told nothing and was killed")
        self.check_blamed("^worker-0 told nothing and was killed; within ten minutes it was "
                          "started again 0 times, which is fleet.restarts")

    def test_of_the_dead_that_are_followed_only_the_figures_stay(self):
        post = self.keep("worker-0", Restarts(100))
        self.keep("server-0", Restarts(1)).child.exit_code = None
        for peak in (30, 20, 40):
            post.child.peak_memory_bytes = peak
            self.assertTrue(post.lose())
            self.fleet._forget(post.child)
            post.fill()
            self.fleet.children.append(post.child)
        self.assertEqual([child.name for child in self.fleet.children], ["server-0", "worker-0"])
        self.assertEqual(self.fleet.usage(), {"worker-0": Usage(4, 40, 2.0),
                                              "server-0": Usage(1, 10, 0.5)})
        self.assertEqual(self.fleet.usage()["worker-0"].starts, 4)  # asked twice, counted once

    def test_who_dies_meanwhile_is_not_blamed_where_it_could_have_been_followed(self):
        def die():
            other.exit_code = -signal.SIGKILL
        other = self.keep("server-0", Restarts(1)).child
        other.exit_code, other.reap = None, die
        self.keep("worker-0", LateRestarts(1))
        self.check_blamed("^worker-0 was killed by signal 9")

    def test_who_dies_meanwhile_and_of_itself_is_the_cause(self):
        def die():
            other.exit_code = 4
        other = self.keep("server-0", Restarts(1)).child
        other.exit_code, other.reap = None, die
        lost = self.keep("worker-0", LateRestarts(1))
        lost.child.exit_code = 3
        self.check_blamed("^server-0 ended with exit code 4")


if __name__ == "__main__":
    unittest.main()
