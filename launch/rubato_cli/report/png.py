"""Grey pictures as PNG files, in a text that stands in a page."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

MAGIC = b"\x89PNG\r\n\x1a\n"
GREY, DEPTH = 0, 8  # colour type, bits of a pixel
NO_FILTER = b"\0"  # begins each line


def address(width: int, height: int, pixels: Sequence[int]) -> str:
    """Of an <img>. pixels: [height * width], 0 (black) to 255 (white), line by line."""
    return f"data:image/png;base64,{base64.b64encode(file(width, height, pixels)).decode()}"


def file(width: int, height: int, pixels: Sequence[int]) -> bytes:
    """The bytes of the file."""
    lines = b"".join(NO_FILTER + bytes(pixels[y * width:(y + 1) * width]) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, DEPTH, GREY, 0, 0, 0)
    return (MAGIC + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(lines, 9))
            + _chunk(b"IEND", b""))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
