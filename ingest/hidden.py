"""Text that a page's reader cannot see: unpainted, in the colour behind it, covered, transparent, tiny or off the page.

Such text is how instructions and keywords are smuggled into the answers of a program that reads the file. Runs in the
child process. One pass over a page's objects finds the text that may be hidden, on most pages none; those pages are drawn
with it and without it, and what makes no difference to the eye is hidden. Two things look alike and are not hidden: light
text on something dark, and the unpainted text that a text recogniser lays over the picture of the same words.

Not told apart: unpainted text over a picture of something else, and text in a layer that is switched off.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ingest.page_objects import Box, Matrix, calls, is_scanned, objects, page_box, placed

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
DRIFT = 0.25  # of the page's width
PIXELS_A_POINT = 1.0
MOST_PIXELS = 2000  # a side
MOST_AREAS, MOST_PAIRS = 20_000, 100_000  # filled areas, and with texts; beyond, all text is judged by drawing the page

Color = tuple[int, int, int]


@dataclass(slots=True)
class Text:
    """A text object of a page: its address, bounds, colour and the reasons (flags) for which it may be hidden."""

    item: int
    box: Box
    color: Color
    reasons: int


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
            if colored and high_x - low_x > 4 and high_y - low_y > 4 and len(areas) < MOST_AREAS:
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
    if len(areas) >= MOST_AREAS or len(areas) * len(texts) > MOST_PAIRS:
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
        if text.reasons & FAINT and text.item not in characters:
            doubtful.append((text, text.box))
        boxes = [_box(handle, i, raw) for i in members if raw.FPDFText_GetUnicode(handle, i) not in BLANK]
        if boxes and text.reasons & (FAINT | UNPAINTED):
            lefts, bottoms, rights, tops = zip(*boxes, strict=True)
            doubtful.append((text, (min(lefts), min(bottoms), max(rights), max(tops))))
    not_shown = _not_shown(page, raw, texts, doubtful) if doubtful else []
    # A text painted twice in one place comes out once, perhaps as the copy that is not seen.
    unseen = {text.item for text, _ in not_shown}
    twins = [text.box for text in texts if not_shown and text.item not in characters and text.item not in unseen]
    for text, box in not_shown:
        if not any(_same_place(box, twin) for twin in twins):
            hidden.update(characters.get(text.item, ()))
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
    unpainted = [text for text, _ in doubtful if text.reasons & UNPAINTED]
    with_text: Any = _drawn(page, raw, ()) if painted else None
    without_text: Any = _drawn(page, raw, painted) if painted else None
    pictures = _drawn(page, raw, texts) if unpainted else None
    # Recognised words may stand beside their picture, drifting along the line.
    scanned = bool(unpainted) and is_scanned(page, raw)
    across = DRIFT * page.get_width()
    not_shown = []
    for text, place_of_text in doubtful:
        box = place_of_text
        image: Any = pictures if text.reasons & UNPAINTED else with_text
        if text.reasons & UNPAINTED and scanned:
            box = (box[0] - across, box[1], box[2] + across, box[3])
        place = _pixels(page, raw, box, image.size)
        seen = False
        if place and text.reasons & UNPAINTED:
            seen = _contrast(image.crop(place)) >= PICTURED
        elif place:
            seen = _greatest(ImageChops.difference(image.crop(place), without_text.crop(place))) >= SHOWS
        if not seen:
            not_shown.append((text, place_of_text))
    return not_shown


def _contrast(image: Any) -> int:
    return max(high - low for low, high in image.getextrema())


def _greatest(image: Any) -> int:
    return max(high for _, high in image.getextrema())


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
