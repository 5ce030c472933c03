"""JSON that is never trusted: what is asked for and not there is None or empty."""

from __future__ import annotations

from typing import Any

Tree = Any  # of JSON
LARGEST = 1e100  # sums and axes of such numbers are still finite


def dig(tree: Tree, path: str) -> Tree:
    """dig(metrics, "test.auc"): what stands below nested objects, or None. A name may hold points,
    as levels do: of several that fit, the shortest is taken."""
    if not isinstance(tree, dict):
        return None
    names = path.split(".")
    for end in range(1, len(names)):
        if (name := ".".join(names[:end])) in tree:
            return dig(tree[name], ".".join(names[end:]))
    return tree.get(path)


def number(tree: Tree, path: str) -> float | None:
    """The number at `path`, None where there is none that as_number() takes."""
    return as_number(dig(tree, path))


def as_number(value: Tree) -> float | None:
    """`value`, or None if it is no number, or one too large for any figure."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if abs(value) <= LARGEST else None  # a NaN compares as false


def records(tree: Tree, path: str, *needed: str) -> list[Tree]:
    """The objects of the list at `path` that have a number for each name of `needed`."""
    value = dig(tree, path)
    return [item for item in (value if isinstance(value, list) else [])
            if isinstance(item, dict) and all(number(item, name) is not None for name in needed)]
