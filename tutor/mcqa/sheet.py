"""A sheet of multiple-choice questions, from CSV, JSON Lines or Excel. Knows nothing of models and courses.

A sheet is untrusted: every row is checked, and all that is wrong is told at once, each with its place and remedy.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from index_store.errors import GradingError
from tutor.mcqa.keys import Keys
from tutor.mcqa.sheet_columns import Columns, columns_of
from tutor.mcqa.sheet_files import Row, read_rows

FEWEST, MOST = 2, 26
LONGEST = 20_000  # characters of a question with its options
MOST_NOTED = 5


@dataclass(frozen=True)
class Question:
    """One question of a sheet.

    `id`: the sheet's own, or its number in the sheet, counted from 1; unique in a sheet. `row`: where it stands in the file
    (the line of a JSONL file, the row of a table as a spreadsheet counts it). `options`: label to text in the sheet's order;
    the labels are always A, B, C, ..., whatever the sheet calls them. `key`: the right option's label; None where the sheet
    does not say. `subject`: "" where the sheet has none.
    """

    id: str
    stem: str
    options: Mapping[str, str]
    key: str | None = None
    subject: str = ""
    row: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Fault:
    """What is wrong with one row, in one line: place, what, remedy."""

    file: str
    row: int
    column: str
    what: str
    remedy: str

    def __str__(self) -> str:
        column = f", column {self.column!r}" if self.column else ""
        return f"{self.file}, row {self.row}{column}: {self.what}. {self.remedy}"


@dataclass(frozen=True)
class Sheet:
    """What a file holds: the questions that can be graded, what is wrong with the others, and what to know of the file."""

    questions: tuple[Question, ...]
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def bad_rows(self) -> int:
        return len({fault.row for fault in self.faults})


def digest_of(questions: Sequence[Question]) -> str:
    """The sha256 of what is asked, and of the keys."""
    rows = [[q.id, q.stem, list(q.options.items()), q.key, q.subject] for q in questions]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def read_sheet(file: Path) -> Sheet:
    """The questions in `file` (.csv, .tsv, .jsonl, .json or .xlsx).

    Raises GradingError where the file cannot be read as a table at all, or has no column for questions or options.
    """
    table = read_rows(file)
    columns = columns_of(file, table.names)
    reader = _Reader(str(file), columns, Keys(columns, table.rows))
    for row in table.rows:
        reader.read(row)
    if not reader.questions and not reader.faults:
        raise GradingError(f"{file}: no question in it. Give one a row.")
    again = {id for id, count in Counter(question.id for question in reader.questions).items() if count > 1}
    seen: set[str] = set()
    for question in reader.questions:
        if question.id in again and question.id in seen:
            reader.fault(question.row, columns.id, f"the id {question.id!r} is another row's too", "Give each its own.")
        seen.add(question.id)
    faulty = {fault.row for fault in reader.faults}
    good = tuple(question for question in reader.questions if question.row not in faulty)
    notes = (*table.notes, *_keyless(Path(file).name, columns, table.names), *_alike(Path(file).name, good))
    return Sheet(good, tuple(sorted(reader.faults, key=lambda fault: fault.row)), notes)


def _keyless(file: str, columns: Columns, names: Sequence[str]) -> list[str]:
    """A note where no column is known as the key's, and there are some that mean nothing here: one may be."""
    used = {columns.stem, columns.options, *columns.option_columns, columns.id, columns.subject}
    unused = [name for name in names if name not in used]
    if columns.key or columns.index or not unused:
        return []
    told = ", ".join(map(repr, unused[:MOST_NOTED]))
    return [f"{file}: no column has the key, so there is no score; of no use here: {told} (call the key's column 'answer')"]


def _alike(file: str, questions: Sequence[Question]) -> list[str]:
    """A note where options of a question say the same: whichever is chosen, the other is no worse."""
    rows = [str(question.row) for question in questions if len(set(question.options.values())) < len(question.options)]
    if not rows:
        return []
    more = f" and {len(rows) - MOST_NOTED} more" if len(rows) > MOST_NOTED else ""
    return [f"{file}: two options say the same in row {', '.join(rows[:MOST_NOTED])}{more}; mend it if that is a slip"]


class _Reader:
    """From rows to questions and faults."""

    def __init__(self, file: str, columns: Columns, keys: Keys) -> None:
        self.questions: list[Question] = []
        self.faults: list[Fault] = []
        self._file = Path(file).name
        self._columns = columns
        self._keys = keys

    def fault(self, row: int, column: str, what: str, remedy: str) -> None:
        self.faults.append(Fault(self._file, row, column, what, remedy))

    def read(self, row: Row) -> None:
        before = len(self.faults)
        for cell in row.faults:
            self.fault(row.number, cell.column, cell.what, cell.remedy)
        if len(self.faults) > before:
            return
        columns = self._columns
        stem = _text(row.cells.get(columns.stem))
        if not stem:
            self.fault(row.number, columns.stem, "there is no question", "Write it, or delete the row.")
        options = columns.options_of(row)
        self._check_options(row.number, options)
        id = _text(row.cells.get(columns.id)) if columns.id else str(len(self.questions) + 1)
        if not id:
            self.fault(row.number, columns.id, "the id is empty", "Give each question its own.")
        if len(stem) + sum(map(len, options)) > LONGEST:
            self.fault(row.number, columns.stem, f"longer than {LONGEST:,} characters", "Shorten it.")
        if len(self.faults) > before:
            return
        key, wrong = self._keys.key_of(row, options)
        if wrong:
            self.fault(row.number, *wrong)
        subject = _text(row.cells.get(columns.subject)) if columns.subject else ""
        labelled = {chr(ord("A") + n): text for n, text in enumerate(options)}
        self.questions.append(Question(id, stem, labelled, key, subject, row.number))

    def _check_options(self, row: int, options: Sequence[str]) -> None:
        columns = self._columns
        if len([text for text in options if text]) < FEWEST:
            name = columns.options or next(iter(columns.option_columns), "")
            self.fault(row, name, f"fewer than {FEWEST} options", "Write all of them.")
        elif len(options) > MOST:
            self.fault(row, columns.options, f"{len(options)} options, more than {MOST}", "Leave out some.")
        else:
            for n, text in enumerate(options):
                if not text:
                    column = columns.option_columns[n] if columns.option_columns else columns.options
                    self.fault(row, column, f"option {chr(ord('A') + n)} is empty", "Write it, or close the gap.")


def _text(cell: object) -> str:
    return "" if cell is None else re.sub(r"[ \t\xa0]+", " ", str(cell)).strip()
