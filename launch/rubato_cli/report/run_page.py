"""One page about a run, report.html in its folder, which needs nothing else."""

from __future__ import annotations

import pathlib

from rubato_cli.base import units
from rubato_cli.files import target
from rubato_cli.report import metric_words, page, record
from rubato_cli.report.data_sections import data_section, facts_section
from rubato_cli.report.model_sections import hero, model_section
from rubato_cli.report.record import Record
from rubato_cli.report.training_sections import fleet_section, training_section
from rubato_cli.report.tree import dig

SECTIONS = (("model", "Model"), ("training", "Training"), ("fleet", "Fleet"), ("data", "Data"),
          ("facts", "Run"))


def write(folder: str) -> pathlib.Path:
    """Writes the page of the run in `folder`, whole or not at all, and returns where it is."""
    run = record.read(folder)
    page_file = run.path / "report.html"
    target.write(page_file, render(run))
    return page_file


def render(run: Record) -> str:
    links = "".join(f'<li><a href="#{name}">{word}</a></li>' for name, word in SECTIONS)
    kicker = " · ".join(page.escape(word) for word in _kicker(run))
    header = (f'<p class="kicker"><b>Rubato</b> · {kicker}</p><h1>{page.escape(run.name)}</h1>'
              f'<nav aria-label="Sections"><ul>{links}</ul></nav>{hero(run)}')
    version = dig(run.metrics, "run.version")
    staleness = f"{metric_words.intervals(run.target)}staleness is counted in iterations"
    footer = (f"<p>Written by Rubato {page.escape(version or '')}. "
              f"{staleness[:1].upper()}{staleness[1:]} of the slowest worker.</p>")
    return page.document(f"{run.name} · Rubato", header,
                         [model_section(run), training_section(run), fleet_section(run),
                          data_section(run), facts_section(run)], footer)


def _kicker(run: Record) -> list[str]:
    kind = {"mlp": "multi-layer perceptron", "linear": "linear model",
            "wide_deep": "wide and deep", "deepfm": "DeepFM"}.get(
        str(dig(run.config, "model.kind")))
    bound = run.metric("staleness.bound")
    workers = len(run.workers)
    words = [kind, units.plural(workers, "worker") if workers else None,
             f"staleness {bound:.0f}" if bound is not None else "no staleness bound"]
    return [word.replace(" ", "\u00a0") for word in words if word]
