"""The end of a log, as somebody sees it who asked for it."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import select
from collections.abc import Callable
from typing import Any

from rubato_cli.base import console
from rubato_cli.base.output import write_all
from rubato_cli.files.log_tail import LogTail

STDIN, STDOUT = 0, 1
LINES = 20


def show(path: pathlib.Path, arguments: argparse.Namespace,
         over: Callable[[], bool] | None) -> None:
    """The last `arguments.lines`, and until it is `over()` those that come."""
    tail = LogTail(path, arguments.lines)
    try:
        if arguments.json:
            text = tail.read().decode(errors="replace")
            document: dict[str, Any] = {"process": path.stem, "log": str(path),
                                        "lines": text.splitlines()}
            console.answer(json.dumps(document, indent=2) + "\n")
        else:
            tail.follow(lambda data: write_all(STDOUT, data), over or (lambda: True))
    except BrokenPipeError:
        pass  # as in `rubato logs DIR | head -1`: nobody wants the rest
    finally:
        tail.close()


def stdin_is_over() -> bool:
    ready, _, _ = select.select([STDIN], [], [], 0)
    return bool(ready) and not os.read(STDIN, 1 << 10)


def lines(text: str) -> int:
    """How many, of a command line."""
    if not text.isascii() or not text.isdecimal() or int(text) >= 1 << 31:
        raise argparse.ArgumentTypeError(f"{text} is no number of lines")
    return int(text)
