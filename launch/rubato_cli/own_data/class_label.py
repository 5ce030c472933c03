"""A label that is a class: the values that count as 1 and the rest, or each of several."""

from __future__ import annotations

import dataclasses
import pathlib
import shlex

from rubato_cli.base.failure import Failure
from rubato_cli.own_data import label_guess
from rubato_cli.own_data.shown import counts, one_line, show
from rubato_cli.own_data.toml_text import array, quote

# Hidden layers learn fewer by heart: on public sets and generated books such models ranked unseen
# rows worse than a linear one, and missed the level of their own training rows.
ROWS_OF_A_CLASS_FOR_LAYERS = 200


@dataclasses.dataclass(frozen=True)
class ClassLabel:
    """For target.kind = "binary"."""

    name: str
    positive: list[str]
    how: str  # the positive value was guessed; "" if it was given
    values: dict[str, int]  # rows of each value of the label

    kind = "binary"
    exposure = None
    chosen = "positive"  # what of the run file was chosen by the label

    @property
    def positives(self) -> int:
        """Rows."""
        return sum(self.values[value] for value in self.positive)

    @property
    def enough_for_layers(self) -> bool:
        rarer = min(self.positives, sum(self.values.values()) - self.positives)
        return rarer >= ROWS_OF_A_CLASS_FOR_LAYERS

    def summary(self) -> str:
        """What the rows are, behind their number."""
        which = one_line(f"{self.name} = " + " or ".join(self.positive))
        return f", {self.positives:,} positive ({which})"

    def keys(self) -> str:
        """Lines of a [data] section."""
        named = quote(self.positive[0]) if len(self.positive) == 1 else array(self.positive)
        return f"positive = {named}" + (f"  # {self.how}" if self.how else "") + "\n"

    def section(self) -> str:
        """[target] of a run file."""
        return ""

    def notes(self, target: pathlib.Path) -> list[str]:
        """For a person, of what was chosen for the run file `target`."""
        rest = {value: rows for value, rows in self.values.items() if value not in self.positive}
        if self.how:
            begin = (f"  the positive value {show(self.positive[0])} was {self.how}, beside "
                     f"{counts(rest)}; ")
            doubt = label_guess.doubt(self.name, self.values, self.positive[0])
            if doubt:
                other = quote(next(iter(rest)))
                return [f"{begin}but {doubt}: positive = {other} in {target} turns it round"]
            return [f"{begin}if it is the other, change positive in {target} or give --positive"]
        if len(rest) > 1:
            return [f"  the rest counts as 0: {counts(rest)}; rows of no interest go into "
                    "ignore = []"]
        return []


@dataclasses.dataclass(frozen=True)
class SeveralClasses:
    """For target.kind = "classes"."""

    name: str
    values: dict[str, int]  # rows of each
    guessed: bool

    kind = "classes"
    exposure = None
    chosen = "[target]"  # what of the run file was chosen by the label

    @property
    def enough_for_layers(self) -> bool:
        return sum(self.values.values()) >= ROWS_OF_A_CLASS_FOR_LAYERS * len(self.values)

    def summary(self) -> str:
        """What the rows are, behind their number."""
        return f", {len(self.values)} classes ({one_line(self.name)})"

    def keys(self) -> str:
        """Lines of a [data] section."""
        return ""

    def section(self) -> str:
        """[target] of a run file."""
        because = [f"# {self._because()}"] if self.guessed else []
        return "\n".join(["", "[target]", *because, 'kind = "classes"', ""])

    def notes(self, target: pathlib.Path) -> list[str]:
        """For a person, of what was chosen for the run file `target`."""
        if not self.guessed:
            return []
        return [f"  {self._because()}; if some of them against the rest are meant, give "
                f"--positive; rows of no interest go into ignore = [] in {target}"]

    def _because(self) -> str:
        return f'target: "classes", because {one_line(self.name)} holds {counts(self.values)}'


def guessed(name: str, values: dict[str, int]) -> ClassLabel:
    """Of two values."""
    guess = label_guess.guess(values)
    return ClassLabel(name, [guess.positive], guess.how, values)


def given(name: str, values: dict[str, int], positive: list[str], where: str) -> ClassLabel:
    for value in positive:
        if value not in values:
            raise Failure(f"--positive {show(value)}: {where} does not hold it, but "
                          f"{counts(values)}; choose among these")
    if set(positive) == set(values):
        raise Failure(f"--positive names all values of {where}; leave one out")
    return ClassLabel(name, list(dict.fromkeys(positive)), "", values)


def question(values: dict[str, int]) -> str:
    """What to answer where they are more than two."""
    likely = label_guess.candidates(values)
    flags = " ".join(f"--positive {shlex.quote(value)}" for value in likely)
    return (f"say which count as 1 (the rest counts as 0), as in {flags}, which writes positive = "
            f"{array(likely)}; rows of no interest go into ignore = []")
