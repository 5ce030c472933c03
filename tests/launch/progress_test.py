"""The live line of a training, from the events of its fleet."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "launch"))
from rubato_cli.base.events import (LogEvent, ProgressEvent, ResumedEvent,  # noqa: E402
                                    SchedulerDoneEvent, ValidationEvent, WarningEvent,
                                    WorkerDoneEvent)
import targets  # noqa: E402
from rubato_cli.base.events import ShardDone  # noqa: E402
from rubato_cli.run import metrics  # noqa: E402
from rubato_cli.run.progress import Progress  # noqa: E402


class Process:
    """What of a child is asked for: several of one name are several processes."""

    def __init__(self, name):
        self.name = name


def new_progress():
    return Progress({"train": {"epochs": 3, "staleness": 0}, "fleet": {"servers": 1}},
                    {"last_clock": 30}, targets.described(targets.BINARY))


class ProgressTest(unittest.TestCase):
    def test_no_line_of_an_epoch_follows_its_end(self):
        progress = new_progress()
        seats = [Process(f"worker-{seat}") for seat in range(2)]

        def work(seat, epoch):
            progress.take(seats[seat], ProgressEvent(
                epoch=epoch, clock=1, loss=0.5, samples_per_second=10.0))

        self.assertEqual(progress.line(), "")
        work(0, 0)
        work(1, 0)
        self.assertTrue(progress.line().startswith("epoch 1/3  loss 0.5000  "))
        said = progress.take(seats[0], ValidationEvent(
            epoch=0, figures={"auc": 0.7, "logloss": 0.4}))
        self.assertEqual(said, "epoch 1: validation AUC 0.7000, log loss 0.4000")
        self.assertEqual(progress.line(), "")
        work(1, 1)
        self.assertTrue(progress.line().startswith("epoch 2/3  "))

    def test_what_a_dead_process_trained_on_counts_beside_what_its_successor_did(self):
        progress = new_progress()
        first, second = Process("worker-0"), Process("worker-0")
        progress.take(first, ProgressEvent(clock=5, rows=100, max_staleness=3))
        self.assertFalse(progress.replaced)
        progress.take(second, ProgressEvent(clock=7, rows=20, max_staleness=1))
        progress.take(second, WorkerDoneEvent(seat=0, rows=60, max_staleness=2))
        self.assertTrue(progress.replaced)
        self.assertEqual(progress.rows, 160)
        self.assertEqual(progress.max_staleness, 3)

    def test_what_each_fleet_lost_is_added_up(self):
        progress = new_progress()
        for clock, lost in ((0, 3), (10, 4)):
            progress.take(Process("scheduler-0"), ResumedEvent(clock=clock))
            progress.take(Process("scheduler-0"), SchedulerDoneEvent(clock=clock + 10, lost=lost))
            self.assertEqual(progress.lost, 3 + (lost if clock else 0))
        progress.take(Process("scheduler-0"), ResumedEvent(clock=20))
        self.assertEqual(progress.lost, 7)


    def test_warnings_of_a_fleet_that_has_not_begun_are_told_once(self):
        progress = new_progress()
        server, worker = Process("server-0"), Process("worker-0")
        waits = LogEvent(level="warning", text="the scheduler does not answer")
        self.assertEqual(progress.take(server, waits), "server-0: the scheduler does not answer")
        self.assertEqual(progress.take(worker, waits), "worker-0: the scheduler does not answer")
        self.assertEqual(progress.take(server, WarningEvent(message=waits.text)), "")
        progress.take(worker, ProgressEvent(epoch=0, clock=1))
        self.assertEqual(progress.take(server, LogEvent(level="warning", text="a late one")), "")
        self.assertEqual(progress.take(server, WarningEvent(message="the disk is full")),
                         "server-0: the disk is full")


class InfluenceTest(unittest.TestCase):
    def test_the_sums_of_all_shards_count_together(self):
        def of(seat, squared_norm, dot, own, others):
            return {"seat": seat, "samples": 1, "squared_norm": squared_norm, "dot": dot,
                    "own": own, "others": others}
        shards = [ShardDone(place=0, influences=[of(0, 1.0, 3.0, 4.0, 4.0), of(1, 5.0, 0, 0, 0)]),
                  ShardDone(place=1, influences=[of(0, 2.0, 3.0, 5.0, 12.0)])]
        self.assertEqual(metrics.influences(shards),
                         {0: {"influence": 3 / 8, "likeness": 6 / 12}, 1: {"influence": 5 / 8}})
        self.assertEqual(metrics.influences([ShardDone()]), {})


if __name__ == "__main__":
    unittest.main()
