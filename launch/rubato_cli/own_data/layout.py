"""How the lines of a file are to be read, where somebody said so."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Layout:
    """Of the data of one run file."""

    header: bool | None  # whether line 1 names the columns; None: it is looked at
    skip_lines: int

    def flags(self) -> list[str]:
        """Those of `rubato-data inspect`."""
        header = {None: [], True: ["--header"], False: ["--no-header"]}[self.header]
        return [*header, "--skip-lines", str(self.skip_lines)]

    def keys(self) -> str:
        """Lines of a [data] section, only where something was said."""
        header = "" if self.header is None else f"header = {str(self.header).lower()}\n"
        return header + (f"skip_lines = {self.skip_lines}\n" if self.skip_lines else "")
