"""What died while a run trained, how soon the fleet mended it, and what it has cost."""

from __future__ import annotations

from rubato_cli.base import units
from rubato_cli.report import page
from rubato_cli.report.record import Record
from rubato_cli.report.tree import Tree, dig, number, records

MOST_ROWS = 50


def fault_figure(record: Record) -> str:
    """"" for a run in which nothing went wrong."""
    if not dig(record.metrics, "faults"):
        return ""
    deaths = records(record.metrics, "faults.deaths", "clock")
    rows = [(str(death.get("process", "?")), f"{death['clock']:.0f}",
             _seconds(number(death, "back_seconds")), str(death.get("why", "")))
            for death in deaths[:MOST_ROWS]]
    more = len(deaths) - len(rows)
    beside = f" {units.count(more)} more are not shown." if more > 0 else ""
    table = page.table(("process", "at clock", "back after", "why"), rows) if rows else ""
    return page.figure("Deaths, and what they cost", f"{_mended(record, len(deaths))}{beside}",
                       table + page.facts(_costs(record)))


def _mended(record: Record, deaths: int) -> str:
    median = number(record.metrics, "faults.recovery_seconds.median")
    longest = number(record.metrics, "faults.recovery_seconds.max")
    words = ("No process died." if deaths == 0 else
             "One process died and was started again." if deaths == 1 else
             f"{units.count(deaths)} times a process died and was started again.")
    if median is None or longest is None:
        return words
    return f"{words} Back at work after {_seconds(median)} (median), {_seconds(longest)} at most."


def _costs(record: Record) -> list[tuple[str, str]]:
    costs = [("evicted workers", units.count(number(record.metrics, "faults.evictions"))),
             ("updates lost", units.count(record.metric("updates.lost")))]
    for name, words in (("skipped", "iterations not trained"),
                        ("repeated", "iterations trained again"),
                        ("quarantined", "empty iterations of workers in quarantine"),
                        ("torn", "iterations on some shards only")):
        spans = records(record.metrics, f"faults.{name}", "seat", "begin", "end")
        if spans:
            costs.append((words, "; ".join(map(_span, spans[:MOST_ROWS]))))
    for resume in records(record.metrics, "faults.fleet_resumes", "clock"):
        costs.append(("all went back", f"to clock {resume['clock']:.0f}: {resume.get('why', '')}"))
    for rollback in records(record.metrics, "faults.rollbacks", "clock", "learning_rate"):
        costs.append(("went back by itself",
                      f"to clock {rollback['clock']:.0f}, on with learning rate "
                      f"{rollback['learning_rate']:.4g}: {rollback.get('why', '')}"))
    return costs


def _span(span: Tree) -> str:
    first, last = span["begin"], span["end"] - 1
    return f"worker {span['seat']:.0f}: {first:.0f}" + (f" to {last:.0f}" if last > first else "")


def _seconds(value: float | None) -> str:
    return "never" if value is None else units.plain(units.duration(value))
