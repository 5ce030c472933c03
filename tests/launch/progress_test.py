"""The live line of a training, from the events of its fleet."""

import pathlib
import sys
import types
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "launch"))
from rubato_cli.base.events import ProgressEvent, ValidationEvent  # noqa: E402
import targets  # noqa: E402
from rubato_cli.run.progress import Progress  # noqa: E402


class ProgressTest(unittest.TestCase):
    def test_no_line_of_an_epoch_follows_its_end(self):
        progress = Progress({"train": {"epochs": 3, "staleness": 0}, "fleet": {"servers": 1}},
                            {"last_clock": 30}, targets.described(targets.BINARY))
        seats = [types.SimpleNamespace(name=f"worker-{seat}") for seat in range(2)]

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


if __name__ == "__main__":
    unittest.main()
