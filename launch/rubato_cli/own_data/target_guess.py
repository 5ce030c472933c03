"""What is learnt of a label of numbers, more than two of them: by its name and its numbers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from rubato_cli.own_data.label_guess import words_of
from rubato_cli.own_data.shown import number

COUNTS = ("accidents calls cases claimcount claimnb claims cnt count counts events incidents nb "
          "nclaims num number purchases visits").split()
AMOUNTS = ("amount amounts amt claimamount cost costs expense expenses loss losses paid payment "
           "payments premium premiums price prices revenue sales severity spend").split()
# Values of a label that may as well be the names of classes, or grades.
FEW_VALUES = 12
# Events of a row are so few where nothing but the numbers says that they are counted.
COUNTED_VALUES = 50
MOSTLY_ZERO, OFTEN_ZERO = 0.75, 0.25  # shares of the rows
# How much farther above the median the largest 1 % begin than the smallest lies below it: 0.7 of
# normal numbers, 1 of evenly spread ones, 6 of exponential ones.
SKEWED = 2.0


@dataclasses.dataclass(frozen=True)
class Numbers:
    """A label that is a number in every row that has one."""

    name: str
    values: int  # different ones, or more than can be told apart
    whole: bool
    zeros: float  # share of the rows
    smallest: float
    median: float
    p99: float
    largest: float

    @property
    def skewed(self) -> bool:
        return self.p99 - self.median > SKEWED * (self.median - self.smallest)

    def named(self, names: Sequence[str]) -> str:
        """The word of the name that is one of these; ""."""
        return next((word for word in words_of(self.name) if word in names), "")


@dataclasses.dataclass(frozen=True)
class Guess:
    kind: str
    why: str  # what the label holds


def numbers_of(name: str, values: dict[str, int], facts: dict[str, Any]) -> Numbers | None:
    """None: some value is no number. `values`: rows of each; `facts`: of all, {"numbers", "zeros",
    "fractions", "smallest", "median", "p99", "largest"}."""
    rows = int(facts["numbers"])
    if rows == 0 or rows < sum(values.values()):
        return None
    return Numbers(name, len(values), facts["fractions"] == 0, facts["zeros"] / rows,
                   *(float(facts[key]) for key in ("smallest", "median", "p99", "largest")))


def guess(label: Numbers) -> Guess | None:
    """None: they may as well be classes."""
    for kind, judge in (("count", _count), ("tweedie", _tweedie), ("amount", _amount),
                        ("real", _real)):
        why = judge(label)
        if why:
            return Guess(kind, why)
    return None


def fitting(label: Numbers) -> list[str]:
    """The targets that may be meant by few numbers."""
    return ["count", "real"] if label.whole and label.smallest >= 0 else ["real"]


def _count(label: Numbers) -> str:
    if not label.whole or label.smallest < 0 or label.named(AMOUNTS):
        return ""
    if label.values <= COUNTED_VALUES and label.zeros >= MOSTLY_ZERO:
        return f"whole {_reach(label)}, {_percent(label.zeros)} of them 0"
    word = label.named(COUNTS)
    return f"whole {_reach(label)}, and '{word}' in its name says counts" if word else ""


def _tweedie(label: Numbers) -> str:
    if label.values <= FEW_VALUES or label.smallest != 0:
        return ""
    held = f"{_reach(label)}, {_percent(label.zeros)} of them 0"
    word = label.named(AMOUNTS)
    if word:
        return f"{held}, and '{word}' in its name says amounts"
    often = label.zeros >= OFTEN_ZERO and (not label.whole or label.values > COUNTED_VALUES)
    return held if often else ""


def _amount(label: Numbers) -> str:
    if label.values <= FEW_VALUES or label.smallest <= 0:
        return ""
    word = label.named(AMOUNTS)
    if word:
        return f"{_reach(label)}, and '{word}' in its name says amounts"
    if label.whole or not label.skewed:
        return ""
    return (f"{_reach(label)}, few of them large: half are at most {number(label.median)}, 99 % at "
            f"most {number(label.p99)}")


def _real(label: Numbers) -> str:
    if label.values <= FEW_VALUES:
        return ""
    return f"{_reach(label)}, and nothing says that they are counts or amounts"


def _reach(label: Numbers) -> str:
    return f"numbers from {number(label.smallest)} to {number(label.largest)}"


def _percent(share: float) -> str:
    """Never 100 of a part."""
    return f"{100 * share:.0f} %" if share < 0.995 else f"{math.floor(1000 * share) / 10:.1f} %"
