"""Strings as a run file holds them."""

from __future__ import annotations

import json


def quote(text: str) -> str:
    """A TOML string: JSON's notation, but for the one control character that JSON leaves bare."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def array(names: list[str]) -> str:
    """A TOML array of strings."""
    return "[" + ", ".join(map(quote, names)) + "]"
