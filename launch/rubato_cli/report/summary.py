"""The lines that end a `rubato train`."""

from __future__ import annotations

from typing import Any

from rubato_cli.base import units
from rubato_cli.files.target_metrics import PROGRESS, SUMMARY, Metric, TargetDescription
from rubato_cli.report import levels, metric_words, verdict
from rubato_cli.report.tree import dig, number, records


def lines(metrics: dict[str, Any], config: dict[str, Any], target: TargetDescription) -> list[str]:
    """Of a whole metrics.json and config.json."""
    train, test = metrics["train"], metrics.get("test", {})
    if train["rows"] == 0 and train["resumed_from_clock"] == train["clock"]:
        said = [f"nothing was left to train after clock {train['clock']}"]
    else:
        said = [f"trained {units.rows(train['rows'])} in {train['seconds']:.1f} s "
                 f"({train['samples_per_second']:,.0f} samples/s), staleness bound "
                 f"{metrics['staleness']['bound']}, largest observed "
                 f"{metrics['staleness']['max_observed']}"]
    said += workers(records(metrics, "train.workers", "clock", "workers"))
    said += faults(metrics)
    said += map(_quarantine, records(metrics, "faults.quarantined", "seat", "begin", "end"))
    said += map(_rollback, records(metrics, "faults.rollbacks", "clock", "learning_rate"))
    if train.get("snapshot_used"):
        said.append(f"best validation {target.judge.words} after epoch {train['epoch_used']}, "
                     "whose weights are used")
    if test:
        said.append(_test(test, target))
        said += filter(None, [units.plain(verdict.against_constant(metrics, config, target))])
        said += levels.lines(metrics)
    best = number(metrics, f"oracle.{target.lead.name}")
    if best is not None:
        said.append(f"best possible {target.lead.words} {target.lead.plain(best)} "
                     f"({metric_words.best_possible(target.lead)})")
    if dig(metrics, "verdict.warning"):
        said.append(f"warning: {metrics['verdict']['warning']}")
    return said


def workers(changes: list[dict[str, Any]]) -> list[str]:
    """How many trained, if that was not always the same."""
    if len(changes) < 2:
        return []
    return [f"workers: {workers_text(changes)}"]


def workers_text(changes: list[dict[str, Any]]) -> str:
    """"2, from clock 1234 on 4"."""
    first, *more = changes
    return ", ".join([f"{first['workers']:.0f}", *(
        f"from clock {change['clock']:.0f} on {change['workers']:.0f}" for change in more)])


def faults(metrics: dict[str, Any]) -> list[str]:
    """What died, and what was lost by it; nothing if nothing was."""
    deaths = len(records(metrics, "faults.deaths", "clock"))
    skipped = sum(int(span["end"] - span["begin"])
                  for span in records(metrics, "faults.skipped", "begin", "end"))
    if not deaths and not skipped:
        return []
    costs = f"{metrics['updates']['lost']} updates lost, {skipped} iterations skipped"
    if deaths:
        return [f"{'one process' if deaths == 1 else f'{deaths} processes'} died and "
                f"{'was' if deaths == 1 else 'were'} started again, {costs}"]
    return [f"workers were missing: {costs}"]


def _quarantine(span: dict[str, Any]) -> str:
    return (f"worker {span['seat']:.0f} trained nothing from clock {span['begin']:.0f} to "
            f"{span['end'] - 1:.0f}: {span.get('why', '')}")


def _rollback(rollback: dict[str, Any]) -> str:
    return (f"went back to clock {rollback['clock']:.0f}, on with learning rate "
            f"{rollback['learning_rate']:.4g}: {rollback.get('why', '')}")


def _test(test: dict[str, Any], target: TargetDescription) -> str:
    figures = [_figure(test, metric) for metric in target.judging
               if metric.use in (PROGRESS, SUMMARY) and number(test, metric.name) is not None]
    counts = [f"{test[metric.name]:,.0f} {metric.words}" for metric in target.counting
              if number(test, metric.name) is not None]
    return f"test {'  '.join(figures)}  ({', '.join([units.rows(test['rows']), *counts])})"


def _figure(test: dict[str, Any], metric: Metric) -> str:
    """With its interval, if it has one."""
    value, low, high = (number(test, f"{metric.name}{end}") for end in ("", "_low", "_high"))
    interval = ("" if low is None or high is None else
                f" [{metric.plain(low)}, {metric.plain(high)}]")
    return f"{metric.words} {metric.plain(value)}{interval}"
