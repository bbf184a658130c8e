"""The objects that a PDF page is painted from (texts, paths, pictures), with their place. Runs in the child process."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

MOST_FORMS = 20  # one in another
SCANNED_SHARE = 0.6  # of the page that pictures cover

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in points."""
Matrix = tuple[float, float, float, float, float, float]


class Calls:
    """Calls made for every character or object, without the conversions of `pypdfium2.raw`: half of what they cost."""

    def __init__(self, raw: Any) -> None:
        def call(function: Any, *arguments: Any, result: Any = ctypes.c_int) -> Callable[..., Any]:
            return ctypes.CFUNCTYPE(result, *arguments)(ctypes.cast(function, ctypes.c_void_p).value or 0)

        handle, number = ctypes.c_void_p, ctypes.c_int
        self.numbers, self.sides = (ctypes.c_uint * 4)(), (ctypes.c_float * 4)()
        self.to_numbers = [ctypes.addressof(self.numbers) + 4 * i for i in range(4)]
        self.to_sides = [ctypes.addressof(self.sides) + 4 * i for i in range(4)]
        self.unicode = call(raw.FPDFText_GetUnicode, handle, number, result=ctypes.c_uint)
        self.origin = call(raw.FPDFText_GetCharOrigin, handle, number, handle, handle)
        self.object_of_page = call(raw.FPDFPage_GetObject, handle, number, result=handle)
        self.object_of_form = call(raw.FPDFFormObj_GetObject, handle, number, result=handle)
        self.object_of_character = call(raw.FPDFText_GetTextObject, handle, number, result=handle)
        self.type = call(raw.FPDFPageObj_GetType, handle)
        self.mode = call(raw.FPDFTextObj_GetTextRenderMode, handle)
        self.bounds = call(raw.FPDFPageObj_GetBounds, handle, *[handle] * 4)
        self.fill = call(raw.FPDFPageObj_GetFillColor, handle, *[handle] * 4)
        self.stroke = call(raw.FPDFPageObj_GetStrokeColor, handle, *[handle] * 4)


calls = cache(Calls)


def objects(page: Any, raw: Any) -> Iterator[tuple[int, int, Matrix | None]]:
    """The page's objects in the order they are painted: address, text mode (-1: not a text), matrix of the form around it."""
    call = calls(raw)
    handle = ctypes.cast(page.raw, ctypes.c_void_p)
    for number in range(raw.FPDFPage_CountObjects(page.raw)):
        item = call.object_of_page(handle, number)
        mode = call.mode(item)
        if mode < 0 and call.type(item) == raw.FPDF_PAGEOBJ_FORM:
            yield from _inside(item, None, raw, 0)
        else:
            yield item, mode, None


def _inside(form: int, outer: Matrix | None, raw: Any, depth: int) -> Iterator[tuple[int, int, Matrix | None]]:
    call = calls(raw)
    own, handle = raw.FS_MATRIX(), ctypes.cast(form, raw.FPDF_PAGEOBJECT)
    raw.FPDFPageObj_GetMatrix(handle, own)
    matrix = (own.a, own.b, own.c, own.d, own.e, own.f)
    if outer:
        a, b, c, d, e, f = outer
        p, q, r, s, t, u = matrix
        matrix = (p * a + q * c, p * b + q * d, r * a + s * c, r * b + s * d, t * a + u * c + e, t * b + u * d + f)
    for number in range(raw.FPDFFormObj_CountObjects(handle)):
        item = call.object_of_form(form, number)
        mode = call.mode(item)
        if mode < 0 and depth < MOST_FORMS and call.type(item) == raw.FPDF_PAGEOBJ_FORM:
            yield from _inside(item, matrix, raw, depth + 1)
        else:
            yield item, mode, matrix


def page_box(page: Any, raw: Any) -> Box:
    """The part of the page that is shown (its crop box), in the coordinates that its text has."""
    box = raw.FS_RECTF()
    raw.FPDF_GetPageBoundingBox(page.raw, box)
    return box.left, box.bottom, box.right, box.top


def placed(box: Box, matrix: Matrix) -> Box:
    """Where a box in a form stands on the page."""
    left, bottom, right, top = box
    a, b, c, d, e, f = matrix
    corners = [(a * x + c * y + e, b * x + d * y + f) for x in (left, right) for y in (bottom, top)]
    return min(x for x, _ in corners), min(y for _, y in corners), max(x for x, _ in corners), max(y for _, y in corners)


def is_scanned(page: Any, raw: Any) -> bool:
    """Whether pictures cover most of the page."""
    call = calls(raw)
    left, bottom, right, top = page_box(page, raw)
    covered = 0.0
    for item, mode, matrix in objects(page, raw):
        if mode < 0 and call.type(item) == raw.FPDF_PAGEOBJ_IMAGE:
            call.bounds(item, *call.to_sides)
            x0, y0, x1, y1 = tuple(call.sides)
            if matrix:
                x0, y0, x1, y1 = placed((x0, y0, x1, y1), matrix)
            covered += max(0.0, min(x1, right) - max(x0, left)) * max(0.0, min(y1, top) - max(y0, bottom))
    return covered >= SCANNED_SHARE * (right - left) * (top - bottom)
