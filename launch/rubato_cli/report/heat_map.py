"""A square of cells, the darker the larger their share: rows are put beside what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rubato_cli.report.svg import document, label, shortened, tag, text_width, title, upright

# Cell (row, column) -> its share from 0 to 1, class, texts that it may show, the longest first, and
# words.
Cells = Mapping[tuple[int, int], tuple[float, str, Sequence[str], str]]

TOP, BOTTOM = 20, 22  # room of the names of the axes
ROW_NAME_MOST, COLUMN_NAME_MOST = 12, 16  # characters
STRONG = 0.5  # share from which on a cell is nearly full of colour


def draw(width: float, names: Sequence[str], cells: Cells, axes: tuple[str, str]) -> str:
    """names: of the rows, which are those of the columns, too; axes: what columns and rows are."""
    down = [shortened(name, ROW_NAME_MOST) for name in names]
    across = [shortened(name, COLUMN_NAME_MOST) for name in names]
    left = 8 + max(text_width(name) for name in down)
    cell = (width - left) / len(names)
    high, longest = min(max(0.75 * cell, 22.0), 34.0), max(text_width(name) for name in across)
    level = longest <= cell - 4
    bottom = TOP + high * len(names)
    parts = [label(axes[1], 0, 10, class_="name"),
             tag("rect", x=left, y=TOP, width=width - left, height=bottom - TOP, class_="cells")]
    for i, name in enumerate(down):
        parts.append(label(name, left - 8, TOP + high * (i + 0.5) + 4, "end"))
    for j, name in enumerate(across):
        x = left + cell * (j + 0.5)
        parts.append(label(name, x, bottom + 17, "middle") if level else
                     upright(name, x + 4, bottom + 6))
    for (i, j), look in cells.items():
        parts += _cell((left + cell * j, TOP + high * i), (cell, high), look)
    height = bottom + (20 if level else longest + 10) + BOTTOM
    parts.append(label(axes[0], (left + width) / 2, height - 6, "middle", "name"))
    return document(width, height, f"{axes[1]} against {axes[0]}", *parts)


def _cell(at: tuple[float, float], size: tuple[float, float],
          look: tuple[float, str, Sequence[str], str]) -> list[str]:
    """The colour leaves out the middle of its scale, on which neither light nor dark letters can
    be read."""
    (x, y), (wide, high), (share, class_, texts, words) = at, size, look
    strong = share >= STRONG
    opacity = 0.7 + 0.3 * share if strong else 0.1 + 0.45 * share ** 0.5
    parts = [tag("rect", title(words), x=x + 0.5, y=y + 0.5, width=max(wide - 1, 0.5),
                 height=high - 1, class_=class_, fill_opacity=f"{opacity:.2f}")]
    text = next((text for text in texts if text_width(text) <= wide), "")
    if text:
        parts.append(label(text, x + wide / 2, y + high / 2 + 4, "middle",
                           "on-bar" if strong else "in-cell"))
    return parts
