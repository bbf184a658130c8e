"""The queue of questions that a person looks at."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from tutor.mcqa.review import LONGEST_CELL, as_csv, review_queue

from .graded import CITED, result, sample


def rows_of(results, below: float = 0.5) -> list[dict[str, str]]:
    text = as_csv(review_queue(results, below))
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:])))


def test_unparsed_ones_come_first_then_the_least_sure_and_sure_ones_not_at_all() -> None:
    results = [
        result("sure", "A", agree=5),
        result("half", "A", agree=2),
        result("at the threshold", "A", agree=5, confidence=0.5),
        result("silent", None, key=None),
        result("hardly", "A", agree=1),
        result("unknown", "A", of=1),
    ]
    rows = rows_of(results)
    assert [(row["id"], row["letter"], row["confidence"], row["why"]) for row in rows] == [
        ("silent", "", "", "no option: no commitment"),
        ("unknown", "A", "", "confidence unknown"),
        ("hardly", "A", "0.20", "confidence under 0.50"),
        ("half", "A", "0.40", "confidence under 0.50"),
    ]
    assert rows_of(results, below=0.1)[-1]["id"] == "unknown"


def test_a_letter_beside_the_words_of_another_option_is_looked_at_however_sure() -> None:
    row = replace(result("1", "B"), samples=(sample("B", against="C"), sample("B")))
    assert [one["why"] for one in rows_of([row])] == ["the words beside the letter are those of C"]


def test_a_row_has_what_a_grader_needs_and_room_to_decide() -> None:
    (row,) = rows_of([result("7", "A", agree=1, subject="heaps", citations=(CITED,))])
    assert row["options"].splitlines() == ["A) red", "B) green", "C) blue", "D) none of them is a colour"]
    assert row["citations"] == "[1] Algorithms, p. 12"
    assert (row["subject"], row["question"], row["decision"]) == ("heaps", "Which is question 7?", "")
    assert row["reasoning"] == "The answer is (A)."


@pytest.mark.parametrize("evil", ['=HYPERLINK("x")', "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\n=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_defused(evil: str) -> None:
    hostile = result(evil, None, question=evil, subject=evil, reasoning=evil, citations=(replace(CITED, book=evil),))
    (row,) = rows_of([hostile])
    assert [row[name] for name in ("id", "subject", "question", "reasoning")] == [f"'{evil}"] * 4
    assert not any(cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\n")) for cell in row.values())


def test_what_no_file_can_hold_and_what_excel_would_cut_is_made_readable() -> None:
    (row,) = rows_of([result("1", None, question="a\x00b\ud800", reasoning="x" * 50_000)])
    assert row["question"] == "a\ufffdb\ufffd"
    assert len(row["reasoning"]) < 32_767
    assert row["reasoning"].startswith("x" * LONGEST_CELL + " … (cut")
    as_csv(review_queue([result("1", None, reasoning="\udfff")], 0.5)).encode("utf-8")
