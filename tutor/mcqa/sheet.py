"""A sheet of multiple-choice questions. Knows nothing of models and courses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
