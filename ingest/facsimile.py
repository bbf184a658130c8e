"""A page of a PDF as it is printed, with a passage marked. Painted in a limited child process (see page_image.py)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from index_store.errors import BookError
from ingest.pdf import REFUSALS
from ingest.readers import Readers, rows_of

MEGABYTES = 1024
SECONDS = 20
WIDTH = 1400  # pixels: sharp where it is 700 wide on a dense screen

NO_PAGE = ("there is no such page", "Ask for one that the book has.")


@dataclass(frozen=True)
class Facsimile:
    """A page as a WebP image of `width` by `height` pixels. `marks` are left, top, width and height, as shares of the page."""

    data: bytes
    width: int
    height: int
    marks: tuple[tuple[float, float, float, float], ...]


def facsimile(file: Path, number: int, text: str = "", readers: Readers | None = None) -> Facsimile:
    """Page `number` (from 1) of the PDF at `file`, with marks on the lines that say `text`. Raises BookError."""
    options = (str(number), str(WIDTH), text)
    rows = rows_of(
        "ingest.page_image",
        file,
        {**REFUSALS, "no-page": NO_PAGE},
        readers,
        megabytes=MEGABYTES,
        seconds=SECONDS,
        options=options,
        place=lambda: f" at page {number}",
    )
    found = [row for kind, row in rows if kind == "image"]
    if not found:
        raise BookError(str(file), f"page {number} cannot be shown", "Open the PDF itself.")
    (row,) = found
    return Facsimile(base64.b64decode(row["data"]), row["width"], row["height"], tuple(map(tuple, row["marks"])))
