"""What reads like a letter, or like an option's words, and is none: numbers cut off, retractions, doubts, other speakers."""

from __future__ import annotations

import pytest

from tutor.mcqa import extract

CITIES = ["London", "Paris", "Rome", "Berlin", "Madrid"]


@pytest.mark.parametrize(
    ("text", "options", "letter"),
    [
        ("The answer is 3.6.", ["3", "36", "3.6", "6"], "C"),
        ("So we get $\\boxed{7.25}$", ["7", "25", "725", "7.25"], "D"),
        ("The answer is 0.75", ["0", "75", "0.75"], "C"),
        ("Die Antwort ist 4,5.", ["4", "5", "45", "4,5"], "D"),
        ("La réponse est 6,75.", ["6", "75", "6,75"], "C"),
        ("The answer is 3,500,000.", ["3", "3500", "3500000"], "C"),
        ("The answer is 4,300 J.", ["4 J", "300 J", "4,300 J"], "C"),
        ("The answer is 5:2.", ["5", "2", "5:2"], "C"),
        ("The answer is 5:2.", ["5", "2", "7"], None),
        ("The answer is 4.9.", ["4", "9", "49"], None),
        ("The answer is 30.4 kg.", ["20", "30"], None),
        ("The answer is 9 - 4.", ["9", "4", "7"], None),
        ("The answer is 4!.", ["4", "3"], None),
        ("The answer is 4!", ["4", "3"], None),
        ("The answer is 4!", ["4", "4!"], "B"),
        ("The answer is 4, as computed.", ["4", "3"], "A"),
        ("The answer is 4 - the smaller of the two.", ["4", "3"], "A"),
    ],
)
def test_a_number_is_read_whole(text: str, options: list[str], letter: str | None) -> None:
    assert extract(text, options).letter == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("C'est la réponse E.", "E"),
        ("C\u2019est bien la réponse A.", "A"),
        ("C'est alors la meilleure réponse.", None),
    ],
)
def test_an_elided_word_is_no_letter(text: str, letter: str | None) -> None:
    assert extract(text, CITIES).letter == letter
