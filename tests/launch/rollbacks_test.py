#!/usr/bin/env python3
"""When a run goes back by itself, and when it does not (launch/rubato_cli/run/rollbacks.py)."""

import itertools
import pathlib
import sys
import tempfile
import types
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "launch"))

from rubato_cli.base.console import Console  # noqa: E402
from rubato_cli.base.events import ValidationEvent  # noqa: E402
from rubato_cli.base.failure import Failure  # noqa: E402
from rubato_cli.files.run_folder import RunFolder  # noqa: E402
from rubato_cli.run import best_epoch, rollbacks, validations  # noqa: E402
from rubato_cli.run.committed import Snapshot  # noqa: E402
from rubato_cli.run.rollbacks import RanAway, Rollbacks  # noqa: E402
from rubato_cli.run.training import Training  # noqa: E402

FLEET = {"workers": 1, "restarts": 3, "lease_seconds": 2, "shards_per_server": 1}
LOSS = {"name": "nll", "words": "loss", "better": "smaller", "format": "number", "use": "progress"}
QUIET = Console(quiet=True)


class RollbacksTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = RunFolder(folder.name)
        self.folder.write_json("target.json", {
            "kind": "real", "prediction": "y", "chosen_by": "nll", "loss": "nll", "classes": [],
            "metrics": [LOSS]})
        self.ask_for(above=2.0)

    def ask_for(self, above):
        self.folder.write_json("config.json", {
            "fleet": FLEET, "optimizer": {"learning_rate": 8.0},
            "train": {"rollback_above": above, "rollback_rate": 0.25}})

    def validated(self, *losses):
        """At the clocks 9, 19, ..."""
        self.folder.write_json(validations.FILE, {"validations": [
            {"epoch": epoch, "clock": 10 * epoch + 9, "figures": {"nll": loss}}
            for epoch, loss in enumerate(losses)]})

    def check(self, epoch, loss):
        event = ValidationEvent(epoch, 10 * epoch + 9, 1.0, {"nll": loss})
        try:
            Rollbacks(self.folder).check(event, validations.read(self.folder))
        except RanAway as away:
            return away.sentence, away.clock
        return None

    def test_a_loss_too_far_above_the_best_before_it(self):
        self.validated(3.0, 1.0, 1.5)
        self.assertIsNone(self.check(3, 2.0))
        self.assertEqual(self.check(3, 2.1),
                         ("epoch 4: validation loss is 2.100, and 1.000 was the best before", 39))
        self.assertIsNone(self.check(1, 5.9))  # what is later is of other weights
        self.assertIsNone(self.check(0, 1e30))

    def test_a_loss_below_0_has_its_bound_above_it(self):
        self.validated(-2.0)
        self.assertIsNone(self.check(1, -0.1))
        self.assertIsNotNone(self.check(1, 0.1))

    def test_a_loss_that_is_no_number(self):
        self.assertEqual(self.check(0, None)[1], 9)

    def test_who_does_not_ask_for_it_never_goes_back(self):
        self.ask_for(above=0.0)
        self.validated(1.0)
        self.assertIsNone(self.check(1, None))
        self.assertIsNone(self.check(1, 1e30))

    def go_back(self, why, kept):
        with mock.patch.object(rollbacks, "kept_snapshots", return_value=kept), \
                mock.patch.object(rollbacks.snapshots, "ask") as asked:
            made = Rollbacks(self.folder)
            to = made.go_back(None, why, QUIET)
        return to, made.factor, [call.args[-1] for call in asked.call_args_list]

    def test_it_goes_to_the_best_epoch_before_and_lowers_the_rate_each_time(self):
        self.validated(3.0, 1.0, 2.0, 0.5)  # the last one is what shows it
        kept = [Snapshot(0, 0), Snapshot(1, 9), Snapshot(4, 19), Snapshot(6, 29), Snapshot(7, 39)]
        why = RanAway("worse", 39)
        self.assertEqual(self.go_back(why, kept), (Snapshot(4, 19), 0.25, [4]))
        self.assertEqual([one["clock"] for one in validations.read(self.folder)], [9, 19])
        self.assertEqual(self.go_back(why, kept[:3]), (Snapshot(4, 19), 0.0625, [4]))
        self.assertEqual(self.go_back(why, kept[:3])[1], 0.25 ** 3)
        with self.assertRaisesRegex(Failure, "^worse; the run has gone back 3 times already, and "
                                             "its learning rate is down to 0.125: lower "):
            self.go_back(why, kept[:3])
        self.assertEqual([one["learning_rate"] for one in rollbacks.read(self.folder)],
                         [2.0, 0.5, 0.125])

    def test_where_nothing_was_validated_it_begins_anew(self):
        kept = [Snapshot(0, 0), Snapshot(1, 5)]
        self.assertEqual(self.go_back(RanAway("worse"), kept), (Snapshot(0, 0), 0.25, [0]))
        self.assertIsNone(best_epoch.snapshot(self.folder, kept))
        # Nothing to go back behind.
        self.assertEqual(self.go_back(RanAway("worse"), []), (Snapshot(0, 0), 0.0625, []))

    def test_a_run_that_is_being_stopped_keeps_its_snapshot(self):
        fleet = types.SimpleNamespace(stop=types.SimpleNamespace(count=0))
        history = types.SimpleNamespace(
            folder=self.folder, progress=mock.Mock(), faults=mock.Mock(),
            rollbacks=Rollbacks(self.folder))
        Training(fleet, history, QUIET, lambda keep: mock.Mock())
        event = ValidationEvent(0, 9, 1.0, {"nll": None})
        with self.assertRaises(RanAway):
            fleet.on_event(mock.Mock(), event)
        fleet.stop.count = 1
        fleet.on_event(mock.Mock(), event)

    def test_one_that_is_not_on_disk_yet_counts(self):
        fleet = types.SimpleNamespace(stop=types.SimpleNamespace(count=0))
        history = types.SimpleNamespace(
            folder=self.folder, progress=mock.Mock(), faults=mock.Mock(),
            rollbacks=Rollbacks(self.folder))
        training = Training(fleet, history, QUIET, lambda keep: mock.Mock())
        seconds = itertools.count()
        training._validations = validations.Validations(self.folder, 0, QUIET,
                                                        lambda: next(seconds))
        fleet.on_event(mock.Mock(), ValidationEvent(0, 9, 1.0, {"nll": 1.0}))
        self.assertEqual(validations.read(self.folder), [])
        with self.assertRaises(RanAway):
            fleet.on_event(mock.Mock(), ValidationEvent(1, 19, 1.0, {"nll": 9.0}))


class ValidationsTest(unittest.TestCase):
    """Each write takes a second of this clock."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.now = 0.0
        self.written = []
        folder = RunFolder(scratch.name)
        folder.write_json = self.write
        self.made = validations.Validations(folder, 0, QUIET, lambda: self.now)

    def write(self, name, content):
        self.assertEqual(name, "validations.json")
        self.now += 1
        self.written.append([event["epoch"] for event in content["validations"]])

    def take(self, *epochs):
        for epoch in epochs:
            self.made.take(ValidationEvent(epoch, 10 * epoch + 9, 1.0, {"nll": 1.0}))

    def test_writing_costs_a_fiftieth_of_the_time(self):
        with self.made:
            self.take(0, 1)
            self.now = 49.5
            self.made.look()
            self.assertEqual(self.written, [[]])
            self.now = 50.0
            self.made.look()
            self.made.look()
            self.assertEqual(self.written, [[], [0, 1]])
            self.take(2)
            self.now = 100.0
            self.take(3)
            self.assertEqual(self.written[2:], [[0, 1, 2, 3]])

    def test_all_is_written_at_the_end_and_where_it_goes_back(self):
        with self.made:
            self.take(0, 1)
            self.made.go_back(9)
            self.assertEqual(self.written, [[], [0]])
            self.take(1)
        self.assertEqual(self.written, [[], [0], [0, 1]])
        with self.made:
            pass
        self.assertEqual(len(self.written), 3)


if __name__ == "__main__":
    unittest.main()
