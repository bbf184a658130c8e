"""The child process that paints a page of a PDF: `python -m ingest.page_image FILE MEGABYTES SECONDS NUMBER WIDTH TEXT`.

Prints JSON lines `[kind, row]`: image (base64 of WebP, its size in pixels, the marks) and end; or one refused. A mark is where
a piece of a line of TEXT stands: left, top, width, height as shares of the page. TEXT is what a passage says, so hyphens are
joined and heads left out there; it is found by its words. Forked from a process that has loaded what this takes (see child.py).
"""

from __future__ import annotations

import base64
import ctypes
import io
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

from ingest.child import emit, run
from ingest.page_objects import calls
from ingest.pdf_reader import mend, suspected

WORD = re.compile("[^\\W_]+(?:\u00ad\\s*[^\\W_]+)*")
RUN = 3  # words in a row that are no chance
GAP = 8  # words between two runs that belong together: a joined hyphen, a formula, a footnote's number
SHORT = 0.2  # of the longest stretch
PIXELS = 40_000_000  # of an image; a page that is larger is painted smaller
QUALITY = 88

Mark = tuple[float, float, float, float]


def paint(file: str, number: int, width: int, text: str) -> None:
    import pypdfium2
    import pypdfium2.raw as raw

    try:
        document = pypdfium2.PdfDocument(file)
        # A mended one looks the same, and its text can be searched.
        if suspected(document) and (mended := mend(file)):
            document = pypdfium2.PdfDocument(mended.data)
        if not 1 <= number <= len(document):
            return emit("refused", "no-page")
        page = document[number - 1]
        scale = min(width / page.get_width(), (PIXELS / (page.get_width() * page.get_height())) ** 0.5)
        bitmap = page.render(scale=scale)
    except pypdfium2.PdfiumError:
        return emit("refused", "corrupt")
    data = io.BytesIO()
    image = bitmap.to_pil()
    image.save(data, "WEBP", quality=QUALITY, method=3)
    marks = list(marks_of(page, raw, text)) if text else []
    emit(
        "image",
        {"data": base64.b64encode(data.getvalue()).decode(), "width": image.width, "height": image.height, "marks": marks},
    )
    emit("end", None)


def marks_of(page: Any, raw: Any, text: str) -> Iterator[Mark]:
    """The lines of the page, or their parts, that say `text`."""
    textpage = page.get_textpage()
    call = calls(raw)
    address = ctypes.cast(textpage.raw, ctypes.c_void_p)
    codes = [call.unicode(address, i) for i in range(raw.FPDFText_CountChars(textpage.raw))]
    # A hyphen at a line's end comes as U+0002 or U+FFFE.
    printed = "".join("\u00ad" if code in (2, 0xFFFE) else chr(code) if 0x20 <= code < 0xD800 else " " for code in codes)
    words = [match.span() for match in WORD.finditer(printed)]
    wanted = [_folded(word) for word in WORD.findall(text)]
    for first, last in runs([_folded(printed[begin:end]) for begin, end in words], wanted):
        begin, end = words[first][0], words[last][1]
        while end < len(printed) and not printed[end].isspace():  # the full stop too
            end += 1
        yield from _lines(page, textpage, raw, begin, end)


def _folded(word: str) -> str:
    return re.sub(r"[\u00ad\s]", "", unicodedata.normalize("NFKC", word).casefold())


def runs(page: Sequence[str], wanted: Sequence[str]) -> list[tuple[int, int]]:
    """The first and last word of every stretch of `page` that is `wanted` or a part of it, small gaps included.

    Short ones beside a long one are chance: words of the part of the passage that stands on another page.
    """
    chains: list[list[Any]] = []
    for block in SequenceMatcher(None, page, wanted, autojunk=False).get_matching_blocks()[:-1]:  # the last is empty
        last = chains[-1][-1] if chains else None
        if last and max(block.a - last.a, block.b - last.b) <= last.size + GAP:
            chains[-1].append(block)
        else:
            chains.append([block])
    found = [
        (chain[0].a, chain[-1].a + chain[-1].size - 1)
        for chain in chains
        if max(block.size for block in chain) >= max(1, min(RUN, len(wanted)))
    ]
    longest = max((last - first + 1 for first, last in found), default=0)
    return [(first, last) for first, last in found if last - first + 1 >= SHORT * longest]


def _lines(page: Any, textpage: Any, raw: Any, begin: int, end: int) -> Iterator[Mark]:
    """The place of the characters from `begin` to before `end`, a line each."""
    box = raw.FS_RECTF()
    line: list[float] = []
    for i in range(begin, end):
        if not raw.FPDFText_GetLooseCharBox(textpage.raw, i, box) or box.right <= box.left or box.top <= box.bottom:
            continue
        left, right, bottom, top = box.left, box.right, box.bottom, box.top
        # A character whose middle lies beside the line belongs to it.
        if line and line[2] <= (bottom + top) / 2 <= line[3] and left >= line[0] - (top - bottom):
            line = [min(line[0], left), max(line[1], right), min(line[2], bottom), max(line[3], top)]
            continue
        if line:
            yield _share(page, raw, line)
        line = [left, right, bottom, top]
    if line:
        yield _share(page, raw, line)


def _share(page: Any, raw: Any, line: Sequence[float]) -> Mark:
    """Points as shares of the page as it is shown: turned, and cut to its crop box."""
    fine = 10_000
    corners = []
    for x, y in ((line[0], line[2]), (line[1], line[3])):
        across, down = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(page.raw, 0, 0, fine, fine, 0, x, y, across, down)
        corners.append((across.value / fine, down.value / fine))
    (x1, y1), (x2, y2) = corners
    return round(min(x1, x2), 4), round(min(y1, y2), 4), round(abs(x2 - x1), 4), round(abs(y2 - y1), 4)


def prepare(arguments: list[str]) -> None:
    """Load what painting the next pages takes."""
    import PIL.WebPImagePlugin  # noqa: F401
    import pypdfium2.raw  # noqa: F401

    import ingest.repair  # noqa: F401


def main() -> None:
    file, megabytes, seconds, number, width, text = sys.argv[1], *map(int, sys.argv[2:6]), sys.argv[6]
    run(megabytes, seconds, lambda: paint(file, number, width, text))


if __name__ == "__main__":
    main()
