"""The checksum in the JSON files of a run that are read back: a last member "sha256", over the
text without it. A changed byte is found out before it changes a score. In C++ it is
common/base/checksummed_text.h."""

from __future__ import annotations

import hashlib

from rubato_cli.base.failure import FATAL, Failure

_END = "}\n"


def with_checksum(text: str) -> str:
    """`text`, a JSON object that ends with a line end, with its checksum."""
    assert text.endswith(_END)
    return text.removesuffix(_END) + _line(text)


def without_checksum(checksummed: str, path: object) -> str:
    """The text that got the checksum. Failure names `path` if it is not as it was written."""
    text = checksummed[:-len(_line(""))] + _END
    if with_checksum(text) != checksummed:
        raise Failure(f"{path}: is not as it was written (the sha256 at its end does not match); "
                      "undo the change, restore it from a copy, or train into a new folder", FATAL)
    return text


def _line(text: str) -> str:
    return f',\n"sha256": "{hashlib.sha256(text.encode()).hexdigest()}"{_END}'
