"""Numbers as people read them: three or four significant figures, units after a thin space.

Every function takes None (a figure the run does not have) and gives an en dash for it.
"""

from __future__ import annotations

import math
from typing import TypeGuard

Number = float | None

ABSENT = "–"
THIN = "\u202f"


def _known(value: float | None) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def metric(value: Number, digits: int = 4) -> str:
    return f"{value:.{digits}f}" if _known(value) else ABSENT


def fixed(value: float, decimals: int, plus: str = "") -> str:
    """With a minus that is as wide as a plus; `plus`: "+" if a plus is written, too."""
    return f"{value:{plus}.{decimals}f}".replace("-", "−")


def count(value: Number) -> str:
    """12345 -> 12 345."""
    return f"{round(value):,}".replace(",", THIN) if _known(value) else ABSENT


def compact(value: Number) -> str:
    """1234567 -> 1.23 M, for axes and tiles."""
    if not _known(value):
        return ABSENT
    for size, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9995:
            return f"{_significant(value / size)}{THIN}{name}"
    return _significant(value)


def _significant(value: float, figures: int = 3) -> str:
    if value == 0:
        return "0"
    decimals = max(0, figures - 1 - math.floor(math.log10(abs(value)) + 1e-12))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(value: Number) -> str:
    """1234.5678 -> 1 235; 0.0123456 -> 0.01235: four significant figures, or all before the
    point."""
    if not _known(value):
        return ABSENT
    if value and not 1e-6 <= abs(value) < 1e15:
        return f"{value:.3e}"
    decimals = 3 - math.floor(math.log10(abs(value)) + 1e-12) if value else 0
    return f"{value:,.{max(0, decimals)}f}".replace(",", THIN)


def percent(share: Number, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}{THIN}%" if _known(share) else ABSENT


def points(share: Number, digits: int = 1) -> str:
    """A difference of two shares, which is no share of anything."""
    return f"{100 * share:.{digits}f} percentage points" if _known(share) else ABSENT


def data_size(value: Number) -> str:
    """Bytes, in powers of 1024."""
    if not _known(value):
        return ABSENT
    for size, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if abs(value) >= size:
            return f"{_significant(value / size)}{THIN}{name}"
    return f"{_significant(value)}{THIN}B"


def duration(seconds: Number) -> str:
    """0.25 -> 250 ms; 75 -> 1 min 15 s; 7300 -> 2 h 1 min."""
    if not _known(seconds):
        return ABSENT
    if seconds < 1:
        return f"{_significant(1000 * seconds)}{THIN}ms" if seconds else f"0{THIN}s"
    if seconds < 60:
        return f"{_significant(seconds)}{THIN}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}{THIN}min {whole % 60}{THIN}s"
    return f"{whole // 3600}{THIN}h {whole % 3600 // 60}{THIN}min"


def time_unit(longest: float) -> tuple[float, str]:
    """Seconds and name of the unit in which an axis up to `longest` seconds is read."""
    return next((size, name) for size, name, from_ in
                ((3600.0, "hours", 7200), (60.0, "minutes", 120), (1.0, "seconds", -math.inf))
                if longest >= from_)


def plain(text: str) -> str:
    """Any of these with the blanks that every terminal has."""
    return text.replace(THIN, " ")


def rows(number: float) -> str:
    """For a terminal: 1 row; 2,000 rows."""
    return f"{number:,.0f} row" + ("" if number == 1 else "s")


def plural(number: float, noun: str) -> str:
    return f"{count(number)} {noun}" + ("" if number == 1 else "s")
