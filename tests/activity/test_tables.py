"""An insight as JSON and CSV, for programs elsewhere."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import pytest

from tutor.activity.insight import insight
from tutor.activity.store import ActivityStore
from tutor.activity.tables import as_csv, as_dictionary

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize("evil", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
def test_a_cell_that_a_spreadsheet_would_run_is_defused(evil: str, store: ActivityStore, asked) -> None:
    for student in range(3):
        asked(
            outcome="refused",
            question=evil,
            student=f"student-{student}",
            book=evil,
            section=(evil,),
            time="2026-11-21T12:00:00+00:00",
        )
    rows = list(csv.reader(io.StringIO(as_csv(insight(store, "algorithms", 1, today=TODAY)))))
    cells = [cell for row in rows for cell in row]
    assert [cell for cell in cells if cell.strip(" ").startswith(("=", "+", "-", "@", "\t"))] == []
    assert cells.count(f"'{evil}") >= 4


def test_the_table_has_every_day_place_and_question_and_its_numbers_add_up(store: ActivityStore, asked) -> None:
    for student in range(4):
        asked(student=f"student-{student}", time="2026-11-20T12:00:00+00:00", outcome="unsure" if student else "answered")
    asked(section=("9 Rare",), page=99, time="2026-11-21T12:00:00+00:00")
    found = insight(store, "algorithms", 2, today=TODAY)
    rows = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert [(row["day"], row["asked"], row["unsure"]) for row in rows if row["table"] == "day"] == [
        ("2026-11-20", "4", "3"),
        ("2026-11-21", "1", "0"),
    ]
    assert [(row["section"], row["asked"], row["unsure"], row["students"]) for row in rows if row["table"] == "section"] == [
        ("2.3 Heaps", "4", "3", "4"),
        ("", "1", "0", "<3"),
    ]
    assert "9 Rare" not in as_csv(found)
    told = json.dumps(as_dictionary(found))
    assert "9 Rare" not in told
    assert json.loads(told)["sections"][0] == {
        "book": "Algorithms", "chapter": "2 Sorting", "section": "2.3 Heaps", "asked": 4, "refused": 0, "rated_down": 0,
        "unsure": 3, "hints": 0, "trouble": 3, "students": "4",
    }  # fmt: skip
