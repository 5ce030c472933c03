"""Arguments that several commands have."""

from __future__ import annotations

import argparse


def add_run(parser: argparse.ArgumentParser) -> None:
    """DIR: one run."""
    parser.add_argument("dir", metavar="DIR", help="the --out folder of a `rubato train`")


def add_settings(parser: argparse.ArgumentParser) -> None:
    """--set KEY=VALUE, into a list `set`."""
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="override a key of the run file; may be repeated")


def setting_flags(settings: list[str]) -> list[str]:
    """The same for `rubato-data`."""
    return [text for setting in settings for text in ("--set", setting)]
