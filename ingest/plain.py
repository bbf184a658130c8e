"""Plain text: from bytes to characters, and from characters to headings and paragraphs.

A heading is only what is clearly marked as one: underlined, numbered, or in capitals, on a line of its own. A form feed is
the end of a page.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

from ingest.blocks import Block, Reading, Refused

LOST = "\N{REPLACEMENT CHARACTER}"
CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # but for white space and escape
UNDERLINE = re.compile(r"([=\-~^*#+\"])\1{2,}")
NUMBERED = re.compile(r"(?:chapter|section|part|appendix|lecture|unit|week|module)\s+(?:\d+|[ivxlc]+|[a-z])\b.*", re.IGNORECASE)
DECIMAL = re.compile(r"(\d+(?:\.\d+)*)\.?\s+[^\W\d_a-z].*")
LISTED = re.compile(r"\s*(?:[-*+•–]|\(?\w{1,3}[.)])\s")
LONGEST_HEADING = 80
WRAPPED_FROM = 50  # columns from which on a line may have been broken by its width alone


def decoded(data: bytes, declared: str = "") -> str:
    """The text of `data`: by its byte order mark, as UTF-8, as `declared`, as UTF-16, or else as Windows-1252.

    A byte that stands for nothing becomes U+FFFD. Raises Refused where the bytes are no text.
    """
    text = _decoded(data, declared)
    if len(CONTROLS.findall(text)) + text.count(LOST) > max(2, len(text) // 100):
        raise Refused("not-text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes, declared: str) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):  # every second byte of Latin text in UTF-16 is zero
        high, low = data[first:2000:2], data[1 - first : 2000 : 2]
        if len(low) > 1 and 2 * high.count(0) > len(high) and not low.count(0):
            return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if declared:
        try:
            return data.decode(declared)
        except (LookupError, ValueError):
            pass
    # A damaged UTF-8 file has some letters that are whole; one in a single-byte encoding has next to none.
    text = data.decode("utf-8", "replace")
    beyond = sum(character > "\x7f" for character in text)
    return text if 2 * text.count(LOST) < beyond else data.decode("cp1252", "replace")


def read(text: str) -> Reading:
    """A text file's headings and paragraphs; `pages` is 0 where it has no form feed."""
    leaves = text.rstrip("\f\n ").split("\f")
    paragraphs: list[tuple[int, list[str]]] = []
    for number, leaf in enumerate(leaves, 1):
        paragraphs += [(number, lines) for lines in _paragraphs(leaf)]
    blocks: list[Block] = []
    underlines: list[str] = []
    for at, (page, lines) in enumerate(paragraphs):
        page = page if len(leaves) > 1 else 0
        heading = _underlined(lines, underlines)
        if heading:
            blocks.append(Block(*heading, page))
            lines = lines[_lines_of_heading(lines) :]
        elif (level := _level(lines)) >= 0 and not _is_one_of_a_list(paragraphs, at):
            blocks.append(Block(lines[0].strip(), level, page))
            continue
        if lines:
            blocks.append(Block(_flowing(lines), page=page))
    title = next((block.text for block in blocks if block.level >= 0), "")
    return Reading(title if blocks and blocks[0].text == title else "", blocks, len(leaves) if len(leaves) > 1 else 0)


def _paragraphs(text: str) -> list[list[str]]:
    """Lines between blank ones."""
    pieces = re.split(r"\n[ \t]*(?:\n[ \t]*)+(?=[^\n]|\Z)", text.expandtabs(4))
    return [lines for piece in pieces if (lines := [line.rstrip() for line in piece.split("\n") if line.strip()])]


def _lines_of_heading(lines: Sequence[str]) -> int:
    return 3 if UNDERLINE.fullmatch(lines[0].strip()) else 2


def _underlined(lines: Sequence[str], seen: list[str]) -> tuple[str, int] | None:
    """Title and level of the heading that a paragraph begins with: underlined, and perhaps overlined as well.

    As in reStructuredText, the level is the order in which the kinds of line first come up.
    """
    over = bool(UNDERLINE.fullmatch(lines[0].strip()))
    if len(lines) < 2 + over:
        return None
    title, below = lines[over].strip(), lines[over + 1].strip()
    if not UNDERLINE.fullmatch(below) or len(title) > LONGEST_HEADING or not any(c.isalpha() for c in title):
        return None
    if (over and lines[0].strip() != below) or not 0.6 * len(title) <= len(below) <= 2 * len(title) + 6:
        return None
    kind = below[0] * (1 + over)
    if kind not in seen:
        seen.append(kind)
    return title, seen.index(kind)


def _level(lines: Sequence[str]) -> int:
    """The level of a paragraph that may be a numbered heading or one in capitals; -1 for any other."""
    title = lines[0].strip()
    if len(lines) > 1 or len(title) > LONGEST_HEADING or title.endswith((".", ",", ";", ":", "?", "!")):
        return -1
    if decimal := DECIMAL.fullmatch(title):
        return decimal[1].count(".")
    letters = [character for character in title if character.isalpha()]
    capitals = len(letters) >= 4 and title.isupper() and 2 * len(letters) > len(title)
    return 0 if capitals or NUMBERED.fullmatch(title) else -1


def _is_one_of_a_list(paragraphs: Sequence[tuple[int, list[str]]], at: int) -> bool:
    """Whether a numbered line stands next to another of its level: the items of a list, or a table of contents."""
    lines = paragraphs[at][1]
    if not DECIMAL.fullmatch(lines[0].strip()):
        return False
    around = [paragraphs[i][1] for i in (at - 1, at + 1) if 0 <= i < len(paragraphs)]
    return any(DECIMAL.fullmatch(other[0].strip()) and _level(other) == _level(lines) for other in around)


def _flowing(lines: Sequence[str]) -> str:
    """A paragraph's lines joined where they were broken by their width alone, else as they stand."""
    set_by_hand = any(LISTED.match(line) or re.search(r"\S {2,}(?![A-Z(\"'])\S|^\s", line) for line in lines[1:])
    if set_by_hand or re.match(r"\s", lines[0]) or LISTED.match(lines[0]) or any(len(li) < WRAPPED_FROM for li in lines[:-1]):
        return "\n".join(lines)
    return " ".join(line.strip() for line in lines)
