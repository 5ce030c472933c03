#!/usr/bin/env python3
"""Real data, and a loan book of a million rows, trained with device = "cuda" and with device =
"cpu": the same area under the curve, and how long each took. For tests/gpu.sh: needs a GPU.
RUBATO_DATA_DIR names the folder of the real data."""

import os
import subprocess
import sys
import unittest

from real_fleet import BIN, ROOT, FleetTest

TAIWAN = ROOT / "launch" / "runs" / "taiwan_default.toml"
BOOK_ROWS = 1_000_000
IN_STEP = "train.staleness=0"  # both see the same weights: what differs is the order of sums


class GpuRuns(FleetTest):
    def compare(self, name, *settings, run="run.toml"):
        runs = {device: self.train_well(f"{name}-{device}", f"device={device}", IN_STEP, *settings,
                                        run=run) for device in ("cpu", "cuda")}
        words = [f"{device} AUC {metrics['test']['auc']:.4f} in {metrics['train']['seconds']:.1f} s"
                 for device, metrics in runs.items()]
        print(f"run: {name}: {', '.join(words)}", flush=True)
        self.assertEqual(runs["cpu"]["train"]["rows"], runs["cuda"]["train"]["rows"])
        self.assertAlmostEqual(runs["cpu"]["test"]["auc"], runs["cuda"]["test"]["auc"], delta=0.003)

    def test_book_of_a_million_rows(self):
        subprocess.run([BIN / "rubato-data", "generate", "--rows", str(BOOK_ROWS), "--out",
                        self.path / "large.csv"], check=True, stdout=subprocess.DEVNULL)
        self.compare("book", "data.path=large.csv", "model.kind=mlp", "train.batch=2048",
                     "train.epochs=1", "model.hidden=[256, 128]")

    @unittest.skipUnless("RUBATO_DATA_DIR" in os.environ,
                         "set RUBATO_DATA_DIR to the folder that holds taiwan_default/")
    def test_taiwan_default(self):
        for kind in ("linear", "mlp"):
            with self.subTest(model=kind):
                self.compare(f"taiwan-{kind}", f"model.kind={kind}", "train.epochs=6", run=TAIWAN)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
