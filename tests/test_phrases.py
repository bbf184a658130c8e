"""What the tutor says: the same things in three languages, and nothing that nobody says."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from tutor.phrases import ENGLISH, LANGUAGES, Phrases, phrases_for, table

TUTOR = Path(__file__).parents[1] / "tutor"
SOURCE = "\n".join(file.read_text("utf-8") for file in TUTOR.rglob("*.py"))


def places(phrase: str | list[str]) -> set[str]:
    forms = [phrase] if isinstance(phrase, str) else phrase
    return {name for form in forms for _, name, _, _ in Formatter().parse(form) if name}


@pytest.mark.parametrize("key", table())
def test_a_phrase_is_there_in_every_language_with_the_same_places_and_forms(key: str) -> None:
    phrase = table()[key]
    assert set(phrase) == set(LANGUAGES)
    assert len({frozenset(places(words)) for words in phrase.values()}) == 1
    assert len({isinstance(words, list) for words in phrase.values()}) == 1
    for words in phrase.values():
        assert isinstance(words, str) or len(words) == 2
        assert all(form.strip() == form and form for form in ([words] if isinstance(words, str) else words))


def test_every_phrase_is_said_somewhere_and_none_is_said_that_is_not_there() -> None:
    # A key that is made on the spot, f"limits_{style}", stands for all that begin so.
    said = set(re.findall(r"\b(?:say|label|ENGLISH|_said)\(\s*\"(\w+)\"", SOURCE)) | set(re.findall(r"say\('(\w+)'", SOURCE))
    either = set(re.findall(r"say\(\"(\w+)\" if [^\n]*? else \"(\w+)\"", SOURCE))
    said |= {key for pair in either for key in pair}
    said |= set(re.findall(r"\"(spoken_\w+)\"", (TUTOR / "web" / "page.js").read_text("utf-8")))
    begun = tuple(re.findall(r"say\(f\"(\w+_)\{", SOURCE))
    assert said <= set(table())
    assert [key for key in table() if key not in said and not (begun and key.startswith(begun))] == []


@pytest.mark.parametrize(
    ("language", "none", "one", "two"),
    [
        ("en", "0 questions are before yours…", "1 question is before yours…", "2 questions are before yours…"),
        ("fr", "0 question est avant la vôtre…", "1 question est avant la vôtre…", "2 questions sont avant la vôtre…"),
        ("de", "0 Fragen sind vor Ihrer…", "1 Frage ist vor Ihrer…", "2 Fragen sind vor Ihrer…"),
    ],
)
def test_the_number_chooses_the_form(language, none: str, one: str, two: str) -> None:  # type: ignore[no-untyped-def]
    assert [Phrases(language)("before_yours", count=count) for count in range(3)] == [none, one, two]


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    assert ENGLISH("read_as", question="{count} {0.__class__}") == "Read as: {count} {0.__class__}"


@pytest.mark.parametrize(
    ("accepted", "setting", "language"),
    [
        ("", "auto", "en"),
        ("fr", "auto", "fr"),
        ("fr-CH,fr;q=0.9,en;q=0.8", "auto", "fr"),
        ("DE-at", "auto", "de"),
        ("de;q=0.5", "auto", "de"),
        ("es,fr;q=0.5", "auto", "en"),
        ("*", "auto", "en"),
        (";;,,--" * 50, "auto", "en"),
        ("fr", "de", "de"),
        ("fr", "en", "en"),
    ],
)
def test_the_language_is_the_one_set_or_the_browsers_first(accepted: str, setting: str, language: str) -> None:
    assert phrases_for(accepted, setting).language == language
