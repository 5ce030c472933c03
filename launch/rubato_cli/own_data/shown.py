"""Text of the data as a sentence holds it, whatever its bytes."""

from __future__ import annotations


def counts(values: dict[str, int]) -> str:
    """{value: rows} as "'yes' (12), 'no' (3)"."""
    return ", ".join(f"{show(value)} ({rows:,})" for value, rows in values.items())


def show(text: str | dict[str, str]) -> str:
    """In quotes."""
    return f"'{one_line(text)}'"


def one_line(text: str | dict[str, str]) -> str:
    """Bytes that are no UTF-8 as \\xNN, as rubato-data does."""
    if isinstance(text, dict):
        return "".join(f"\\x{ord(c):02x}" if c > "~" else c for c in one_line(text["latin1"]))
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def number(value: float) -> str:
    """0.1234, 16, 4,075,401."""
    whole = value == round(value) or abs(value) >= 1000
    return f"{value:,.0f}" if whole and abs(value) < 1e15 else f"{value:.4g}"
