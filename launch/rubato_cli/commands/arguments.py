"""Arguments that several commands have."""

from __future__ import annotations

import argparse


def add_run(parser: argparse.ArgumentParser) -> None:
    """DIR: one run."""
    parser.add_argument("dir", metavar="DIR", help="the --out folder of a `rubato train`")


def add_at(parser: argparse.ArgumentParser) -> None:
    """--at NAME, for `rubato` alone (detached/elsewhere.py): this is the host that ssh calls so,
    and another one asks, whose end is that of stdin."""
    parser.add_argument("--at", default="", help=argparse.SUPPRESS)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """--set KEY=VALUE, into a list `set`."""
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="override a key of the run file; may be repeated")


def setting_flags(settings: list[str]) -> list[str]:
    """The same for `rubato-data`."""
    return [text for setting in settings for text in ("--set", setting)]


def add_speech(parser: argparse.ArgumentParser, default: object = False) -> None:
    """--quiet and --json. `default`: argparse.SUPPRESS where a parser above has them as well."""
    parser.add_argument("--quiet", action="store_true", default=default, help="errors only")
    parser.add_argument("--json", action="store_true", default=default,
                        help="stdout is one JSON document, results and errors alike")


def speech_flags(arguments: argparse.Namespace) -> list[str]:
    """The same for a `rubato` elsewhere."""
    return [f"--{name}" for name in ("quiet", "json") if getattr(arguments, name)]


def from_one(text: str) -> int:
    """A number of a snapshot, or a count of them."""
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 on")
    return int(text)
