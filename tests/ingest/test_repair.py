"""Damaged font maps are mended from the glyph names; right ones are left alone."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pikepdf
import pytest

from ingest.pdf import read_pdf
from ingest.repair import repair, text_of_glyph

CMAP = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def /CMapType 2 def
1 begincodespacerange <00><FF> endcodespacerange
%d beginbfrange
%s
endbfrange
endcmap CMapName currentdict /CMap defineresource pop end end"""

Font = tuple[Sequence[str], Sequence[str] | None]
"""Glyph names of the codes from 33 on, and the hexadecimal codes that /ToUnicode gives them (None: no map at all)."""


def make(file: Path, fonts: Sequence[Font], shown: Sequence[tuple[int, bytes]]) -> Path:
    """A PDF of one page; `shown` are (font, codes) in order, each on a line of its own."""
    with pikepdf.new() as pdf:
        made = pikepdf.Dictionary()
        for number, (names, to_unicode) in enumerate(fonts):
            font = pikepdf.Dictionary(
                Type=pikepdf.Name.Font,
                Subtype=pikepdf.Name.Type1,
                BaseFont=pikepdf.Name("/ABCDEF+Charter-Roman"),
                FirstChar=33,
                LastChar=32 + len(names),
                Widths=[600] * len(names),
                Encoding=pikepdf.Dictionary(
                    Type=pikepdf.Name.Encoding, Differences=[33, *(pikepdf.Name(f"/{name}") for name in names)]
                ),
            )
            if to_unicode is not None:
                rows = b"\n".join(b"<%02x><%02x><%s>" % (33 + i, 33 + i, to.encode()) for i, to in enumerate(to_unicode))
                font.ToUnicode = pdf.make_stream(CMAP % (len(to_unicode), rows))
            made[f"/F{number}"] = pdf.make_indirect(font)
        lines = b" ".join(b"/F%d 12 Tf 0 -60 Td <%s> Tj" % (number, codes.hex().encode()) for number, codes in shown)
        page = pdf.add_blank_page(page_size=(612, 792))
        page.Resources = pikepdf.Dictionary(Font=made)
        page.Contents = pdf.make_stream(b"BT 1 0 0 1 72 720 Tm " + lines + b" ET")
        pdf.save(file)
    return file


def text(file: Path) -> list[str]:
    return [line.text for page in read_pdf(file).pages for line in page.lines]


DAMAGED: Font = (
    ["d", "i", "ff", "e.sc", "one.Alt.oldstyle", "ffi", "minus"],
    ["0064", "0069", "0000", "0000", "ffff", "FFFF", "0000"],
)
ASTRAY: Font = (
    ["infinity", "element", "union", "arrowright", "ceilingleft", "summationdisplay", "x"],
    ["0031", "0032", "005b", "0021", "0064", "0058", "0079"],
)


def test_lost_letters_and_digits_come_back_from_their_glyphs_names(tmp_path: Path) -> None:
    file = make(tmp_path / "book.pdf", [DAMAGED], [(0, b"!\"#$%&'")])
    assert text(file) == ["diffe1ffi\N{MINUS SIGN}"]
    document = read_pdf(file)
    assert document.repaired_fonts == ("Charter-Roman",)
    # Where a map says U+FFFF, the reader goes by the names of well-known glyphs itself.
    assert document.repaired_characters == len("ffe\N{MINUS SIGN}")


def test_symbols_that_come_out_wrong_but_plausible_are_mended_in_a_file_whose_writer_is_found_out(tmp_path: Path) -> None:
    file = make(tmp_path / "book.pdf", [DAMAGED, ASTRAY], [(0, b'!"#'), (1, b'!"#$%&')])
    assert text(file) == ["diff", "∞∈∪→⌈∑"]


def test_one_letter_under_anothers_name_is_a_coding_of_the_fonts_own_and_stays(tmp_path: Path) -> None:
    file = make(tmp_path / "book.pdf", [DAMAGED, ASTRAY], [(0, b'!"#'), (1, b"'")])
    assert " ".join(text(file)) == "diff y"


@pytest.mark.parametrize(
    "fonts",
    [
        [(["a", "b", "ff", "minus"], ["0061", "0062", "fb00", "2212"])],  # right
        [(["a", "b", "Delta", "minus"], ["0061", "0062", "0394", "002d"])],  # right in another way
        [(["g1", "g2", "g3", "g4"], ["0000", "ffff", "0061", "0062"])],  # lost, and the names do not tell
        [(["a", "b", "ff", "minus"], None)],  # no map: the reader goes by the names itself
    ],
)
def test_a_file_without_a_font_that_can_be_mended_is_left_alone(tmp_path: Path, fonts: list[Font]) -> None:
    file = make(tmp_path / "book.pdf", fonts, [(0, b'!"#$')])
    assert repair(file.read_bytes()) is None
    assert read_pdf(file).repaired_fonts == ()


def test_only_the_maps_differ_in_the_mended_file(tmp_path: Path) -> None:
    healthy: Font = (["a", "b"], ["0061", "0062"])
    file = make(tmp_path / "book.pdf", [DAMAGED, healthy], [(0, b'!"#'), (1, b'!"')])
    repaired = repair(file.read_bytes())
    assert repaired is not None
    with pikepdf.open(file) as before, pikepdf.open(io.BytesIO(repaired.data)) as after:
        for page, mended in zip(before.pages, after.pages, strict=True):
            assert page.Contents.read_bytes() == mended.Contents.read_bytes()
            for name, font in page.Resources.Font.items():
                same = mended.Resources.Font[name].ToUnicode.read_bytes() == font.ToUnicode.read_bytes()
                assert same == (name == "/F1")
                assert mended.Resources.Font[name].Encoding.Differences == font.Encoding.Differences
    assert text(file) == ["diff", "ab"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("f_f_i", "\N{LATIN SMALL LIGATURE FFI}"),
        ("uniFB02", "\N{LATIN SMALL LIGATURE FL}"),
        ("A.c2sc", "A"),
        ("eight.oldstyle", "8"),
        ("parenleftbig6", "("),
        ("radicalBigg", "√"),
        ("summationtext", "∑"),
        ("logicalordisplay", "∨"),
        ("floorright", "⌋"),
        ("Rbbb", "R"),
        ("lscript", "ℓ"),
        ("g12", ""),
        ("C0042", ""),
        ("", ""),
        (".notdef", ""),
    ],
)
def test_glyph_names_say_what_is_printed(name: str, meant: str) -> None:
    assert text_of_glyph(name) == meant


def test_names_that_only_their_font_explains() -> None:
    assert text_of_glyph("a110", "ABCDEF+Dingbats") == "♥"
    assert text_of_glyph("c251", "ABCDEF+CharterBT-SmallCap") == "a"
    assert text_of_glyph("c270", "ABCDEF+CharterBT-SmallCap") == "t"


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"%PDF-1.7\ntrailer << /Root 9 0 R >>\n%%EOF"])
def test_a_file_that_cannot_be_parsed_for_mending_raises_only_what_its_reader_expects(data: bytes) -> None:
    with pytest.raises(pikepdf.PdfError):
        repair(data)
