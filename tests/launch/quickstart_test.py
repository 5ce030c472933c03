#!/usr/bin/env python3
"""The run file of launch/quickstart: on its generated loans the MLP comes close to the best
possible AUC, and a plain logistic regression does not."""

import unittest

from real_fleet import ROOT, FleetTest

RUN = ROOT / "launch" / "runs" / "quickstart.toml"


class QuickstartTest(FleetTest):
    def short(self, out, *settings):
        """By how much the test AUC falls short of the best possible one."""
        code, stdout, stderr = self.train(out, *settings, run=RUN)
        self.assertEqual(code, 0, stderr)
        metrics = self.metrics(out)
        self.check_last_lines(out, metrics, stdout.splitlines())
        return metrics["oracle"]["auc"] - metrics["test"]["auc"]

    def check_last_lines(self, out, metrics, lines):
        test = metrics["test"]
        self.assertIn(f"test AUC {test['auc']:.4f} [{test['auc_low']:.4f}, {test['auc_high']:.4f}]",
                      lines[-4])
        self.assertIn(f"best possible AUC {metrics['oracle']['auc']:.4f}", lines[-3])
        self.assertEqual(f"report: {out}/report.html", lines[-1])
        self.assertTrue((self.path / out / "report.html").exists())

    def test_the_mlp_comes_within_5_thousandths(self):
        self.assertLess(self.short("mlp"), 0.005)

    def test_a_logistic_regression_falls_10_thousandths_short(self):
        self.assertGreaterEqual(self.short("linear", "model.kind=linear"), 0.010)


if __name__ == "__main__":
    unittest.main()
