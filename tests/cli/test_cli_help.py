"""`tutor set` and `tutor assignments`: what an instructor types, and what a student then gets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from index_store.course import Library
from index_store.errors import SettingsError
from tutor.course_settings import read_settings
from tutor.sheet import split

SHEET = """# Sheet 3

1. Why does Dijkstra's algorithm fail
   with negative edges?
2) What is the birthday problem?

Aufgabe 3 (5 Punkte): What is a load factor?
"""


@pytest.fixture
def home(sample_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sample_home, tmp_path / "home", symlinks=True))


def test_an_assignment_is_read_from_its_sheet_listed_and_removed(tutor, home, tmp_path) -> None:
    (tmp_path / "sheet.md").write_text(SHEET, "utf-8")
    added = tutor(
        "assignments",
        "add",
        "Sheet 3",
        tmp_path / "sheet.md",
        "--course",
        "sample",
        "--until",
        "2099-12-01 18:00",
        "--home",
        home,
    )
    assert added.code == 0
    assert added.out.splitlines() == [
        "  1  Why does Dijkstra's algorithm fail with negative edges?",
        "  2  What is the birthday problem?",
        "  3  What is a load factor?",
        "'Sheet 3': 3 exercises, nudges instead of answers until 2099-12-01 18:00.",
    ]
    listed = json.loads(tutor("assignments", "list", "--course", "sample", "--home", home, "--json").out)["assignments"]
    assert [(one["name"], one["help"], len(one["exercises"])) for one in listed] == [("Sheet 3", "nudge", 3)]
    assert "'Sheet 3' (nudges" in tutor("set", "--course", "sample", "--home", home).out
    assert tutor("assignments", "remove", "Sheet 3", "--course", "sample", "--home", home).code == 0
    gone = tutor("assignments", "remove", "Sheet 3", "--course", "sample", "--home", home)
    assert (gone.code, gone.err) == (2, "tutor: no assignment 'Sheet 3' (assignments: none).\n")


def test_an_assignment_is_read_from_a_pdf(tutor, home, tmp_path, typeset) -> None:
    sheet = typeset(
        tmp_path / "sheet.pdf", "= Sheet 4\n\n1. What is a queue used for?\n\n2. Prove that merge sort is stable.\n"
    )
    added = tutor("assignments", "add", "Sheet 4", sheet, "--course", "sample", "--help-level", "step", "--home", home)
    assert [line[5:] for line in added.out.splitlines()[:-1]] == [
        "What is a queue used for?",
        "Prove that merge sort is stable.",
    ]
    assert added.out.splitlines()[-1] == "'Sheet 4': 2 exercises, first steps instead of answers."


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "no such file"), ("", "empty"), ("# Sheet\n\nOne.", "no exercise in it")],
)
def test_a_sheet_without_exercises_is_named(tutor, home, tmp_path, content, told) -> None:
    if content is not None:
        (tmp_path / "sheet.md").write_text(content)
    refused = tutor("assignments", "add", "X", tmp_path / "sheet.md", "--course", "sample", "--home", home)
    assert refused.code == 2
    assert told in refused.err
    assert refused.err.count("\n") == 1


def test_what_is_set_holds_and_what_cannot_be_is_told(tutor, home) -> None:
    shown = tutor("set", "--course", "sample", "--help-level", "hint", "--until", "2099-01-31", "--passages", 6, "--home", home)
    assert "help        hints instead of answers until 2099-01-31 00:00" in shown.out
    kept = read_settings(Library(home).existing("sample"))
    assert (kept.help, kept.passages) == ("hint", 6)
    wrong = tutor("set", "--course", "sample", "--passages", 99, "--home", home)
    assert (wrong.code, wrong.err.startswith("tutor: passages: ")) == (2, True)
    wrong = tutor("set", "--course", "sample", "--model", "/nowhere.gguf", "--home", home)
    assert (wrong.code, "not found" in wrong.err) == (2, True)
    assert read_settings(Library(home).existing("sample")) == kept
    assert "help        full answers" in tutor("set", "--course", "sample", "--reset", "--home", home).out


def test_a_damaged_file_holds_everything_back_until_it_is_mended(tutor, home) -> None:
    (home / "courses" / "sample" / "settings.json").write_text('{"help": "nudge"')
    with pytest.raises(SettingsError, match=r"settings\.json"):
        read_settings(Library(home).existing("sample"))
    asked = tutor("ask", "what is a load factor?", "--course", "sample", "--home", home)
    assert (asked.code, asked.out) == (2, "")
    assert "settings.json" in asked.err.splitlines()[-1]
    looked = tutor("doctor", "--home", home)
    assert (looked.code, "FAULT  settings sample" in looked.out) == (1, True)
    reset = tutor("set", "--course", "sample", "--reset", "--home", home)
    assert (reset.code, "what was held back is answered now" in reset.err) == (0, True)
    assert (home / "courses" / "sample" / "settings.before.json").read_text() == '{"help": "nudge"'


def test_exercises_are_the_numbered_ones_or_the_paragraphs() -> None:
    assert list(split("Intro text that is long enough.\n1. First one is here.\n(2) Second one\nis here.")) == [
        "First one is here.",
        "Second one is here.",
    ]
    assert list(split("Prove the first claim.\n\nProve the\nsecond claim.\n\nShort one")) == [
        "Prove the first claim.",
        "Prove the second claim.",
    ]
