"""Text that a broken font map garbled, recovered from the glyph names.

A PDF's text comes out by each font's /ToUnicode map. Some writers (macOS Quartz among them, printing LaTeX) write maps
that lead nowhere (U+0000, U+FFFF: "di?erent", "Lemma ?.?") or astray (infinity as "1", element-of as "2"), while the
names of the glyphs in /Encoding /Differences are right: /ffi, /one.oldstyle, /e.sc, /infinity. Here such fonts are
found and given maps made from those names. A font whose map is right is not touched.
"""

from __future__ import annotations

import io
import logging
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fontTools import agl

# What leads nowhere.
NOWHERE = {"", "\0", "\ufffe", "\uffff", "\ufffd"}
# Where a glyph list and a map may differ and both be right: increment and Delta, minus and hyphen, the tilde's two names.
ALIKE = str.maketrans(
    {"\u2206": "\u0394", "\u2212": "-", "\u00ad": "-", "\u2010": "-", "\u2215": "/", "\u2219": "\u00b7", "\u2044": "/"}
)
LIGATURES = {"ff": "\ufb00", "fi": "\ufb01", "fl": "\ufb02", "ffi": "\ufb03", "ffl": "\ufb04"}
# A delimiter or operator in one of its sizes: parenleftbig6, summationdisplay, radicalBigg.
SIZED = re.compile(r"(.{4,}?)(?:(?:big|Big|bigg|Bigg)\d?|display|text|low|ex|mid|tp|bt|vertex)")
BITSTREAM_SMALL_CAPITAL = re.compile(r"c(25[1-9]|26\d|27[0-6])")
# Names of TeX's mathematical fonts that the Adobe Glyph List does not have.
TEX = {
    "arrownortheast": "↗", "arrownorthwest": "↖", "arrowsoutheast": "↘", "arrowsouthwest": "↙", "arrowbothv": "↕",
    "arrowdblbothv": "⇕", "shortrightarrow": "→", "shortleftarrow": "←", "squiggleright": "⇝", "harpoonleftup": "↼",
    "harpoonleftdown": "↽", "harpoonrightup": "⇀", "harpoonrightdown": "⇁", "mapsto": "↦", "mapstochar": "|", "bardbl": "‖",
    "vextendsingle": "|", "vextenddouble": "‖", "braceleft": "{", "braceright": "}", "bracketleft": "[",
    "bracketright": "]", "parenleft": "(", "parenright": ")", "angbracketleft": "⟨", "angbracketright": "⟩",
    "ceilingleft": "⌈", "ceilingright": "⌉", "floorleft": "⌊", "floorright": "⌋", "radical": "√", "slash": "/",
    "backslash": "\\", "summation": "∑", "product": "∏", "coproduct": "∐", "integral": "∫", "contintegral": "∮",
    "union": "∪", "intersection": "∩", "unionsq": "⊔", "intersectionsq": "⊓", "unionmulti": "⊎", "logicalor": "∨",
    "logicaland": "∧", "circleminus": "⊖", "circledivide": "⊘", "circledot": "⊙", "circlecopyrt": "◯", "diamondmath": "⋄",
    "star": "⋆", "similarequal": "≃", "equivasymptotic": "≍", "lessmuch": "≪", "greatermuch": "≫", "precedesequal": "≼",
    "followsequal": "≽", "follows": "≻", "owner": "∋", "subsetsqequal": "⊑", "supersetsqequal": "⊒", "subsetnoteql": "⊊",
    "supersetnoteql": "⊋", "turnstileleft": "⊢", "turnstileright": "⊣", "latticetop": "⊤", "wreathproduct": "≀",
    "negationslash": "\u0338", "lscript": "ℓ", "epsilon1": "ϵ", "theta1": "ϑ", "rho1": "ϱ", "sigma1": "ς", "phi1": "φ",
    "pi1": "ϖ", "flat": "♭", "natural": "♮", "sharp": "♯", "slurabove": "⌢", "slurbelow": "⌣", "visiblespace": "␣",
    "prime": "′", "dotlessi": "ı", "dotlessj": "ȷ", "square": "□", "squaresolid": "■", "lozengesolid": "◆",
    "maltesecross": "✠", "trianglesolid": "▲", "triangleinv": "▽", "triangledownsld": "▼", "triangleleftsld": "◀",
    "trianglerightsld": "▶", "vartriangleleft": "⊲", "vartriangleright": "⊳",
    # Pieces of a large brace lying on its side: drawn, not read.
    "bracehtipdownleft": " ", "bracehtipdownright": " ", "bracehtipupleft": " ", "bracehtipupright": " ", "bar": "|",
    "braceex": " ",
}  # fmt: skip


@dataclass(frozen=True)
class Repaired:
    """A PDF with mended maps, and the base names of the fonts that they belong to."""

    data: bytes
    fonts: tuple[str, ...]


def repair(data: bytes) -> Repaired | None:
    """The PDF with the maps of its damaged fonts rebuilt; None where no font is damaged.

    Fonts are simple ones with both /ToUnicode and glyph names. Raises PdfError for a file that cannot be parsed.
    """
    import pikepdf

    logging.getLogger("pikepdf").setLevel(logging.CRITICAL)
    with pikepdf.open(io.BytesIO(data), suppress_warnings=True) as pdf:
        maps = [(font, names, _map(font)) for font in _fonts(pdf) if (names := _names(font))]
        # A map that leads nowhere for a glyph whose name is known condemns the writer of the file; then a map that
        # contradicts descriptive names is not trusted either.
        if not any(found.get(code) in NOWHERE for _, names, found in maps for code in names):
            return None
        mended = []
        for font, names, found in maps:
            wrong = {code: text for code, text in names.items() if not _agree(text, found.get(code, ""))}
            if not wrong:
                continue
            kept = {code: text for code, text in found.items() if text not in NOWHERE}
            font["/ToUnicode"] = pdf.make_stream(_cmap({**kept, **wrong}))
            mended.append(re.sub(r"^[A-Z]{6}\+", "", str(font.get("/BaseFont", "/?"))[1:]))
        if not mended:
            return None
        out = io.BytesIO()
        pdf.save(out, compress_streams=False, fix_metadata_version=False)
        return Repaired(out.getvalue(), tuple(sorted(set(mended))))


def _fonts(pdf: Any) -> Iterator[Any]:
    """Every simple font of the file that has a /ToUnicode map."""
    import pikepdf

    for font in pdf.objects:
        if (
            isinstance(font, pikepdf.Dictionary)
            and font.get("/Type") == "/Font"
            and font.get("/Subtype") in ("/Type1", "/TrueType", "/MMType1")
            and isinstance(font.get("/ToUnicode"), pikepdf.Stream)
        ):
            yield font


def _names(font: Any) -> dict[int, str]:
    """What the glyph names in /Differences say each character code means; codes with unknown names are left out."""
    import pikepdf

    encoding = font.get("/Encoding")
    differences = encoding.get("/Differences") if isinstance(encoding, pikepdf.Dictionary) else None
    base = str(font.get("/BaseFont", ""))
    names: dict[int, str] = {}
    code = 0
    for item in differences if isinstance(differences, pikepdf.Array) else ():
        if isinstance(item, int | Decimal):
            code = int(item)
        else:
            text = text_of_glyph(str(item)[1:], base)
            if text and 0 <= code < 256:
                names[code] = text
            code += 1
    return names


def text_of_glyph(name: str, base_font: str = "") -> str:
    """The characters that a glyph name stands for; empty where the name says nothing ("g12")."""
    stem = name.partition(".")[0]
    if "SmallCap" in base_font and (small := BITSTREAM_SMALL_CAPITAL.fullmatch(stem)):
        return chr(ord("a") + int(small[1]) - 251)
    if stem in TEX:
        return TEX[stem]
    text: str = agl.toUnicode(name, isZapfDingbats="Dingbats" in base_font)
    if text and not any("\ue000" <= character <= "\uf8ff" for character in text):
        return LIGATURES.get(text, text)
    if re.fullmatch(r"[A-Z]bbb", stem):
        return stem[0]
    sized = SIZED.fullmatch(stem)
    if sized and sized[1] != stem:
        return text_of_glyph(sized[1], base_font)
    return ""


def _map(font: Any) -> dict[int, str]:
    """The font's /ToUnicode map for one-byte codes."""
    text = font["/ToUnicode"].read_bytes().decode("latin-1")
    found: dict[int, str] = {}
    for block in re.findall(r"beginbfchar(.*?)endbfchar", text, re.DOTALL):
        for code, to in re.findall(r"<\s*([0-9a-fA-F]{1,2})\s*>\s*<\s*([0-9a-fA-F\s]*)>", block):
            found[int(code, 16)] = _utf16(to)
    for block in re.findall(r"beginbfrange(.*?)endbfrange", text, re.DOTALL):
        one = r"<\s*([0-9a-fA-F]{1,2})\s*>\s*<\s*([0-9a-fA-F]{1,2})\s*>\s*(?:<\s*([0-9a-fA-F\s]*)>|\[(.*?)\])"
        for first, last, to, several in re.findall(one, block, re.DOTALL):
            codes = range(int(first, 16), int(last, 16) + 1)
            if several:
                found.update(zip(codes, map(_utf16, re.findall(r"<([0-9a-fA-F\s]*)>", several)), strict=False))
            elif start := _utf16(to):
                found.update({code: start[:-1] + _next(start[-1], code - codes[0]) for code in codes})
    return found


def _next(character: str, steps: int) -> str:
    return chr(min(ord(character) + steps, 0x10FFFF))


def _utf16(digits: str) -> str:
    digits = re.sub(r"\s", "", digits)
    return bytes.fromhex(digits.zfill(-(-len(digits) // 4) * 4)).decode("utf-16-be", errors="replace")


def _agree(named: str, mapped: str) -> bool:
    """Whether a map says what the name does. One letter against another is a font of its own coding, not damage."""
    if mapped in NOWHERE:
        return False
    one, other = (unicodedata.normalize("NFKC", text.translate(ALIKE)).translate(ALIKE).casefold() for text in (named, mapped))
    return one == other or (len(one) == 1 and one.isascii() and one.isalnum())


def _cmap(codes: dict[int, str]) -> bytes:
    rows = [f"<{code:02x}> <{text.encode('utf-16-be').hex()}>" for code, text in sorted(codes.items())]
    blocks = [rows[start : start + 100] for start in range(0, len(rows), 100)]
    body = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<00> <ff>\nendcodespacerange\n"
        f"{body}\nendcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    ).encode()
