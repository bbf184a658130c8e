"""The child process that opens a PDF: `python -m ingest.pdf_reader FILE MEGABYTES SECONDS PAGES SECONDS_A_PAGE [LANGUAGES]`,
or forked for every such line of arguments (see child.py).

Prints JSON lines `[kind, row]`: head, outline..., page..., end; or one refused. Pages of mended fonts are followed by
`repaired`; where only reading them showed the damage, `again` comes before, and the pages once more. Imports as little as it
can: an ingest begins with it.
"""

from __future__ import annotations

import ctypes
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ingest.child import emit, run
from ingest.hidden import hidden_characters
from ingest.page_objects import calls, is_scanned

FEW_CHARACTERS = 100  # a scanned page may have a stamp or a page number as text
FIXED_PITCH = 1
LINE_END = 8  # characters among which the rightmost of a line is
HYPHEN = "\N{SOFT HYPHEN}"
SPACES = {10, 13, 32, 160}
LOST = "\N{REPLACEMENT CHARACTER}"


def lines_of(handle: Any, raw: Any, hidden: frozenset[int]) -> Iterator[tuple[str, float, float, float, float, float]]:
    """The page's lines as pdfium orders them, each as the fields of `ingest.pdf.Line`, without the hidden characters."""
    x, y = ctypes.c_double(), ctypes.c_double()
    to_x, to_y = ctypes.addressof(x), ctypes.addressof(y)
    address = ctypes.cast(handle, ctypes.c_void_p)
    unicode_of, origin_of = calls(raw).unicode, calls(raw).origin
    flags, box = ctypes.c_int(), raw.FS_RECTF()
    text: list[str] = []
    place = (0.0, 0.0, 0.0)
    pitch = 0.0
    high = first = last = 0  # a line's first and last character that is no space

    def line() -> tuple[str, float, float, float, float, float]:
        right = place[1]
        # Not the last one alone: an accent set by itself may come after the letters that it stands among.
        for i in range(max(first, last - LINE_END), last + 1):
            if origin_of(address, i, to_x, to_y):
                right = max(right, x.value)
        return "".join(text).rstrip(), *place, round(right, 1), pitch

    for i in range(raw.FPDFText_CountChars(handle)):
        code = unicode_of(address, i)
        if code == 10 or code == 13:
            if text:
                yield line()
                text = []
            continue
        if i in hidden:
            continue
        if (code == 2 or code == 0xFFFE) and raw.FPDFText_IsHyphen(handle, i) == 1:
            text.append(HYPHEN)
            continue
        if 0xD800 <= code <= 0xDBFF:  # pdfium hands out UTF-16: two halves a character beyond the basic plane
            high = code
            continue
        if 0xDC00 <= code <= 0xDFFF and high:
            code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00)
        high = 0
        lost = not code or (code >= 0xD800 and (code <= 0xDFFF or code in (0xFFFE, 0xFFFF) or code > 0x10FFFF))
        character = LOST if lost else chr(code)
        # pdfium writes no line end after a hyphen: the word goes on where the next character stands lower (or higher).
        if text and text[-1] == HYPHEN and origin_of(address, i, to_x, to_y) and abs(y.value - place[2]) > place[0] / 2:
            yield line()
            text = []
        if not text:
            if character.isspace():
                continue
            first = last = i
            origin_of(address, i, to_x, to_y)
            raw.FPDFText_GetLooseCharBox(handle, i, box)
            raw.FPDFText_GetFontInfo(handle, i, None, 0, flags)
            place = (round(box.top - box.bottom, 1), round(x.value, 1), round(y.value, 1))
            pitch = round(box.right - box.left, 2) if flags.value & FIXED_PITCH else 0.0
        text.append(character)
        if not character.isspace():
            last = i
    if text:
        yield line()


def read(file: str, most_pages: int, seconds_a_page: int, languages: str) -> None:
    import pypdfium2
    import pypdfium2.raw as raw

    with open(file, "rb") as stream:
        beginning = stream.read(1024)
    if not beginning.strip():
        return emit("refused", "empty")
    if b"%PDF" not in beginning:
        return emit("refused", "not-pdf")
    try:
        document = pypdfium2.PdfDocument(file)
        count = len(document)
    except pypdfium2.PdfiumError as error:
        return emit("refused", "encrypted" if "password" in str(error).lower() else "corrupt")
    if count == 0:
        return emit("refused", "no-pages")
    if count > most_pages:
        return emit("refused", "too-many-pages")
    emit("head", {"pages": count, "title": document.get_metadata_dict().get("Title", "").strip()})
    for bookmark in document.get_toc():
        destination = bookmark.get_dest()
        index = destination.get_index() if destination else None
        if index is not None and 0 <= index < count:
            mode, position = destination.get_view()
            y = position[1] if mode == raw.PDFDEST_VIEW_XYZ and len(position) > 1 else None
            emit("outline", [bookmark.level, bookmark.get_title(), index + 1, y])
    labels = [document.get_page_label(index) for index in range(count)]
    at_once = suspected(document)
    mended = mend(file) if at_once else None
    if mended:
        before = characters_of(document, raw, seconds_a_page)
    else:
        before = read_pages(document, labels, raw, seconds_a_page, languages)
    if not at_once and before[LOST] and (mended := mend(file)):
        emit("again", None)
    if mended:
        after = read_pages(pypdfium2.PdfDocument(mended.data), labels, raw, seconds_a_page, languages)
        emit("repaired", {"fonts": mended.fonts, "characters": (after - before).total() - after[LOST]})
    emit("end", None)


def suspected(document: Any) -> bool:
    """Whether the file comes from a writer of damaged maps, so that it need not be read first to find out."""
    return "Quartz" in document.get_metadata_dict().get("Producer", "")


def characters_of(document: Any, raw: Any, seconds_a_page: int) -> Counter[str]:
    """How often each character stands on the pages as they are, in a fraction of the time that `read_pages` takes."""
    import pypdfium2

    found: Counter[str] = Counter()
    for index in range(len(document)):
        signal.setitimer(signal.ITIMER_PROF, seconds_a_page)
        with suppress(pypdfium2.PdfiumError):
            page = document[index]
            textpage = page.get_textpage()
            count = raw.FPDFText_CountChars(textpage.raw)
            units = (ctypes.c_ushort * (count + 1))()
            raw.FPDFText_GetText(textpage.raw, 0, count, units)
            found.update(bytes(units).decode("utf-16-le", errors="replace"))
            textpage.close()
            page.close()
    return found


def read_pages(document: Any, labels: list[str], raw: Any, seconds_a_page: int, languages: str) -> Counter[str]:
    """Print the pages; how often each character stands in their lines. Scanned ones are read in `languages`, if any.

    The kernel ends this process where a page takes more than `seconds_a_page` of processor time.
    """
    import pypdfium2

    found: Counter[str] = Counter()
    for index, label in enumerate(labels):
        signal.setitimer(signal.ITIMER_PROF, seconds_a_page)
        row: dict[str, Any] = {"number": index + 1, "label": label, "lines": [], "hidden": 0, "scanned": False, "ocr": False}
        with suppress(pypdfium2.PdfiumError):  # one unreadable page; the parent counts pages without text and says so
            row.update(read_page(document[index], raw, languages))
        for line in row["lines"]:
            found.update(line[0])
        emit("page", row)
    signal.setitimer(signal.ITIMER_PROF, 0)
    for character in (HYPHEN, " "):
        del found[character]
    return found


def read_page(page: Any, raw: Any, languages: str) -> dict[str, Any]:
    """A page's lines, how many hidden characters were left out, whether it is scanned, and whether it was recognised."""
    textpage = page.get_textpage()
    hidden = hidden_characters(page, textpage, raw)
    lines = list(lines_of(textpage.raw, raw, hidden))
    unseen = sum(raw.FPDFText_GetUnicode(textpage.raw, i) not in SPACES for i in hidden)
    textpage.close()
    scanned = recognised = False
    if sum(len(line[0]) for line in lines) < FEW_CHARACTERS:
        scanned = is_scanned(page, raw)
        if scanned and languages:
            from ingest.ocr import recognise

            if read := recognise(page, raw, languages):
                lines, recognised = read, True
    page.close()
    return {"lines": lines, "hidden": unseen, "scanned": scanned, "ocr": recognised}


def mend(file: str) -> Any:
    """The file with its fonts' maps mended; None where none is damaged, or where the file is too broken to tell."""
    from pikepdf import PdfError

    from ingest.repair import repair

    try:
        with open(file, "rb") as stream:
            return repair(stream.read())
    except (PdfError, ValueError, KeyError, TypeError, AttributeError, OSError):
        return None  # the text stays as it was read


def prepare(arguments: list[str]) -> None:
    """Load what reading the next files takes."""
    import pikepdf  # noqa: F401
    import pypdfium2.raw  # noqa: F401

    import ingest.repair  # noqa: F401


def main() -> None:
    file, megabytes, seconds, pages, seconds_a_page = sys.argv[1], *map(int, sys.argv[2:6])
    languages = "".join(sys.argv[6:])
    run(megabytes, seconds, lambda: read(file, pages, seconds_a_page, languages))


if __name__ == "__main__":
    main()
