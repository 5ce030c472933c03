#!/usr/bin/env python3
"""A head knows of servers and workers what its scheduler says: who has not come, who ended for
good, and when all are through. With fake executables, or none."""

import sys
import unittest

from fake_fleet import ROOT, FakeFleetTest
from processes import DEADLINE_SECONDS, wait_until

sys.path.insert(0, str(ROOT / "launch"))
from rubato_cli.base.events import (EndedEvent, ErrorEvent, ServingEvent,  # noqa: E402
                                    StartedEvent, WorkerDoneEvent)
from rubato_cli.base.failure import Failure  # noqa: E402
from rubato_cli.files.run_folder import RunFolder  # noqa: E402
from rubato_cli.fleet.teller import LINES_KEPT, PassedOn, Remote  # noqa: E402
from rubato_cli.run.engine import ADDRESS, Engine, EngineCrew  # noqa: E402

SCHEDULER = Remote("scheduler-0")


class CrewTest(FakeFleetTest):
    def setUp(self):
        super().setUp()
        self.begin(60.0)

    def begin(self, seconds):
        self.crew = EngineCrew(Engine(seconds), RunFolder(str(self.path)),
                               {"servers": 2, "shards_per_server": 2, "workers": 2})
        self.crew.start_servers(None, "tcp://127.0.0.1:7000")

    def tell(self, name, event):
        self.crew.take(self.crew.told(name, event), event)

    def test_where_the_scheduler_is_stands_in_a_file_while_it_is_there(self):
        self.assertEqual((self.path / ADDRESS).read_text(), "tcp://127.0.0.1:7000\n")
        self.crew.end_workers()
        self.assertFalse((self.path / ADDRESS).exists())

    def test_who_has_not_come_is_named(self):
        self.begin(0.0)
        for event in (ServingEvent(place=2), StartedEvent(seat=0)):
            self.crew.take(SCHEDULER, event)
        with self.assertRaises(Failure) as raised:
            self.crew.look()
        self.assertEqual(raised.exception.code, 3)
        self.assertEqual(raised.exception.sentence,
                         "server-0 and worker-1 did not come within 0 s: see their logs, and "
                         "whether their hosts reach tcp://127.0.0.1:7000; go on with the same "
                         "command")
        self.crew.take(SCHEDULER, ServingEvent(place=1))
        self.crew.told("worker-1", ErrorEvent())
        self.crew.look()

    def test_it_works_until_every_worker_is_done(self):
        self.tell("worker-0", WorkerDoneEvent(seat=0))
        self.assertTrue(self.crew.working)
        self.tell("worker-1", WorkerDoneEvent(seat=1))
        self.assertFalse(self.crew.working)

    def test_who_failed_has_work_left_for_who_follows_it(self):
        for code in (0, 3):
            self.tell(f"worker-{code // 3}", EndedEvent(code=code))
        self.assertTrue(self.crew.working)
        self.tell("worker-1", EndedEvent(code=75))
        self.assertFalse(self.crew.working)

    def test_who_ended_may_be_followed_unless_that_would_not_help(self):
        self.tell("worker-0", EndedEvent(code=3, peak_memory_bytes=7, cpu_seconds=1.0))
        first = self.crew.told("worker-1", ErrorEvent())
        self.tell("worker-1", ErrorEvent(message="the labels are all the same"))
        with self.assertRaises(Failure) as raised:
            self.tell("worker-1", EndedEvent(code=4))
        self.assertEqual(raised.exception.code, 4)
        self.assertEqual(raised.exception.sentence,
                         "worker-1 ended with exit code 4: the labels are all the same")
        self.assertIsNot(self.crew.told("worker-1", ErrorEvent()), first)
        self.assertEqual(self.crew.usage()["worker-0"].peak_memory_bytes, 7)


class PassedOnTest(unittest.TestCase):
    def test_what_the_next_scheduler_passes_on_again_is_known(self):
        passed_on = PassedOn()
        lines = [b'{"time_ms":%d,"process":"worker-0"}' % time for time in range(LINES_KEPT)]
        self.assertTrue(all(passed_on.is_new("worker-0", line) for line in lines))
        self.assertFalse(any(passed_on.is_new("worker-0", line) for line in lines))
        self.assertTrue(passed_on.is_new("worker-1", lines[0]))
        self.assertTrue(passed_on.is_new("worker-0", b"{}"))  # the oldest one goes for it
        self.assertFalse(passed_on.is_new("worker-0", lines[1]))
        self.assertTrue(passed_on.is_new("worker-0", lines[0]))


class HeadTest(FakeFleetTest):
    def test_who_does_not_come_is_named(self):
        code, _, stderr = self.rubato("head", self.write_run(transport="tcp"), "--out", "out",
                                      "--wait", "0.5")
        self.assertEqual(code, 3, stderr)
        self.assertIn("rubato: server-0 and server-1 did not come within 0.5 s", stderr)
        self.assert_nobody_left()

    def test_it_begins_a_run_stops_with_a_snapshot_and_goes_on_by_itself(self):
        run = self.write_run(transport="tcp")
        head = self.start("head", run, "--out", "out")
        wait_until((self.out / ADDRESS).exists)
        head.terminate()
        _, stderr = head.communicate(timeout=DEADLINE_SECONDS)
        self.assertEqual(head.returncode, 75, stderr)
        self.assertIn("stopped with a snapshot at clock 20", stderr)
        code, stdout, stderr = self.rubato("head", run, "--out", "out")
        self.assertEqual(code, 0, stderr)
        self.assertIn("test AUC 0.7500", stdout)


if __name__ == "__main__":
    unittest.main()
