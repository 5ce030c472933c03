#!/usr/bin/env python3
"""When a run goes back by itself, and when it does not (launch/rubato_cli/run/rollbacks.py)."""

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
            Rollbacks(self.folder).check(event)
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


if __name__ == "__main__":
    unittest.main()
