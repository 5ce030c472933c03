"""The run file that `rubato init` writes."""

from __future__ import annotations

import os
import pathlib

from rubato_cli.own_data.choices import Choices
from rubato_cli.own_data.toml_text import array, quote

TEMPLATE = """\
# Written by `rubato init`. All keys with their defaults: `rubato-data config {name}`.

[data]
path = {path}
label = {label}
{layout}positive = {positive}{how}
drop = {drop}
categorical = {categorical}
missing = {missing}

[model]
kind = {kind}, "wide_deep", "deepfm"

[train]
staleness = {staleness}  # 0: all workers in step; "inf": nobody waits
"""

# A pass over fewer is so few iterations that late gradients cost more than waiting does.
ROWS_FOR_STALENESS = 20_000
STALENESS = 4
# Hidden layers learn fewer by heart: on public sets and generated books such models ranked unseen
# rows worse than a linear one, and missed the level of their own training rows.
ROWS_FOR_LAYERS = 2000
ROWS_OF_A_CLASS_FOR_LAYERS = 200


def text(choices: Choices, source: pathlib.Path, target: pathlib.Path) -> str:
    """For the data in `source`, to be written to `target`."""
    return TEMPLATE.format(
        name=target.name, path=quote(os.path.relpath(source, target.absolute().parent)),
        label=quote(choices.label), layout=choices.layout.keys(),
        how=f"  # {choices.how}" if choices.how else "",
        positive=(quote(choices.positive[0]) if len(choices.positive) == 1
                  else array(choices.positive)),
        drop=array(choices.drop), categorical=array(choices.categorical),
        missing=array(choices.missing),
        kind='"linear"  # few rows; or "mlp"' if _few(choices) else '"mlp"  # or "linear"',
        staleness=STALENESS if choices.rows >= ROWS_FOR_STALENESS else 0)


def _few(choices: Choices) -> bool:
    labelled = sum(choices.values.values())
    rarer = min(choices.positives, labelled - choices.positives)
    return labelled < ROWS_FOR_LAYERS or rarer < ROWS_OF_A_CLASS_FOR_LAYERS
