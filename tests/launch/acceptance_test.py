#!/usr/bin/env python3
"""The run files that we ship, on real data and as they are: test AUC at s = 0 and s = 8, that every
worker and every shard has taken part, and what is left when all of them die at once.
RUBATO_DATA_DIR names the folder of the data."""

import os
import signal
import unittest

from real_fleet import ROOT, FleetTest, wait_until

TAIWAN = ROOT / "launch" / "runs" / "taiwan_default.toml"


@unittest.skipUnless("RUBATO_DATA_DIR" in os.environ,
                     "set RUBATO_DATA_DIR to the folder that holds taiwan_default/ and a9a/")
class AcceptanceTest(FleetTest):
    def check(self, run_file, least_auc, *settings):
        for bound in (0, 8):
            out = "-".join([run_file, str(bound), *settings]).replace("=", "-")
            with self.subTest(run=out):
                metrics = self.train_well(out, f"train.staleness={bound}", *settings,
                                          run=ROOT / "launch" / "runs" / f"{run_file}.toml")
                self.assertGreaterEqual(metrics["test"]["auc"], least_auc)
                self.check_fleet(metrics, bound)

    def check_fleet(self, metrics, bound):
        pushes = [worker["pushes"] for worker in metrics["workers"]]
        self.assertEqual(len(pushes), 2)
        self.assertGreaterEqual(min(pushes), 0.3 * sum(pushes))
        self.assertEqual(len(metrics["shards"]), 2)
        for shard in metrics["shards"]:
            self.assertGreater(shard["rows_applied"], 0)
        self.assertLessEqual(metrics["staleness"]["max_observed"], bound)
        if bound > 0:
            self.assertGreater(metrics["staleness"]["max_observed"], 0)

    def test_taiwan_default_linear(self):
        self.check("taiwan_default", 0.757)

    def test_taiwan_default_mlp(self):
        self.check("taiwan_default", 0.760, "model.kind=mlp")

    def test_a9a(self):
        self.check("a9a", 0.899)

    def test_taiwan_default_goes_on_after_every_process_is_killed_at_once(self):
        whole = self.train_well("whole", "train.staleness=0", run=TAIWAN)
        rubato = self.start("killed", "train.staleness=0", run=TAIWAN)
        wait_until(lambda: len(self.events("killed", "scheduler-0", "committed")) >= 3)
        for pid in [*self.processes("killed"), rubato.process.pid]:
            os.kill(pid, signal.SIGKILL)
        rubato.end()
        self.assert_nobody_left("killed")
        metrics = self.train_well("killed", "train.staleness=0", resume=True, run=TAIWAN)
        clock, last = metrics["train"]["resumed_from_clock"], whole["train"]["clock"]
        self.assertGreater(clock, 0)
        self.assertLess(clock, 0.6 * last)
        # Cut before the evaluation of an epoch: what was committed is not trained again, and
        # at s = 0 the end is the same.
        self.assertEqual(metrics["train"]["rows"] * last,
                         whole["train"]["rows"] * (last - clock - 1))
        self.assertEqual(metrics["train"]["epoch_used"], whole["train"]["epoch_used"])
        for field in ("auc", "logloss"):
            self.assertAlmostEqual(metrics["test"][field], whole["test"][field], delta=1e-6)


if __name__ == "__main__":
    unittest.main()
