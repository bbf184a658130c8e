"""`tutor activity`, `tutor insight` and `tutor preferences`: what they print and write, and their exit codes."""

from __future__ import annotations

import csv
import io
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tutor.activity.exchange import Exchange, new_id, now
from tutor.activity.preferences import Preferences
from tutor.activity.store import ActivityStore

ROW = Exchange(
    "", "", "physics", "student-00000001", "what is a lens?", "Glass. [1]", "m", "explain", "answered", section=("1 Lenses",),
    book="Optics", file="optics.pdf", page=1, passages=("p",),
    prompt="Passages:\n[1] Lenses\nGlass.\n\nQuestion: what is a lens?",
)  # fmt: skip


@pytest.fixture
def store(small_home: Path) -> ActivityStore:
    return ActivityStore(small_home)


def add(store: ActivityStore, **different: object) -> Exchange:
    row = replace(ROW, **{"id": new_id(), "time": now(), **different})
    store.add(row)
    return row


def test_insight_tells_what_was_asked_and_where_students_are_stuck(tutor, store: ActivityStore, small_home: Path) -> None:
    for number in range(6):
        add(store, student=f"student-{number % 3}", outcome="refused", question="what is a\x1b[31m prism?")
        add(store, section=("2 Mirrors",), student=f"student-{number}", page=2)
    shown = tutor("insight", "--course", "physics", "--home", small_home)
    assert shown.code == 0
    assert "12 questions of 6 students" in shown.out
    assert "6 answered, 6 not in the books; 0 rated up, 0 down" in shown.out
    assert "Students are stuck on 1 Lenses: of 6 questions there, by 3 students, 6 were refused" in shown.out
    assert "    6       0     0      0     0        6  2 Mirrors" in shown.out
    assert "    6  what is a [31m prism?" in shown.out
    assert "\x1b" not in shown.out
    told = json.loads(tutor("insight", "--course", "physics", "--home", small_home, "--json").out)
    assert (told["asked"], told["students"], [place["section"] for place in told["stuck"]]) == (12, "6", ["1 Lenses"])


def test_insight_writes_a_table_once(tutor, store: ActivityStore, small_home: Path, tmp_path: Path) -> None:
    add(store)
    arguments = ("insight", "--course", "physics", "--home", small_home, "--csv", tmp_path / "table.csv")
    assert tutor(*arguments).code == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "table.csv").read_text())))
    assert len([row for row in rows if row["table"] == "day"]) == 30
    again = tutor(*arguments)
    assert again.code == 2
    assert again.told == [
        f"tutor: {tmp_path / 'table.csv'}: is there already. Name another file, or write over it with --force."
    ]
    assert tutor(*arguments, "--force").code == 0


def test_a_course_that_nobody_asked_and_one_that_is_not_there(tutor, small_home: Path) -> None:
    assert "0 questions of 0 students" in tutor("insight", "--course", "physics", "--home", small_home).out
    assert not (small_home / "activity.sqlite").exists()
    for command in (["insight"], ["preferences", "list"], ["preferences", "export", "x.jsonl"]):
        assert tutor(*command, "--course", "chemistry", "--home", small_home).code == 2


def test_activity_delete_needs_to_be_told_what_and_says_how_much(tutor, store: ActivityStore, small_home: Path) -> None:
    add(store, student="student-1", time="2026-01-01T00:00:00+00:00")
    add(store, student="student-1")
    add(store, student="student-2")
    home = ("--home", small_home)
    assert tutor("activity", "delete", *home).code == 2
    assert len(store.of_course("physics")) == 3
    before = tutor("activity", "delete", "--before", "2026-02-01", *home)
    assert (before.code, before.out) == (0, "Deleted 1 question.\n")
    assert json.loads(tutor("activity", "delete", "--student", "student-1", "--json", *home).out) == {"deleted": 1}
    assert tutor("activity", "delete", "--student", "student-1", *home).code == 1
    assert [row.student for row in store.of_course("physics")] == ["student-2"]
    assert tutor("activity", "delete", "--before", "yesterday", *home).code == 2


def test_preferences_are_listed_and_exported(tutor, store: ActivityStore, small_home: Path, tmp_path: Path) -> None:
    add(store, answer="Glass, ground. [1]", rating=1)
    add(store, answer="A fish. [1]", rating=-1)
    course = Preferences(store, "physics")
    course.correct(add(store, question="why?", leans=True, answer="So. [1]").id, "Because. [1]", "Ada")
    listed = tutor("preferences", "list", "--course", "physics", "--home", small_home)
    assert "thumbs, students: what is a lens?\n  better  Glass, ground. [1]\n  worse   A fish. [1]\n" in listed.out
    assert "2 preferences in course 'physics'" in listed.err
    assert [pair["by"] for pair in json.loads(
        tutor("preferences", "list", "--course", "physics", "--home", small_home, "--source", "correction", "--json").out
    )] == ["Ada"]  # fmt: skip
    file = tmp_path / "pairs.jsonl"
    arguments = ("preferences", "export", file, "--course", "physics", "--home", small_home)
    done = tutor(*arguments)
    assert (done.code, done.out.splitlines()) == (
        0,
        [f"wrote 1 row to {file}", "left out: the question leans on the one before it, which the prompt does not have: why?"],
    )
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {"prompt": ROW.prompt, "chosen": "Glass, ground. [1]", "rejected": "A fish. [1]"}
    ]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert tutor(*arguments).code == 2
    told = json.loads(tutor(*arguments, "--force", "--json").out)
    assert (told["written"], list(told["reasons"].values())) == (1, [1])


def test_where_there_is_nothing_to_export_no_file_is_written(
    tutor, store: ActivityStore, small_home: Path, tmp_path: Path
) -> None:
    add(store)
    done = tutor("preferences", "export", tmp_path / "pairs.jsonl", "--course", "physics", "--home", small_home)
    assert done.code == 1
    assert not (tmp_path / "pairs.jsonl").exists()
    nowhere = tutor("preferences", "export", tmp_path / "no" / "pairs.jsonl", "--course", "physics", "--home", small_home)
    assert nowhere.code == 2
    assert "there is no folder" in nowhere.err
