"""The HTML of a report: one file with its style inside, no script, no network.

A figure is drawn twice, for a narrow and a wide page, so that its letters keep their size; and it
comes with the table of its numbers.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from rubato_cli.report.svg import style, tag

# (narrow, wide) widths of a drawing in px: a third, a half or all of the page.
Widths = tuple[int, int]
THIRD, HALF, FULL = (326, 312), (326, 492), (326, 1036)


def escape(text: object) -> str:
    return html.escape(str(text))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are text, escaped here; the first of a row is its header."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>" for row in rows)
    return (f'<div class="scroll"><table><thead><tr>{top}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """A two-column table of names and words."""
    body = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
                   for name, value in rows)
    return f'<table class="words"><tbody>{body}</tbody></table>'


def legend(entries: Iterable[tuple[str, str]]) -> str:
    """entries: [(class, word)]; `dashed` in the class draws a dashed line."""
    items = []
    for class_, word in entries:
        kind = class_.split()[0]
        if kind in ("line", "ghost"):
            mark = tag("line", x1=0, x2=18, y1=6, y2=6, class_=f"line {class_}")
            swatch = tag("svg", mark, width=18, height=12, class_="chart", aria_hidden="true")
        else:
            mark = tag("rect", width=12, height=12, rx=2, class_=class_)
            swatch = tag("svg", mark, width=12, height=12, aria_hidden="true")
        items.append(f"<li>{swatch}{escape(word)}</li>")
    return f'<ul class="legend">{"".join(items)}</ul>'


def drawing(draw: Callable[[int], str], widths: Widths) -> str:
    """draw(width) for the narrow and for the wide page; readers meet only the visible one."""
    narrow, wide = widths
    return f'<div class="narrow">{draw(narrow)}</div><div class="wide">{draw(wide)}</div>'


def figure(title: str, caption: str, body: str, numbers: str = "") -> str:
    """body: legend and drawing, or a table; numbers: the table behind them, "" if all is shown."""
    more = f"<details><summary>The numbers</summary>{numbers}</details>" if numbers else ""
    return (f"<figure><figcaption><h3>{escape(title)}</h3><p>{escape(caption)}</p></figcaption>"
            f"{body}{more}</figure>")


def images(entries: Iterable[tuple[str, str, str]]) -> str:
    """Small pictures with words below. entries: [(address, words instead of it, words below)]"""
    items = "".join(f'<li><img src="{escape(source)}" alt="{escape(instead)}">'
                    f"<span>{escape(below)}</span></li>" for source, instead, below in entries)
    return f'<ul class="images">{items}</ul>'


def laid_out(drawn: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Figures in their order, each with how many share a line: "one" has it alone, "two" are side
    by side."""
    for columns, group in itertools.groupby(drawn, key=lambda one: one[0]):
        items = [figure_ for _, figure_ in group]
        size = 2 if columns == "two" else 1
        yield from (figures(columns, *items[i:i + size]) for i in range(0, len(items), size))


def absent(title: str, sentence: str) -> str:
    return (f"<figure><figcaption><h3>{escape(title)}</h3></figcaption>"
            f'<p class="absent">{escape(sentence)}</p></figure>')


def figures(columns: str, *items: str) -> str:
    return f'<div class="figures {columns}">{"".join(items)}</div>'


def section(name: str, title: str, lead: str, *body: str) -> str:
    """`name` is the anchor; `lead` one or two sentences under the heading."""
    words = f"<p>{escape(lead)}</p>" if lead else ""
    return f'<section id="{name}"><h2>{escape(title)}</h2>{words}{"".join(body)}</section>'


def tiles(entries: Iterable[tuple[str, str, str]]) -> str:
    """entries: [(name, value, what stands beside it)]"""
    cells = "".join(f'<div><dt>{escape(name)}</dt><dd class="value">{escape(value)}</dd>'
                    f'<dd class="beside">{escape(beside)}</dd></div>'
                    for name, value, beside in entries)
    return f'<dl class="tiles">{cells}</dl>'


def document(title: str, header: str, sections: Iterable[str], footer: str) -> str:
    return ("<!doctype html>\n"
            f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            # What a column's name or a file's might smuggle in finds nothing that would run.
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            'style-src \'unsafe-inline\'; img-src data:">\n'
            f"<style>\n{style()}</style></head>\n<body>\n<header>{header}</header>\n"
            f"<main>{''.join(sections)}</main>\n<footer>{footer}</footer>\n</body></html>\n")
