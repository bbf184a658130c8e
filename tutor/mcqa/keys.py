"""Which option a sheet's key names: by its letter, its number or its text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tutor.mcqa.sheet_columns import Columns
from tutor.mcqa.sheet_files import Row

LETTER = re.compile(r"\(?\s*(?:option\s+)?([A-Za-z])\s*[).:]?", re.IGNORECASE)
NUMBER = re.compile(r"\(?\s*(?:option\s+)?(\d{1,2})(?:\.0)?\s*[).:]?", re.IGNORECASE)
BOTH = re.compile(r"\(?([A-Za-z])[).:]\s*(.+)")
Wrong = tuple[str, str, str]
"""Column, what is wrong, remedy."""


class Keys:
    """Reads the keys of one sheet. All rows show whether they are letters, and whether numbers count from 0 or from 1."""

    def __init__(self, columns: Columns, rows: Sequence[Row]) -> None:
        self._columns = columns
        self._first = columns.counts_from if columns.counts_from in (0, 1) else self._counts_from(rows)
        cells = [(_plain(row.cells.get(columns.key)), row) for row in rows] if columns.key else []
        self._lettered = all(_named(cell, columns.options_of(row)) for cell, row in cells if cell)

    def key_of(self, row: Row, options: Sequence[str]) -> tuple[str | None, Wrong | None]:
        """The right option's letter, None where the row has no key, and what is wrong with it."""
        columns = self._columns
        cell = _plain(row.cells.get(columns.key)) if columns.key else ""
        said, wrong = self._read(cell, options) if cell else (None, None)
        index = _plain(row.cells.get(columns.index)) if columns.index else ""
        if wrong or not index:
            return said, wrong
        number = NUMBER.fullmatch(index)
        if not number or int(number[1]) >= len(options):
            return None, (columns.index, f"{index!r} is no option's number, counted from 0", "Mend it, or empty the cell.")
        letter = _letter(int(number[1]))
        if said and said != letter:
            return None, (columns.index, f"names {letter}, but column {columns.key!r} names {said}", "Make both agree.")
        return letter, None

    def _read(self, cell: str, options: Sequence[str]) -> tuple[str | None, Wrong | None]:
        column = self._columns.key
        same = [n for n, text in enumerate(options) if text.casefold() == cell.casefold()]
        letter = LETTER.fullmatch(cell)
        number = NUMBER.fullmatch(cell)
        named: int | None = ord(letter[1].upper()) - ord("A") if letter else None
        if number:
            if self._first is None and not same:
                return None, (column, f"{cell!r} counts from 0 or from 1, which the sheet does not show", "Write the letter.")
            named = int(number[1]) - self._first if self._first is not None else None
        if named is not None and not 0 <= named < len(options):
            named = None
        if same and named is not None and named not in same and not self._lettered:
            what = f"{cell!r} is option {_letter(same[0])}'s text and option {_letter(named)}'s name"
            return None, (column, what, "Write the letter." if number else "Write the option's number or another letter.")
        if named is not None:
            return _letter(named), None
        if len(same) > 1:
            return None, (column, f"{cell[:60]!r} is the text of two options", "Write the letter.")
        if same:
            return _letter(same[0]), None
        # "B) 2", where B is 2
        both = BOTH.fullmatch(cell)
        if both and both[2].strip().casefold() in [text.casefold() for text in options[ord(both[1].upper()) - ord("A") :][:1]]:
            return both[1].upper(), None
        what = f"{cell[:60]!r} is none of the {len(options)} options"
        return None, (column, what, f"Write a letter from A to {_letter(len(options) - 1)}, or the option's text.")

    def _counts_from(self, rows: Sequence[Row]) -> int | None:
        """0 where a key is 0, 1 where one is as large as there are options; None where no row shows it, or rows disagree."""
        shown = set()
        for row in rows:
            number = NUMBER.fullmatch(_plain(row.cells.get(self._columns.key))) if self._columns.key else None
            if number:
                options = self._columns.options_of(row)
                if int(number[1]) == 0:
                    shown.add(0)
                elif int(number[1]) == len(options):
                    shown.add(1)
        return shown.pop() if len(shown) == 1 else None


def _named(cell: str, options: Sequence[str]) -> bool:
    """Whether the cell is one of the options' letters."""
    letter = LETTER.fullmatch(cell)
    return letter is not None and ord(letter[1].upper()) - ord("A") < len(options)


def _plain(cell: object) -> str:
    return " ".join(str("" if cell is None else cell).split())


def _letter(number: int) -> str:
    return chr(ord("A") + number)
