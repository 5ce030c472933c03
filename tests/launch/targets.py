"""target.json of two runs: of probabilities, as `rubato-data prepare` writes it, and of a target
that the launcher has never heard of."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "launch"))
from rubato_cli.files.target_metrics import Metric, TargetDescription  # noqa: E402


def metric(name, words, better, use, format="metric"):
    return {"name": name, "words": words, "better": better, "format": format, "use": use}


BINARY = {"kind": "binary", "prediction": "pd", "chosen_by": "logloss", "loss": "logloss",
          "metrics": [metric("auc", "AUC", "larger", "progress"),
                      metric("gini", "Gini", "larger", "report"),
                      metric("ks", "KS", "larger", "summary"),
                      metric("pr_auc", "PR-AUC", "larger", "report"),
                      metric("logloss", "log loss", "smaller", "progress"),
                      metric("brier", "Brier score", "smaller", "report"),
                      metric("positives", "positive", "", "summary", "count")]}

COUNT = {"kind": "count", "prediction": "claims", "chosen_by": "deviance", "loss": "",
         "metrics": [metric("deviance", "deviance", "smaller", "progress"),
                     metric("miss", "mean miss", "smaller", "progress", "number"),
                     metric("explained", "deviance explained", "larger", "summary", "percent"),
                     metric("exposure", "exposure", "", "report", "number"),
                     metric("claims", "claims", "", "summary", "count")]}

TARGETS = {"binary": BINARY, "count": COUNT}

# What a made-up run of each is validated with after its passes, and evaluated to.
VALIDATED = {
    "binary": ({"auc": 0.8, "logloss": 0.3}, {"auc": 0.7, "logloss": 0.4}),
    "count": ({"deviance": 0.47, "miss": 1912.3}, {"deviance": 0.52, "miss": 1834.6})}
EVALUATED = {
    "binary": {"test": {"auc": 0.75, "auc_low": 0.7, "auc_high": 0.8, "ks": 0.4, "logloss": 0.5,
                        "brier": 0.2, "rows": 1000, "positives": 100},
               "oracle": {"auc": 0.8}},
    "count": {"test": {"deviance": 0.4812, "deviance_low": 0.4601, "deviance_high": 0.5023,
                       "constant_deviance": 0.6, "deviance_error": 0.01, "miss": 1899.8,
                       "explained": 0.198, "exposure": 871.25, "rows": 1000, "claims": 1213,
                       "calibration": [{"rows": 500, "mean_predicted": 0.31, "observed": 0.29},
                                       {"rows": 500, "mean_predicted": 2.17, "observed": 2.25}],
                       "lift": [{"rows": 500, "lift": 1.81, "captured": 0.9},
                                {"rows": 500, "lift": 0.19, "captured": 1.0}]},
              "oracle": {"deviance": 0.4633},
              "top_features": [{"name": "age", "importance": 0.0712}]}}


def described(content):
    """As the launcher has it in memory."""
    return TargetDescription(**{**content, "metrics": tuple(
        Metric(**metric) for metric in content["metrics"])})
