"""What a process of a fleet tells: JSON events, one a line, kept in its telemetry file.

  {"event": "listening", "address": A}                      scheduler, servers
  {"event": "progress", "clock", "epoch", "loss", "rows", "samples_per_second",
   "seconds_since_start"}                                   workers
  {"event": "view", "min_clock", "max_clock", "committed"}  scheduler
  {"event": "committed", "epoch", "clock"}                  scheduler
  {"event": "resumed", "clock"}                             scheduler, after --resume
  {"event": "validation", "data_epoch", "clock", "auc", "logloss"}
                                                            data epochs count from 0
  {"event": "signal", "name", "count"}                     a stop signal, its count-th
  {"event": "done", ...}                                    summary, see run/metrics.py
  {"event": "novelty", "column", "cells", "levels", "texts", "outside", "missing"}
                                                            predict: what training never saw of a
                                                            column, each {"cells", "first", "line"}
  {"event": "warning", "message": one sentence}             goes on, but somebody should know
  {"event": "error", "message": one sentence}
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

Event = dict[str, Any]


def parse_event(line: bytes) -> Event | None:
    """The event of a line, None when it is none."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def events_in(telemetry: pathlib.Path) -> Iterator[Event]:
    """Those of a file, whose lines may have been cut short: by a full disk, or as the process was
    killed."""
    with telemetry.open("rb") as lines:
        for line in lines:
            event = parse_event(line)
            if event is not None:
                yield event
