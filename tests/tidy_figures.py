"""How large the house is, for tests/tidy.py, which prints it: what its limits do not say."""

import math

from tidy_rooms import PRODUCT, House, circles_in, folder_of
from tidy_source import functions_of


def figures_of(tree):
    """Lines of text: rooms and the arrows between them, and the functions of the product."""
    named = House(tree).named
    lines = {}
    for source in tree.cpp(PRODUCT):
        room = folder_of(source.path)
        lines[room] = lines.get(room, 0) + source.text.count("\n")
    largest = max(lines, key=lines.get, default="none")
    yield (f"{len(named)} rooms, {sum(map(len, named.values()))} arrows, "
           f"{len(circles_in(named))} circles; largest: {largest}, {lines.get(largest, 0)} lines")
    lengths = sorted(body.last - body.first + 1
                     for source in tree.cpp(PRODUCT) for body in functions_of(source))
    yield (f"{len(lengths)} functions of the product; lines: median {_quantile(lengths, 0.5)}, "
           f"p90 {_quantile(lengths, 0.9)}, most {_quantile(lengths, 1.0)}")


def _quantile(ordered, share):
    """The smallest of them that at least this share of them does not exceed; 0 of none."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0
