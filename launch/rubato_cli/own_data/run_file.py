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
{layout}{label_keys}drop = {drop}
categorical = {categorical}
missing = {missing}
{target}
[model]
kind = {kind}, "wide_deep", "deepfm"

[train]
staleness = {staleness}  # 0: all workers in step; "inf": nobody waits
"""

# A pass over fewer is so few iterations that late gradients cost more than waiting does.
ROWS_FOR_STALENESS = 20_000
STALENESS = 4
ROWS_FOR_LAYERS = 2000  # by heart, see class_label.py


def text(choices: Choices, source: pathlib.Path, target: pathlib.Path) -> str:
    """For the data in `source`, to be written to `target`."""
    return TEMPLATE.format(
        name=target.name, path=quote(os.path.relpath(source, target.absolute().parent)),
        label=quote(choices.label.name), layout=choices.layout.keys(),
        label_keys=choices.label.keys(), target=choices.label.section(),
        drop=array(choices.drop), categorical=array(choices.categorical),
        missing=array(choices.missing),
        kind='"linear"  # few rows; or "mlp"' if _few(choices) else '"mlp"  # or "linear"',
        staleness=STALENESS if choices.rows >= ROWS_FOR_STALENESS else 0)


def _few(choices: Choices) -> bool:
    labelled = choices.rows - choices.unlabelled
    return labelled < ROWS_FOR_LAYERS or not choices.label.enough_for_layers
