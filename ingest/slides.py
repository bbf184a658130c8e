"""PPTX to headings and pieces of text: each slide under its title, what it shows from top to bottom, and its notes.

Hidden slides and shapes are not read and counted; footers, dates and slide numbers are not read.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree
from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.oxml.ns import qn

from ingest.blocks import Block, Cell, Reading, item, spaced, table
from ingest.maths import office_math, raised
from ingest.office import MATHS, one_alternative

RUNNING = {PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.HEADER}
DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
SAME_ROW = 274_320  # 0.3 inch, in the file's unit: shapes whose tops differ by less stand beside each other


def read(data: bytes) -> Reading:
    """A presentation's slides. The title is the file's own, else the first slide's."""
    presentation = Presentation(io.BytesIO(data))
    reader = _Reader()
    blocks: list[Block] = []
    slides = list(presentation.slides)
    for number, slide in enumerate(slides, 1):
        if slide.element.get("show") in ("0", "false"):
            reader.hidden += 1
            continue
        one_alternative(slide.element)
        title = slide.shapes.title
        heading = " ".join(_text(title.text_frame).split()) if title is not None else ""
        blocks.append(Block(heading, 0, number))
        others = [shape for shape in slide.shapes if title is None or shape.shape_id != title.shape_id]
        blocks += [Block(text, page=number) for text in reader.texts(others)]
        if slide.has_notes_slide and (frame := slide.notes_slide.notes_text_frame) is not None:
            notes = _text(frame)
            blocks += [Block(f"Notes: {notes}", page=number)] if notes.strip() else []
    first = next((block.text for block in blocks if block.text and block.level == 0), "")
    return Reading((presentation.core_properties.title or "").strip() or first, blocks, len(slides), reader.hidden)


@dataclass
class _Reader:
    hidden: int = 0

    def texts(self, shapes: Iterable[Any]) -> Iterator[str]:
        for shape in _from_top_to_bottom(shapes):
            settings = shape.element.xpath(".//p:cNvPr")[0]
            if settings.get("hidden") in ("1", "true"):
                self.hidden += 1
            elif shape.is_placeholder and shape.placeholder_format.type in RUNNING:
                continue
            elif hasattr(shape, "shapes"):
                yield from self.texts(shape.shapes)
            elif getattr(shape, "has_table", False):
                yield table(map(_cells, shape.table.rows))
            elif getattr(shape, "has_chart", False) and shape.chart.has_title:
                yield _text(shape.chart.chart_title.text_frame)
            elif shape.has_text_frame and shape.text_frame.text.strip():
                yield _text(shape.text_frame)
            elif shape.element.tag == qn("p:graphicFrame"):
                yield from _diagram(shape)
            if settings.get("descr", "").strip():
                yield settings.get("descr")


def _from_top_to_bottom(shapes: Iterable[Any]) -> list[Any]:
    """In rows, each from left to right."""
    rows: list[list[Any]] = []
    for shape in sorted(shapes, key=lambda shape: shape.top or 0):
        if rows and (shape.top or 0) - (rows[-1][0].top or 0) < SAME_ROW:
            rows[-1].append(shape)
        else:
            rows.append([shape])
    return [shape for row in rows for shape in sorted(row, key=lambda shape: shape.left or 0)]


def _text(frame: Any) -> str:
    """A paragraph a line, indented by its level."""
    lines = []
    for paragraph in frame.paragraphs:
        text = spaced("".join(_inline(paragraph._p)))
        if text:
            lines.append("  " * paragraph.level + text.replace("\n", "\n" + "  " * paragraph.level))
    return "\n".join(lines)


def _inline(element: Any) -> Iterator[str]:
    for child in element:
        if child.tag == MATHS:
            yield office_math(child)
        elif child.tag == qn("a:t"):
            text = (child.text or "").replace("\v", "\n")
            settings = element.find(qn("a:rPr"))
            up = settings is not None and settings.get("baseline", "0").isdigit() and int(settings.get("baseline", "0")) > 0
            yield raised(text) if up else text
        elif child.tag == qn("a:br"):
            yield "\n"
        elif isinstance(child.tag, str):
            yield from _inline(child)


def _cells(row: Any) -> Iterator[Cell]:
    for cell in row.cells:
        if not cell.is_spanned:
            origin = cell.is_merge_origin
            yield Cell(_text(cell.text_frame), cell.span_width if origin else 1, cell.span_height if origin else 1)


def _diagram(frame: Any) -> Iterator[str]:
    """The texts of a SmartArt drawing, one a line."""
    for reference in frame.element.iter(f"{DIAGRAM}relIds"):
        part = frame.part.related_part(reference.get(qn("r:dm")))
        root = etree.fromstring(part.blob, etree.XMLParser(resolve_entities=False, no_network=True))
        lines = ["".join(_inline(paragraph)).strip() for paragraph in root.iter(qn("a:p"))]
        yield "\n".join(item("-", [line]) for line in lines if line)
