"""Text that a page's reader cannot see: unpainted, in the colour behind it, covered, transparent, tiny or off the page.

Such text is how instructions and keywords are smuggled into the answers of a program that reads the file. Runs in the
child process. One pass over a page's objects finds the text that may be hidden, on most pages none; those pages are drawn
with it and without it, and what makes no difference to the eye is hidden. Two things look alike and are not hidden: light
text on something dark, and the unpainted text that a text recogniser lays over the picture of the same words.

Not told apart: unpainted text over a picture of something else, and text in a layer that is switched off.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

OUTSIDE, TINY, FAINT, UNPAINTED = 1, 2, 4, 8  # reasons to doubt a text
UNSEEN_MODES = {3, 7}  # text rendering modes: neither filled nor stroked
STROKED_MODES = {1, 5}
BLACK = (0, 0, 0, 255)
BLANK = {0, 10, 13, 32, 160}
TINIEST = 1.0  # points, on a page of letter size
NEARLY_WHITE = 225
NEARLY_TRANSPARENT = 26
ALIKE = 24  # of 255: colours nearer than this are one to the eye
SHOWS = 16  # of 255: a text that changes the drawn page by less is not seen
PICTURED = 48  # of 255: the contrast that a picture of words has at least
PIXELS_A_POINT = 1.0
MOST_PIXELS = 2000  # a side
MOST_FORMS = 20  # one in another
MOST_PAIRS = 100_000  # of text and area; beyond, all text of the page is judged by drawing it

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in points."""
Matrix = tuple[float, float, float, float, float, float]
Color = tuple[int, int, int]


@dataclass(slots=True)
class Text:
    """A text object of a page: its address, bounds, colour and the reasons (flags) for which it may be hidden."""

    item: int
    box: Box
    color: Color
    reasons: int


class Calls:
    """Calls made for each object of each page, without the conversions of `pypdfium2.raw`: half of what they cost."""

    def __init__(self, raw: Any) -> None:
        def call(function: Any, *arguments: Any, result: Any = ctypes.c_int) -> Callable[..., Any]:
            return ctypes.CFUNCTYPE(result, *arguments)(ctypes.cast(function, ctypes.c_void_p).value or 0)

        handle, number = ctypes.c_void_p, ctypes.c_int
        self.numbers, self.sides = (ctypes.c_uint * 4)(), (ctypes.c_float * 4)()
        self.to_numbers = [ctypes.addressof(self.numbers) + 4 * i for i in range(4)]
        self.to_sides = [ctypes.addressof(self.sides) + 4 * i for i in range(4)]
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


def look(page: Any, raw: Any) -> list[Text]:
    """The page's texts, with the reasons for which they may be hidden. Nothing is drawn yet."""
    left, bottom, right, top = page_box(page, raw)
    tiniest = TINIEST * min(1.0, max(right - left, top - bottom) / 792)  # a page in larger units (/UserUnit) is smaller
    call = calls(raw)
    bounds, fill, numbers, sides = call.bounds, call.fill, call.numbers, call.sides
    to_sides, to_numbers = call.to_sides, call.to_numbers
    filled, stroked = ctypes.c_int(), ctypes.c_int()
    texts: list[Text] = []
    areas: list[tuple[int, Box, Color]] = []
    for item, mode, matrix in objects(page, raw):
        if mode < 0:
            path = ctypes.cast(item, raw.FPDF_PAGEOBJECT)
            if not raw.FPDFPath_GetDrawMode(path, filled, stroked) or not filled.value:
                continue  # neither a text nor a filled path
        bounds(item, *to_sides)
        low_x, low_y, high_x, high_y = box = placed(tuple(sides), matrix) if matrix else tuple(sides)
        colored = (call.stroke if mode in STROKED_MODES else fill)(item, *to_numbers)
        red, green, blue, alpha = numbers if colored else BLACK
        color = (red, green, blue)
        if mode < 0:
            if colored and high_x - low_x > 4 and high_y - low_y > 4:
                areas.append((len(texts), box, color))
            continue
        reasons = UNPAINTED if mode in UNSEEN_MODES or alpha == 0 else 0
        if (red >= NEARLY_WHITE and green >= NEARLY_WHITE and blue >= NEARLY_WHITE) or alpha < NEARLY_TRANSPARENT:
            reasons |= FAINT
        if low_x < left or low_y < bottom or high_x > right or high_y > top:
            reasons |= OUTSIDE
        flat = high_x - low_x < 1.5 * tiniest or high_y - low_y < 1.5 * tiniest
        if flat and _size(item, matrix, raw) < tiniest:
            reasons |= TINY
        texts.append(Text(item, box, color, reasons))
    _suspect_what_lies_in(areas, texts)
    return texts


def _size(item: int, matrix: Matrix | None, raw: Any) -> float:
    """The size of a text's font on the page."""
    size, own = ctypes.c_float(), raw.FS_MATRIX()
    handle = ctypes.cast(item, raw.FPDF_PAGEOBJECT)
    raw.FPDFTextObj_GetFontSize(handle, size)
    raw.FPDFPageObj_GetMatrix(handle, own)
    scale = abs(own.a * own.d - own.b * own.c)
    if matrix:
        scale *= abs(matrix[0] * matrix[3] - matrix[1] * matrix[2])
    return abs(size.value) * float(scale) ** 0.5


def _suspect_what_lies_in(areas: list[tuple[int, Box, Color]], texts: list[Text]) -> None:
    """Text inside a filled area may be hidden where that is painted after it or has its colour."""
    if len(areas) * len(texts) > MOST_PAIRS:
        for text in texts:
            text.reasons |= FAINT
        return
    colors = {text.color for text in texts}
    for before, (left, bottom, right, top), color in areas:
        alike = {other for other in colors if max(abs(a - b) for a, b in zip(color, other, strict=True)) < ALIKE}
        after = [text for text in texts[before:] if text.color in alike] if alike else []
        for text in texts[:before] + after:
            box = text.box
            if left <= (box[0] + box[2]) / 2 <= right and bottom <= (box[1] + box[3]) / 2 <= top:
                text.reasons |= FAINT


def hidden_characters(page: Any, textpage: Any, raw: Any) -> frozenset[int]:
    """The indices of the text page's characters that a reader of the page does not see."""
    texts = look(page, raw)
    if not any(text.reasons for text in texts):
        return frozenset()
    handle = textpage.raw
    count = raw.FPDFText_CountChars(handle)
    characters: dict[int, list[int]] = {}
    object_of, address = calls(raw).object_of_character, ctypes.cast(handle, ctypes.c_void_p)
    for i in range(count):
        if item := object_of(address, i):
            characters.setdefault(item, []).append(i)
    shown = page_box(page, raw)
    hidden: set[int] = set()
    doubtful: list[tuple[Text, Box]] = []
    for text in texts:
        members = characters.get(text.item, []) if text.reasons else []
        if text.reasons & TINY:
            hidden.update(members)
            continue
        if text.reasons & OUTSIDE:
            hidden.update(i for i in members if not _within(_origin(handle, i, raw), shown))
        boxes = [_box(handle, i, raw) for i in members if raw.FPDFText_GetUnicode(handle, i) not in BLANK]
        if boxes and text.reasons & (FAINT | UNPAINTED):
            lefts, bottoms, rights, tops = zip(*boxes, strict=True)
            doubtful.append((text, (min(lefts), min(bottoms), max(rights), max(tops))))
    # A text painted twice in one place comes out once, perhaps as the copy that is not seen.
    twins = [text.box for text in texts if doubtful and not text.reasons and text.item not in characters]
    for text, box in _not_shown(page, raw, texts, doubtful) if doubtful else ():
        if not any(_same_place(box, twin) for twin in twins):
            hidden.update(characters[text.item])
    for i in range(1, count):  # the spaces that pdfium adds belong to no text
        if i - 1 in hidden and raw.FPDFText_GetUnicode(handle, i) == 32 and raw.FPDFText_IsGenerated(handle, i) == 1:
            hidden.add(i)
    return frozenset(hidden)


def _origin(handle: Any, i: int, raw: Any) -> tuple[float, float]:
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(handle, i, x, y)
    return x.value, y.value


def _box(handle: Any, i: int, raw: Any) -> Box:
    box = raw.FS_RECTF()
    raw.FPDFText_GetLooseCharBox(handle, i, box)
    return box.left, box.bottom, box.right, box.top


def _within(place: tuple[float, float], box: Box) -> bool:
    return box[0] <= place[0] <= box[2] and box[1] <= place[1] <= box[3]


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _same_place(one: Box, other: Box) -> bool:
    return max(abs(a - b) for a, b in zip(_middle(one), _middle(other), strict=True)) < (one[3] - one[1]) / 2


def _not_shown(page: Any, raw: Any, texts: list[Text], doubtful: list[tuple[Text, Box]]) -> list[tuple[Text, Box]]:
    """Those of the doubtful texts that the drawn page does not show."""
    from PIL import ImageChops

    painted = [text for text, _ in doubtful if not text.reasons & UNPAINTED]
    with_text, without_text = (_drawn(page, raw, but) if painted else None for but in ((), painted))
    pictures = _drawn(page, raw, texts) if len(painted) < len(doubtful) else None
    not_shown = []
    for text, box in doubtful:
        image = pictures if text.reasons & UNPAINTED else with_text
        place = _pixels(page, raw, box, image.size)
        if place is None:
            seen = False
        elif text.reasons & UNPAINTED:
            seen = max(high - low for low, high in image.crop(place).getextrema()) >= PICTURED
        else:
            change = ImageChops.difference(image.crop(place), without_text.crop(place))
            seen = max(high for _, high in change.getextrema()) >= SHOWS
        if not seen:
            not_shown.append((text, box))
    return not_shown


def _drawn(page: Any, raw: Any, without: Iterable[Text]) -> Any:
    width, height = page.get_size()
    for text in without:
        raw.FPDFPageObj_SetIsActive(ctypes.cast(text.item, raw.FPDF_PAGEOBJECT), False)
    try:
        scale = min(PIXELS_A_POINT, MOST_PIXELS / max(width, height, 1.0))
        return page.render(scale=scale, draw_annots=False, may_draw_forms=False).to_pil().convert("RGB")
    finally:
        for text in without:
            raw.FPDFPageObj_SetIsActive(ctypes.cast(text.item, raw.FPDF_PAGEOBJECT), True)


def _pixels(page: Any, raw: Any, box: Box, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """A box in the drawn page's pixels (left, upper, right, lower); None where it lies outside."""
    x, y = ctypes.c_int(), ctypes.c_int()
    corners = []
    for across, up in ((box[0], box[1]), (box[2], box[3])):
        raw.FPDF_PageToDevice(page.raw, 0, 0, *size, 0, across, up, x, y)
        corners.append((x.value, y.value))
    (x0, y0), (x1, y1) = corners
    left, right = max(0, min(x0, x1)), min(size[0], max(x0, x1) + 1)
    upper, lower = max(0, min(y0, y1)), min(size[1], max(y0, y1) + 1)
    return (left, upper, right, lower) if left < right and upper < lower else None
