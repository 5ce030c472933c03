"""A label that is a number: what is learnt of it, and by which unit."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

from rubato_cli.own_data.label_guess import words_of
from rubato_cli.own_data.shown import number, one_line
from rubato_cli.own_data.toml_text import quote

WITH_EXPOSURE = ("count", "tweedie")
# Words of a column's name that say exposure, and others that say it of fractions: whole years are
# as often an age.
EXPOSURES, DURATIONS = ("exposure", "exposures", "expo"), ("insured", "duration", "years", "yrs")
MOST_EXPOSURE = 5.0  # units


@dataclasses.dataclass(frozen=True)
class Exposure:
    """The column for target.exposure."""

    column: str
    why: str
    cap: str  # why cap_exposure = 1.0 may be meant; "" without a reason


@dataclasses.dataclass(frozen=True)
class NumberLabel:
    """For every target.kind that learns a number."""

    name: str
    kind: str
    why: str  # it was guessed; "" if it was given
    exposure: Exposure | None

    chosen = "[target]"  # what of the run file was chosen by the label
    enough_for_layers = True

    def summary(self) -> str:
        """What the rows are, behind their number."""
        return ""

    def keys(self) -> str:
        """Lines of a [data] section."""
        return ""

    def section(self) -> str:
        """[target] of a run file."""
        lines = ["", "[target]"]
        if self.why:
            lines.append(f"# {self._because()}")
        lines.append(f"kind = {quote(self.kind)}")
        if self.exposure:
            lines.append(f"exposure = {quote(self.exposure.column)}  # {self.exposure.why}")
            if self.exposure.cap:
                lines.append(f"# cap_exposure = 1.0  # {self.exposure.cap}")
        if self.kind == "quantile":
            lines.append("quantiles = [0.05, 0.5, 0.95]  # levels to learn")
        return "\n".join([*lines, ""])

    def notes(self, target: pathlib.Path) -> list[str]:
        """For a person, of what was chosen for the run file `target`."""
        notes = []
        if self.why:
            notes.append(f"  {self._because()}; if it is another, give --target, or --positive "
                         "where values are classes")
        if self.exposure:
            notes.append(f"  exposure: {one_line(self.exposure.column)}, {self.exposure.why}; if "
                         f"it is none, take it out of [target] in {target}")
        return notes

    def _because(self) -> str:
        return f'target: "{self.kind}", because {one_line(self.name)} holds {self.why}'


def find_exposure(columns: Sequence[dict[str, Any]]) -> Exposure | None:
    """Among those that `rubato-data inspect` saw: {"name", "type", "missing", "texts", "whole",
    "smallest", "p99", "largest", ...}, the last three of numbers."""
    likely = [column for column in columns if _may_be_exposure(column)]
    named = [column for column in likely if _says(column, EXPOSURES)] or [
        column for column in likely if _says(column, DURATIONS) and not column["whole"]]
    return _exposure(named[0]) if named else None


def _may_be_exposure(column: dict[str, Any]) -> bool:
    """Numbers above 0, at most a few units, in every row."""
    return (column["type"] in ("number", "category") and "smallest" in column
            and column["missing"] == column["texts"] == 0 and not column["sentinels"]
            and 0.0 < column["smallest"] and column["largest"] <= MOST_EXPOSURE)


def _says(column: dict[str, Any], names: Sequence[str]) -> bool:
    return isinstance(column["name"], str) and not set(names).isdisjoint(words_of(column["name"]))


def _exposure(column: dict[str, Any]) -> Exposure:
    largest = number(column["largest"])
    beyond = column["p99"] <= 1.0 < column["largest"]
    return Exposure(column["name"],
                    f"by its name and its numbers from {number(column['smallest'])} to {largest}",
                    f"99 % are at most 1, the largest is {largest}" if beyond else "")
