"""The part of a report about predicted classes: which are taken for which, how well each is found,
and the rows that went most wrong."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence

from rubato_cli.base import units
from rubato_cli.report import heat_map, page, png
from rubato_cli.report.record import Record
from rubato_cli.report.tree import Tree, dig, number, records

DRAWN = 20  # classes; of more a heat map could not be read
BESIDE = 10  # classes whose heat map leaves room for a figure at its side
SHOWN = 12  # rows of a list before the rest is folded away
LISTED = 200  # rows of a table
LARGEST_SIDE = 512  # pixels of a picture


class Confusion:
    """Test rows by their class and by the one that they were put into; both are numbers."""

    def __init__(self, record: Record) -> None:
        self.names = record.target.classes
        self.cells: dict[tuple[int, int], float] = {}
        self.actual: collections.Counter[int] = collections.Counter()
        self.predicted: collections.Counter[int] = collections.Counter()
        for cell in records(dig(record.evaluation, "test"), "confusion", *_PAIR, "rows"):
            pair, rows = _pair(cell, self.names), cell["rows"]
            if pair is None or rows <= 0:
                continue
            self.cells[pair] = rows
            self.actual[pair[0]] += rows
            self.predicted[pair[1]] += rows

    @property
    def rows(self) -> float:
        return sum(self.cells.values())

    @property
    def right(self) -> float:
        return sum(self.cells.get((k, k), 0) for k in self.actual)

    def mistakes(self) -> list[tuple[int, int]]:
        """The pairs of different classes, the most frequent first."""
        return sorted((pair for pair in self.cells if pair[0] != pair[1]),
                      key=lambda pair: (-self.cells[pair], pair))

    def taken(self, pair: tuple[int, int]) -> str:
        return _taken(pair, self.names)

    def found(self, k: int) -> float | None:
        """Share of the rows of a class that is put into it."""
        return self.cells.get((k, k), 0) / self.actual[k] if self.actual[k] else None

    def right_when_predicted(self, k: int) -> float | None:
        return self.cells.get((k, k), 0) / self.predicted[k] if self.predicted[k] else None


_PAIR = ("actual", "predicted")


def _pair(row: Tree, names: Sequence[str]) -> tuple[int, int] | None:
    """The classes of a row of a table, None if one of them has no name."""
    known = all(row[key] in range(len(names)) for key in _PAIR)
    return (int(row["actual"]), int(row["predicted"])) if known else None


def _taken(pair: tuple[int, int], names: Sequence[str]) -> str:
    actual, predicted = (names[k] for k in pair)
    return f"{actual} taken for {predicted}" if pair[0] != pair[1] else f"{actual}, rightly"


def told(record: Record) -> str:
    """A sentence on how many rows are put into their class, "" of a run without such."""
    confusion = Confusion(record)
    if not confusion.rows:
        return ""
    if confusion.right == confusion.rows:
        return f"All {units.count(confusion.rows)} test rows are put into their class."
    return (f"{units.count(confusion.right)} of {units.count(confusion.rows)} test rows "
            f"({units.percent(confusion.right / confusion.rows)}) are put into their class; "
            f"{_most_often(confusion)}.")


def _most_often(confusion: Confusion) -> str:
    worst = confusion.mistakes()[0]
    rows = confusion.cells[worst]
    if rows == 1:
        return "no class is taken for another one more than once"
    actual, predicted = (confusion.names[k] for k in worst)
    return f"most often {actual} is taken for {predicted} ({units.count(rows)} rows)"


def figures(record: Record) -> Iterator[tuple[str, str]]:
    """Each with how many of its kind share a line, as page.laid_out() takes them."""
    confusion = Confusion(record)
    if confusion.rows:
        beside = len(confusion.names) <= BESIDE or len(confusion.names) > DRAWN
        yield ("two" if beside else "one",
               _map(confusion, page.HALF if beside else page.FULL)
               if len(confusion.names) <= DRAWN else _list(confusion))
        yield "two", _each(confusion)
    yield from _worst(record)


def _map(confusion: Confusion, widths: page.Widths) -> str:
    cells: dict[tuple[int, int], tuple[float, str, Sequence[str], str]] = {}
    for (i, j), rows in confusion.cells.items():
        share = rows / confusion.actual[i]
        cells[i, j] = (share, "s1" if i == j else "s2", (units.count(rows), units.compact(rows)),
                       f"{confusion.taken((i, j))}: {units.plural(rows, 'row')}, "
                       f"{units.percent(share)} of this class")
    numbers = [(name, *(units.count(confusion.cells.get((i, j), 0))
                        for j in range(len(confusion.names))))
               for i, name in enumerate(confusion.names)]
    return page.figure(
        "What is taken for what", "Test rows by their class and by the one that the model puts "
        "them into. The fuller the colour, the larger the share of the rows of a class.",
        page.legend([("s1", "rightly"), ("s2", "wrongly")]) + page.drawing(
            lambda width: heat_map.draw(width, confusion.names, cells,
                                        ("predicted class", "actual class")), widths),
        page.table(("actual \\ predicted", *confusion.names), numbers))


def _list(confusion: Confusion) -> str:
    mistakes = confusion.mistakes()
    numbers = [(confusion.names[i], confusion.names[j], units.count(confusion.cells[i, j]),
                units.percent(confusion.cells[i, j] / confusion.actual[i]))
               for i, j in mistakes[:LISTED]]
    return _folded(
        "What is taken for what", f"The most frequent of {units.count(len(mistakes))} ways in which"
        f" one of {units.count(len(confusion.names))} classes was taken for another.",
        ("class", "taken for", "test rows", "of the class"), numbers)


def _each(confusion: Confusion) -> str:
    """A table of the classes; of many, those that are found least come first."""
    def found(k: int) -> float:
        share = confusion.found(k)
        return 2.0 if share is None else share

    known = range(len(confusion.names))
    order = sorted(known, key=found) if len(known) > DRAWN else known
    numbers = [(confusion.names[k], units.count(confusion.actual[k]),
                units.percent(confusion.found(k)), units.percent(confusion.right_when_predicted(k)))
               for k in order]
    caption = ("Found is the share of the rows of a class that the model puts into it (recall); "
               "right, the share of the rows that it puts into a class which belong there "
               "(precision).")
    head = ("class", "test rows", "found", "right")
    if len(known) <= DRAWN:
        return page.figure("Each class", caption, page.table(head, numbers))
    return _folded("The classes that are found least", caption, head, numbers)


def _folded(title: str, caption: str, head: Sequence[str],
            rows: Sequence[Sequence[str]]) -> str:
    """A list with its first rows in sight."""
    return page.figure(title, caption, page.table(head, rows[:SHOWN]),
                       page.table(head, rows) if len(rows) > SHOWN else "")


def _worst(record: Record) -> Iterator[tuple[str, str]]:
    test, names = dig(record.evaluation, "test"), record.target.classes
    rows = [(units.count(row["row"] + 1), *(names[k] for k in pair), _chance(row["probability"]))
            for row in records(test, "worst", "row", *_PAIR, "probability")
            if (pair := _pair(row, names))]
    if not rows:
        return
    head = ("test row", "actual", "predicted", "probability")
    pictures = list(_pictures(record.evaluation, names))
    if pictures:
        yield "one", page.figure(
            "The worst images", "The test images to whose actual class the model gave the smallest "
            "probability, which stands below.", page.images(pictures), page.table(head, rows))
    else:
        yield "two", _folded(
            "The worst rows", "The test rows, counted from 1, to whose actual class the model gave "
            "the smallest probability, which stands at the end.", head, rows)


def _pictures(evaluation: Tree, names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    for row in records(evaluation, "worst_images", "row", *_PAIR, "probability", "width", "height"):
        pair, pixels = _pair(row, names), row.get("pixels")
        width, height = row["width"], row["height"]
        sides = range(1, LARGEST_SIDE + 1)
        if pair is None or width not in sides or height not in sides or not (
                isinstance(pixels, list) and len(pixels) == width * height
                and all(isinstance(pixel, int) and 0 <= pixel <= 255 for pixel in pixels)):
            continue
        taken = _taken(pair, names)
        yield (png.address(int(width), int(height), pixels),
               f"Image {units.count(row['row'] + 1)} of the test rows: {taken}",
               f"{taken}, {_chance(number(row, 'probability'))}")


def _chance(probability: float | None) -> str:
    """Of the right class."""
    if probability is not None and 0 <= probability < 1e-4:
        return f"<{units.THIN}0.01{units.THIN}%"
    return units.percent(probability, 2)
