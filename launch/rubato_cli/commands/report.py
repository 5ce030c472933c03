"""`rubato report DIR`: the page of a finished run, DIR/report.html."""

from __future__ import annotations

import argparse

from rubato_cli.base.failure import DONE
from rubato_cli.commands.arguments import add_run
from rubato_cli.commands.session import Command, Session
from rubato_cli.report import run_page


def _run(arguments: argparse.Namespace, session: Session) -> int:
    written = run_page.write(arguments.dir)
    session.console.result([f"report: {written}"], {"report": str(written)})
    return DONE


COMMAND = Command("report", "write the report page of a finished run", add_run, _run)
