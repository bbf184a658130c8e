"""The rows of a CSV, JSON Lines or Excel file, as they stand. Knows nothing of what their columns mean."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from index_store.errors import GradingError
from ingest.blocks import Refused
from ingest.office import check

MEGABYTES = 50  # of a file
UNPACKED_MEGABYTES = 500  # of an Excel file
MOST_ROWS, MOST_COLUMNS = 100_000, 200
TITLES = 10  # rows that may stand above the columns' names
DELIMITERS = ",;\t|"
# Cells that a spreadsheet was meant to compute: =B2, =CONCAT(A1;B1). "=x+1" is an option like any other.
FORMULA = re.compile(r"=\s*\$?[A-Z]{1,3}\$?\d+\b|=\s*[A-Z][A-Z.]+\(")
FAILED = re.compile(r"#(?:REF!|N/A|NAME\?|VALUE!|DIV/0!|NUM!|NULL!|GETTING_DATA)")
REFUSALS = {
    "encrypted": "is encrypted. Save it without a password",
    "old-office": "is of the Excel before 2007. Save it as .xlsx",
    "not-xlsx": "is no Excel file. Save it as .xlsx or as CSV",
    "too-much": f"unpacks to more than {UNPACKED_MEGABYTES} MB. Split it",
    "declares": "declares entities, which no spreadsheet does. Save it again from Excel",
    "corrupt": "is damaged. Export it again",
}


class Uncomputed(str):
    """A formula that nothing has computed yet."""


@dataclass(frozen=True)
class CellFault:
    """A cell that has no text to read."""

    column: str
    what: str
    remedy: str


@dataclass(frozen=True)
class Row:
    """A row: `number` as a spreadsheet counts it (JSON Lines: the line), `cells` by column, texts but for JSON's values."""

    number: int
    cells: Mapping[str, Any]
    faults: tuple[CellFault, ...] = ()


@dataclass(frozen=True)
class Table:
    """All rows of a file, the columns' names as they are written, and what to know of how it was read."""

    names: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())


def read_rows(file: Path) -> Table:
    """The table in `file`, by its suffix. Raises GradingError, in one line, where there is none."""
    readers = {".csv": _csv, ".tsv": _csv, ".txt": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl, ".json": _json, ".xlsx": _xlsx}
    read = readers.get(file.suffix.lower())
    if read is None:
        raise GradingError(f"{file}: not a sheet that can be read. Give a .csv, .jsonl or .xlsx file.")
    try:
        if file.stat().st_size > MEGABYTES << 20:
            raise GradingError(f"{file}: larger than {MEGABYTES} MB. Split it.")
        data = file.read_bytes()
    except OSError as error:
        raise GradingError(f"{file}: {error.strerror or error}. Check the path and its permissions.") from None
    table = read(file, data)
    if len(table.rows) > MOST_ROWS:
        raise GradingError(f"{file}: more than {MOST_ROWS:,} rows. Split it.")
    return table


def _decoded(file: Path, data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text, and a note where its encoding had to be guessed."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16"), ()
        except UnicodeDecodeError as error:
            raise GradingError(f"{file}: damaged UTF-16 ({error.reason}). Save it as UTF-8.") from None
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        if b"\0" in data:
            raise GradingError(f"{file}: not a text file. Save it as CSV in UTF-8.") from None
        note = f"{file.name} is not UTF-8 and was read as Windows-1252: look at its accents, or save it as UTF-8"
        return data.decode("cp1252", errors="replace"), (note,)


def _csv(file: Path, data: bytes) -> Table:
    text, notes = _decoded(file, data)
    first = text.lstrip().split("\n", TITLES)[:TITLES]
    head = next((line for line in first if any(sign in line for sign in DELIMITERS)), first[0])
    delimiter = max(DELIMITERS, key=head.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise GradingError(f"{file}: not CSV ({error}). Save it again, with quotes around cells that have commas.") from None
    table = _table(file, enumerate(rows, 1))
    return Table(table.names, table.rows, notes)


def _table(file: Path, rows: Iterable[tuple[int, Sequence[Any]]]) -> Table:
    """Rows of cells, of which the first with more than one cell has the columns' names: above it may stand a title."""
    names: list[str] = []
    titles: list[str] = []
    found: list[Row] = []
    for number, cells in rows:
        if not any(str(cell).strip() for cell in cells if cell is not None):
            continue
        if not names:
            said = [text for cell in cells if (text := str(cell or "").strip())]
            if len(said) == 1 and len(titles) < TITLES:
                titles += said
                continue
            names = [str(cell or "").strip() for cell in cells]
            twice = {name for name in names if name and names.count(name) > 1}
            if twice:
                raise GradingError(f"{file}: two columns are called {min(twice)!r}. Give each its own name.")
            continue
        found.append(_row(number, names, cells))
        if len(found) > MOST_ROWS:
            break
    return Table(tuple(name for name in names or titles[:1] if name), tuple(found))


def _row(number: int, names: Sequence[str], cells: Sequence[Any]) -> Row:
    faults = [fault for name, cell in zip(names, cells, strict=False) if name and (fault := _fault(name, cell))]
    if any(str(cell).strip() for cell in cells[len(names) :] if cell is not None):
        what = f"{len(cells)} cells, but {len(names)} columns"
        faults.append(CellFault("", what, "Put quotes around cells that have the separator in them."))
    return Row(number, {name: _plain(cell) for name, cell in zip(names, cells, strict=False) if name}, tuple(faults))


def _fault(name: str, cell: Any) -> CellFault | None:
    if isinstance(cell, date | datetime | time | timedelta):
        return CellFault(name, "a date or time, which Excel may have made of 1/2 or 3:4", "Format the cell as text.")
    if isinstance(cell, Uncomputed) or (isinstance(cell, str) and FORMULA.match(cell.strip())):
        return CellFault(name, f"the formula {cell.strip()[:40]!r} instead of its value", "Paste it as a value.")
    if isinstance(cell, str) and FAILED.match(cell.strip()):
        return CellFault(name, f"the error {cell.strip()[:20]!r} instead of a value", "Mend the formula.")
    return None


def _plain(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell)


def _xlsx(file: Path, data: bytes) -> Table:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        check(data, "xlsx", UNPACKED_MEGABYTES)
        values = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        formulas = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
        sheet, written = values.worksheets[0], formulas.worksheets[0]
        table = _table(file, enumerate(_cells(sheet, written), 1))
    except Refused as refused:
        raise GradingError(f"{file}: {REFUSALS[str(refused)]}.") from None
    except (InvalidFileException, KeyError, ValueError, TypeError, AttributeError, IndexError, SyntaxError, OSError) as error:
        raise GradingError(
            f"{file}: is damaged ({str(error).splitlines()[0] if str(error) else type(error).__name__}). Export it again."
        ) from None
    names = values.sheetnames
    more = f"{file.name} has {len(names)} sheets; only the first, {names[0]!r}, was read" if len(names) > 1 else ""
    return Table(table.names, table.rows, (more,) if more else ())


def _cells(values: Any, formulas: Any) -> Iterator[tuple[Any, ...]]:
    """Each row's values, formulas computed as far as Excel had."""
    bounds = {"max_col": MOST_COLUMNS, "max_row": MOST_ROWS + 2}
    for row, written in zip(values.iter_rows(**bounds, values_only=True), formulas.iter_rows(**bounds), strict=False):
        yield tuple(
            Uncomputed(cell.value) if value is None and cell.data_type == "f" else value
            for value, cell in zip(row, written, strict=False)
        )


def _jsonl(file: Path, data: bytes) -> Table:
    text, notes = _decoded(file, data)
    found, faults = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                found.append((number, json.loads(line)))
            except (ValueError, RecursionError) as error:
                faults.append(Row(number, {}, (CellFault("", f"not JSON ({error})", "Write one JSON object a line."),)))
    return _objects(file, found, faults, notes)


def _json(file: Path, data: bytes) -> Table:
    text, notes = _decoded(file, data)
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GradingError(f"{file}: not JSON ({error}). Give a list of objects, or JSON Lines.") from None
    if not isinstance(rows, list):
        raise GradingError(f"{file}: not a list. Give a list of objects, one a question.")
    return _objects(file, list(enumerate(rows, 1)), [], notes)


def _objects(file: Path, rows: Sequence[tuple[int, Any]], faults: list[Row], notes: tuple[str, ...]) -> Table:
    names: dict[str, None] = {}
    found = list(faults)
    for number, row in rows:
        if isinstance(row, dict):
            names.update(dict.fromkeys(row))
            found.append(
                Row(number, {name: cell if isinstance(cell, list | dict) else _plain(cell) for name, cell in row.items()})
            )
        else:
            found.append(Row(number, {}, (CellFault("", "not a JSON object", 'Write {"question": ..., "options": [...]}.'),)))
    return Table(tuple(names), tuple(sorted(found, key=lambda row: row.number)), notes)
