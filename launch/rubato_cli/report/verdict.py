"""Whether a model is worth anything: its test loss beside that of one rate for every row.

A model that is worse by more than the standard error of the difference is said to be so wherever
its figures or its predictions are shown, with what most likely made it so.
"""

from __future__ import annotations

from rubato_cli.report.tree import Tree, number, records

HIGH = 2.0  # times the constant's loss: no model that learnt anything ends there


def worse_than_constant(metrics: Tree, config: Tree, validations: Tree) -> str:
    """A sentence, or "" for a model that is not. `metrics`, `config` and `validations` as in
    metrics.json, config.json and validations.json of the run."""
    loss, constant, error = (number(metrics, f"test.{name}")
                             for name in ("logloss", "constant_logloss", "logloss_error"))
    if loss is None or constant is None or error is None or loss <= constant + error:
        return ""
    return (f"this model is worse than none: its test log loss is {loss:.4f}, and predicting the "
            f"rate of the training rows for every row has {constant:.4f} (standard error of the "
            f"difference {error:.4f}); {_cause(config, constant, validations)}")


def _cause(config: Tree, constant: float, validations: Tree) -> str:
    cleanse = config.get("cleanse", {})
    if cleanse.get("class_weights") and not cleanse.get("correct_prior", True):
        return ("cleanse.correct_prior = false leaves its pd on the level of weighted classes; "
                "leave it true where pd must be a probability")
    rate, epochs = number(config, "optimizer.learning_rate"), number(config, "train.epochs")
    losses = [float(event["figures"]["logloss"])
              for event in records(validations, "validations", "figures.logloss")]
    if not losses or losses[-1] > HIGH * constant:
        return f"lower optimizer.learning_rate, which is {rate:g}"
    best = min(range(len(losses)), key=losses.__getitem__)
    if best + 1 == len(losses) and len(losses) > 1:
        return (f"its validation loss still fell in the last of {epochs:.0f} epochs: raise "
                f"train.epochs, or optimizer.learning_rate, which is {rate:g}")
    return (f"its validation loss was lowest after epoch {best + 1} of {len(losses)}, at "
            f"{losses[best]:.4f}: the rows tell too little, or optimizer.learning_rate, which is "
            f"{rate:g}, is too high; try a lower one, optimizer.l2, or model.kind = \"linear\"")
