"""Writes YAML: mappings, lists, texts, whole numbers and booleans, always in the same way.

Only what every reader takes alike, of YAML 1.1 or 1.2: a text is plain where nothing could take it
for anything else, a block where it has lines, else as JSON writes it.
"""

from __future__ import annotations

import json
import re
from typing import Any

# Begins with a letter, so it is no number or date; no ": " and no " #" is in it.
_PLAIN = re.compile(r"[A-Za-z/][\w./-]*(:[\w./-]+)*", re.ASCII)
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}  # no texts to some readers
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")
# What a block may hold: printable, and not beginning with blanks, which would be its indentation.
_BLOCK = re.compile(r"(?![ \n])([^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]|\t)*\n")


def documents(values: list[dict[str, Any]]) -> str:
    """A stream of documents."""
    return "---\n".join(document(value) for value in values)


def document(value: dict[str, Any]) -> str:
    return "\n".join(_mapping(value)) + "\n"


def _mapping(value: dict[str, Any]) -> list[str]:
    lines = []
    for key, held in value.items():
        name = _scalar(key)
        if isinstance(held, (dict, list)) and held:
            inner = _mapping(held) if isinstance(held, dict) else _list(held)
            lines += [f"{name}:", *_indented(inner)]
        elif isinstance(held, str) and _BLOCK.fullmatch(held):
            lines += [f"{name}: |{'' if held.rstrip(chr(10)) + chr(10) == held else '+'}",
                      *_indented(held.split("\n")[:-1])]
        else:
            lines.append(f"{name}: {_scalar(held)}")
    return lines


def _list(values: list[Any]) -> list[str]:
    lines = []
    for value in values:
        inner = _mapping(value) if isinstance(value, dict) and value else [_scalar(value)]
        lines += [f"- {inner[0]}", *_indented(inner[1:])]
    return lines


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" if line else "" for line in lines]


def _scalar(value: Any) -> str:
    """Also of an empty mapping or list."""
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}",
                           json.dumps(value, ensure_ascii=False))
    assert value in ({}, []) or isinstance(value, (bool, int)), value
    return json.dumps(value)
