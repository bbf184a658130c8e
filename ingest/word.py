"""DOCX to headings and pieces of text: headings by style, lists, tables, code, footnotes, text boxes, formulas.

Deleted text of tracked changes, comments, running heads and the table of contents are not read; hidden text is counted.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from docx import Document
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.ns import nsmap, qn
from docx.oxml.parser import parse_xml

from ingest.blocks import Block, Cell, Numbering, Reading, item, spaced, table
from ingest.maths import office_math, raised
from ingest.office import MATHS, one_alternative

HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
CODE_STYLE = re.compile(r"code|source|preformatted|verbatim|listing|macro", re.IGNORECASE)
CONTENTS_STYLE = re.compile(r"toc( |\d|$)|table of figures", re.IGNORECASE)
FIXED_PITCH = re.compile(r"courier|consolas|mono|menlo|lucida console|source code|fira code|typewriter", re.IGNORECASE)
LIST_STYLES = {"lowerLetter": "a", "upperLetter": "A", "bullet": "", "none": ""}
CONTAINERS = {
    qn(f"w:{name}") for name in ("sdtContent", "ins", "moveTo", "customXml", "smartTag", "hyperlink", "fldSimple", "dir")
}
DELETED = {qn("w:del"), qn("w:moveFrom")}
NOTES = {"footnote": RELATIONSHIP_TYPE.FOOTNOTES, "endnote": RELATIONSHIP_TYPE.ENDNOTES}
LOST = "\N{REPLACEMENT CHARACTER}"


def read(data: bytes) -> Reading:
    """A document's headings and text. The title is the file's own, else its first heading."""
    document = Document(io.BytesIO(data))
    body = document.element.body
    one_alternative(body)
    reader = _Reader(_styles(document), _numberings(document), _notes(document))
    reader.blocks_in(body)
    blocks = _joined(reader.found)
    first = next((block.text for block in blocks if block.level >= 0), "")
    return Reading((document.core_properties.title or "").strip() or first, blocks, hidden=reader.hidden)


@dataclass(frozen=True)
class _Style:
    """What a paragraph style says: `level` of a heading from 0, or -1; `listed` the number of its list, and depth."""

    level: int = -1
    code: bool = False
    contents: bool = False
    listed: tuple[str, int] | None = None


@dataclass(frozen=True)
class _Piece:
    """A block, and how it goes on from the one before: `kind` is "code", "list" or empty."""

    block: Block
    kind: str = ""


def _joined(pieces: list[_Piece]) -> list[Block]:
    """Neighbouring items of a list as one block, and neighbouring lines of code."""
    blocks: list[Block] = []
    before = ""
    for piece in pieces:
        if piece.kind and piece.kind == before:
            blocks[-1] = Block(f"{blocks[-1].text}\n{piece.block.text}")
        elif piece.block.text:
            blocks.append(piece.block)
        before = piece.kind
    return blocks


def _value(element: Any, path: str) -> str | None:
    """The w:val of the first element at `path`; None where there is none."""
    found = element.find(path, nsmap) if element is not None else None
    return None if found is None else found.get(qn("w:val"), "true")


def _is_on(value: str | None) -> bool:
    return value is not None and value not in ("0", "false", "off", "none")


def _number(value: str | None, otherwise: int) -> int:
    return int(value) if value and value.isdigit() else otherwise


def _list_of(properties: Any) -> tuple[str, int] | None:
    number = _value(properties, "w:numPr/w:numId")
    return (number, _number(_value(properties, "w:numPr/w:ilvl"), 0)) if number and number != "0" else None


def _styles(document: Any) -> dict[str, _Style]:
    """The paragraph styles by id, each with what it takes over from the one that it is based on."""
    elements = {style.get(qn("w:styleId")): style for style in document.styles.element.iterfind("w:style", nsmap)}

    def style(identity: str | None, based: int = 0) -> _Style:
        element = elements.get(identity)
        if element is None or based > 20:
            return _Style()
        above = style(_value(element, "w:basedOn"), based + 1)
        name = _value(element, "w:name") or ""
        heading = HEADING.fullmatch(name)
        level = int(heading[1]) if heading else 0 if name.lower() == "title" else above.level
        if not heading and (outline := _value(element, "w:pPr/w:outlineLvl")) is not None:
            level = _level(outline)
        listed = _list_of(element.find("w:pPr", nsmap)) or above.listed
        return _Style(level, above.code or bool(CODE_STYLE.search(name)), bool(CONTENTS_STYLE.match(name)), listed)

    return {identity: style(identity) for identity in elements}


def _level(outline: str) -> int:
    """Word counts headings from 0 and has 9 for none; here 0 is the title."""
    return int(outline) + 1 if outline.isdigit() and int(outline) < 9 else -1


def _numberings(document: Any) -> dict[tuple[str, int], tuple[str, int]]:
    """(list, depth) -> marker style as in `Numbering`, and first number."""
    try:
        root = document.part.part_related_by(RELATIONSHIP_TYPE.NUMBERING).element
    except KeyError:
        return {}
    abstract = {one.get(qn("w:abstractNumId")): one for one in root.iterfind("w:abstractNum", nsmap)}
    found = {}
    for number in root.iterfind("w:num", nsmap):
        definition = abstract.get(_value(number, "w:abstractNumId"))
        for level in definition.iterfind("w:lvl", nsmap) if definition is not None else ():
            style = LIST_STYLES.get(_value(level, "w:numFmt") or "", "1")
            at = number.get(qn("w:numId")), _number(level.get(qn("w:ilvl")), 0)
            found[at] = style, _number(_value(level, "w:start"), 1)
    return found


def _notes(document: Any) -> dict[tuple[str, str], Any]:
    """("footnote" or "endnote", id) -> its element."""
    found = {}
    for kind, relationship in NOTES.items():
        try:
            root = parse_xml(document.part.part_related_by(relationship).blob)
        except KeyError:
            continue
        one_alternative(root)
        found.update({(kind, note.get(qn("w:id"))): note for note in root.iterfind(f"w:{kind}", nsmap)})
    return found


@dataclass
class _Reader:
    """Walks the document once; `hidden` counts runs of hidden text."""

    styles: dict[str, _Style]
    numberings: dict[tuple[str, int], tuple[str, int]]
    notes: dict[tuple[str, str], Any]
    found: list[_Piece] = field(default_factory=list)
    hidden: int = 0
    lists: dict[str, Numbering] = field(default_factory=dict)
    beside: list[Any] = field(default_factory=list)  # notes and text boxes met in the paragraph that is being read

    def blocks_in(self, container: Any) -> None:
        for element in container:
            if element.tag == qn("w:p"):
                self.paragraph(element)
            elif element.tag == qn("w:tbl"):
                self.table(element)
            elif element.tag == qn("w:sdt"):
                gallery = _value(element, "w:sdtPr/w:docPartObj/w:docPartGallery")
                if gallery != "Table of Contents":
                    self.blocks_in(element)
            elif element.tag in CONTAINERS:
                self.blocks_in(element)

    def paragraph(self, element: Any) -> None:
        properties = element.find(qn("w:pPr"))
        style = self.styles.get(_value(properties, "w:pStyle") or "", _Style())
        outline = _value(properties, "w:outlineLvl")
        level = style.level if outline is None else _level(outline)
        if style.contents:
            return
        outer, self.beside = self.beside, []
        text = "".join(self.inline(element))
        listed = _list_of(properties) or (None if _value(properties, "w:numPr/w:numId") == "0" else style.listed)
        if not text.strip():
            self.found.append(_Piece(Block(""), ""))
        elif level >= 0:
            self.found.append(_Piece(Block(spaced(text), level)))
        elif style.code or self.is_fixed_pitch(element):
            self.found.append(_Piece(Block(text.expandtabs(4).rstrip()), "code"))
        elif listed:
            self.found.append(_Piece(Block(self.item(spaced(text), *listed)), "list"))
        else:
            self.found.append(_Piece(Block(spaced(text))))
        beside, self.beside = self.beside, outer
        for other in beside:
            if other.tag == qn("w:txbxContent"):
                self.blocks_in(other)
            else:
                self.found.append(_Piece(Block("Footnote: " + " ".join(self.texts_in(other)))))

    def item(self, text: str, number: str, depth: int) -> str:
        style, start = self.numberings.get((number, depth), ("", 1))
        marker = self.lists.setdefault(number, Numbering()).marker(depth, style, start)
        return "  " * depth + item(marker, [text]).replace("\n", "\n" + "  " * depth)

    def is_fixed_pitch(self, element: Any) -> bool:
        """Whether every run with text is set in a font for code."""
        runs = [run for run in element.iter(qn("w:r")) if run.find(qn("w:t")) is not None]
        fonts = [run.find("w:rPr/w:rFonts", nsmap) for run in runs]
        return bool(runs) and all(font is not None and FIXED_PITCH.search(font.get(qn("w:ascii"), "")) for font in fonts)

    def inline(self, element: Any) -> Iterator[str]:
        for child in element:
            tag = child.tag
            if tag == qn("w:r"):
                if _is_on(_value(child, "w:rPr/w:vanish")):
                    self.hidden += any((text.text or "").strip() for text in child.iter(qn("w:t")))
                else:
                    text = "".join(self.run(child))
                    yield raised(text) if _value(child, "w:rPr/w:vertAlign") == "superscript" else text
            elif tag == MATHS:
                yield office_math(child)
            elif tag not in DELETED and tag != qn("w:pPr"):
                yield from self.inline(child)

    def run(self, run: Any) -> Iterator[str]:
        for child in run:
            match child.tag.rpartition("}")[2]:
                case "t":
                    yield child.text or ""
                case "tab" | "ptab":
                    yield "\t"
                case "br" | "cr":
                    yield "\n"
                case "noBreakHyphen":
                    yield "-"
                case "sym":
                    yield LOST  # a place in a symbol font, which says nothing of what stands there
                case "footnoteReference" | "endnoteReference":
                    note = self.notes.get((child.tag.rpartition("}")[2][: -len("Reference")], child.get(qn("w:id"))))
                    if note is not None:
                        self.beside.append(note)
                case "drawing" | "pict" | "object":
                    self.beside += [box for box in child.iter(qn("w:txbxContent")) if self.is_outermost_box(box, child)]
                    yield " ".join(self.alternative_texts(child))

    def is_outermost_box(self, box: Any, drawing: Any) -> bool:
        for above in box.iterancestors():
            if above is drawing:
                return True
            if above.tag == qn("w:txbxContent"):
                return False
        return True

    def alternative_texts(self, drawing: Any) -> Iterator[str]:
        for element in drawing.iter(qn("wp:docPr")):
            yield element.get("descr", "").strip()

    def texts_in(self, container: Any) -> list[str]:
        outer, self.found = self.found, []
        self.blocks_in(container)
        texts, self.found = [piece.block.text for piece in self.found if piece.block.text], outer
        return texts

    def table(self, element: Any) -> None:
        """A row a line; but a table of one column, or with headings in it, only arranges the page and is read cell by cell."""
        rows = [row for row in self.rows_of(element) if row.find("w:trPr/w:del", nsmap) is None]
        cells = [[cell for cell in row.iter(qn("w:tc")) if self.table_of(cell) is element] for row in rows]
        paragraph_styles = {_value(paragraph, "w:pPr/w:pStyle") for paragraph in element.iter(qn("w:p"))}
        headed = any(self.styles.get(style or "", _Style()).level >= 0 for style in paragraph_styles)
        if headed or max(map(len, cells), default=0) < 2:
            for row in cells:
                for cell in row:
                    self.blocks_in(cell)
            return
        above: dict[int, str] = {}
        lines: list[list[Cell]] = []
        for row in cells:
            line: list[Cell] = []
            column = 0
            for cell in row:
                merged = cell.find("w:tcPr/w:vMerge", nsmap)
                goes_on = merged is not None and merged.get(qn("w:val")) != "restart"
                above[column] = above.get(column, "") if goes_on else " ".join(self.texts_in(cell))
                across = _number(_value(cell, "w:tcPr/w:gridSpan"), 1)
                line.append(Cell(above[column], across))
                column += across
            lines.append(line)
        self.found.append(_Piece(Block(table(lines))))

    def rows_of(self, element: Any) -> list[Any]:
        return [row for row in element.iter(qn("w:tr")) if self.table_of(row) is element]

    def table_of(self, element: Any) -> Any:
        return next(element.iterancestors(qn("w:tbl")), None)
