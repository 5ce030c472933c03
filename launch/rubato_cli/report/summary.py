"""The lines that end a `rubato train`."""

from __future__ import annotations

from typing import Any

from rubato_cli.base import units
from rubato_cli.report.tree import dig


def lines(metrics: dict[str, Any]) -> list[str]:
    """Of a whole metrics.json."""
    train, test = metrics["train"], metrics.get("test", {})
    if train["rows"] == 0 and train["resumed_from_clock"] == train["clock"]:
        said = [f"nothing was left to train after clock {train['clock']}"]
    else:
        said = [f"trained {units.rows(train['rows'])} in {train['seconds']:.1f} s "
                 f"({train['samples_per_second']:,.0f} samples/s), staleness bound "
                 f"{metrics['staleness']['bound']}, largest observed "
                 f"{metrics['staleness']['max_observed']}"]
    if train.get("snapshot_used"):
        said.append(f"best validation log loss after epoch {train['epoch_used']}, whose weights "
                     "are used")
    if test:
        said.append(f"test AUC {test['auc']:.4f} [{test['auc_low']:.4f}, {test['auc_high']:.4f}]  "
                     f"KS {test['ks']:.4f}  log loss {test['logloss']:.4f}  "
                     f"({units.rows(test['rows'])}, {test['positives']:,} positive)")
    if "auc" in metrics.get("oracle", {}):
        said.append(f"best possible AUC {metrics['oracle']['auc']:.4f} "
                     "(of the true probabilities of the generated data)")
    if dig(metrics, "verdict.warning"):
        said.append(f"warning: {metrics['verdict']['warning']}")
    return said
