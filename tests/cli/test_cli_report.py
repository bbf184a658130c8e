"""`tutor report`, `tutor grade --compare` and `tutor evaluate confidence`, on results that are there."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tutor.mcqa.results import Results, as_line, settings_file, write_settings

from ..mcqa.graded import overconfident, result
from ..mcqa.sheets import graded_sheet
from .test_cli_errors import one_line


def kept(file: Path, results: Results) -> Path:
    """The results as `tutor grade` would have left them."""
    write_settings(settings_file(file), results.settings)
    file.write_text("".join(as_line(row) + "\n" for row in results.rows), "utf-8")
    return file


@pytest.fixture
def a(tmp_path: Path) -> Path:
    return kept(tmp_path / "a.jsonl", overconfident(80, seed=1))


def test_a_report_and_a_review_queue_are_written_beside_and_not_over_what_is_there(tutor, a: Path, tmp_path: Path) -> None:
    queue = tmp_path / "queue.csv"
    done = tutor("report", a, "--review", queue, "--review-below", "0.3")
    assert done.code == 0
    page = a.with_suffix(".html").read_text("utf-8")
    assert "<title>quiz.csv: smollm2-135m</title>" in page
    rows = list(csv.DictReader(io.StringIO(queue.read_text("utf-8-sig"))))
    assert {row["confidence"] for row in rows} == {"0.20"}
    expected = f"wrote {a.with_suffix('.html')}\nwrote {queue}: {len(rows)} questions for a person\n"
    assert done.err == expected
    assert "is there already" in one_line(tutor("report", a))
    assert tutor("report", a, "--force").code == 0
    # The same command writes the queue again as long as nobody has decided anything in it.
    assert tutor("report", a, "--force", "--review", queue).code == 0
    assert len(list(csv.DictReader(io.StringIO(queue.read_text("utf-8-sig"))))) > len(rows)
    undecided, decided = ",\r\n", ",B is right\r\n"
    text = queue.read_bytes().decode("utf-8-sig")
    queue.write_bytes(text.replace(undecided, decided, 1).encode())
    assert "with decisions in it" in one_line(tutor("report", a, "--force", "--review", queue))
    assert "B is right" in queue.read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["report", "nothing.jsonl"], "nothing.settings.json: No such file or directory. Give the .jsonl file"),
        (["report", "{a}", "--out", "report.pdf"], "report.pdf: not a name for a report. Give one that ends in .html"),
        (["report", "{a}", "--out", "gone/r.html"], "there is no folder gone"),
        (["report", "{a}", "--review", "{table}"], "is the table of the results"),
        (["report", "{a}", "--review", "queue.txt"], "queue.txt: not a name for a review queue"),
        (["evaluate", "confidence", "{few}"], "quiz.csv: 12 questions have a key and a letter"),
        (["grade", "--compare", "{a}", "{few}"], "question 'q3': smollm2-135m (A) and smollm2-135m (B) have a different key"),
        (["report", "{empty}"], "no question is graded yet"),
    ],
)
def test_what_cannot_be_is_one_line(tutor, a: Path, tmp_path: Path, arguments: list[str], told: str) -> None:
    few = kept(tmp_path / "few.jsonl", Results(overconfident(12, seed=2).settings, overconfident(12, seed=2).rows))
    empty = kept(tmp_path / "empty.jsonl", Results(overconfident(1, seed=2).settings, ()))
    places = {"a": a, "few": few, "empty": empty, "table": a.with_suffix(".csv")}
    assert told in one_line(tutor(*(argument.format(**places) for argument in arguments)))


def test_two_results_are_compared_in_words_as_json_and_in_the_report(tutor, tmp_path: Path) -> None:
    sheet = graded_sheet(30)
    ours = kept(tmp_path / "ours.jsonl", sheet)
    rows = tuple(replace(row, letter="A") for row in sheet.rows)
    theirs = kept(tmp_path / "theirs.jsonl", Results(replace(sheet.settings, model="always-a"), rows))
    shown = tutor("grade", "--compare", ours, theirs, "--report", tmp_path / "both.html")
    assert shown.code == 0
    assert "B  always-a" in shown.out
    assert "30 questions in both" in shown.out
    assert "B: always-a" in (tmp_path / "both.html").read_text("utf-8")
    told = json.loads(tutor("grade", "--compare", ours, theirs, "--json").out)
    right = sum(row.outcome == "right" for row in sheet.rows), sum(row.key == "A" for row in rows)
    counts = told["overall"]["counts"]
    assert (sum(counts["right"].values()), sum(row["right"] for row in counts.values())) == right


def test_comparing_is_not_grading(tutor, a: Path) -> None:
    for more in (["sheet.csv"], ["--out", "o.jsonl"], ["--review", "r.csv"]):
        assert "--compare takes two results files" in tutor("grade", "--compare", a, a, *more).err
    assert "Missing argument 'SHEET'" in tutor("grade").err
    assert "Missing option '--out'" in tutor("grade", "sheet.csv").err


def test_a_confidence_is_measured_kept_and_told_of_in_the_next_report(tutor, a: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    looked = tutor("evaluate", "confidence", a, "--home", home)
    assert looked.code == 0
    assert "smollm2-135m, k = 5, without passages" in looked.out
    assert "not kept; to grade with it, add --save" in looked.out
    assert not (home / "calibrations").exists()
    told = json.loads(tutor("evaluate", "confidence", a, "--save", "--json", "--home", home).out)
    assert told["ece"] < told["ece_raw"]
    assert Path(told["file"]).is_file()
    sure = overconfident(40, seed=9)
    graded = replace(sure, rows=tuple(replace(row, confidence=0.4) for row in sure.rows))
    other = kept(tmp_path / "other.jsonl", replace(graded, settings=replace(graded.settings, sheet="exam.csv")))
    assert tutor("report", other, "--home", home).code == 0
    assert "fitted on 80 questions of quiz.csv" in other.with_suffix(".html").read_text("utf-8")


def test_an_unkeyed_sheet_has_a_report(tutor, tmp_path: Path) -> None:
    rows = tuple(result(str(n), "A", key=None) for n in range(3))
    file = kept(tmp_path / "u.jsonl", Results(graded_sheet(1).settings, rows))
    assert tutor("report", file).code == 0
    assert "no score" in file.with_suffix(".html").read_text("utf-8")
