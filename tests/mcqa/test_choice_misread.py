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


@pytest.mark.parametrize(
    "after",
    [
        "Wait, that cannot be right.",
        "No, this does not hold for large towns.",
        "Hmm, thinking again, D suits it better.",
        "The river is the Spree, so it must be D.",
        "I made an error in the first step. It is D.",
        "On second thoughts, D.",
        "I was mistaken: D is correct.",
        "Rechecking: D is right.",
        "After checking the map I find that D is correct.",
        "On closer inspection, option D is the best one.",
        "\n\nCorrection: D",
        "Let me recompute. The distance is 3 km, therefore D.",
        "Therefore it should be (D).",
        "Hold on. D.",
        "However, D is the only city on that river.",
    ],
)
def test_a_letter_taken_back_is_not_given(after: str) -> None:
    assert extract(f"The answer is B. {after}", CITIES).letter in (None, "D")


def test_a_letter_taken_back_in_other_languages_is_not_given() -> None:
    for text in (
        "Die Antwort ist B. Halt, das stimmt nicht. Es muss D sein.",
        "Die Antwort ist B, nein, eher D.",
        "La réponse est B. Attendez, c'est plutôt D.",
    ):
        assert extract(text, CITIES).letter in (None, "D")


@pytest.mark.parametrize(
    "after",
    [
        "Wait, let me look again. Yes, B is right.",
        "Option A is wrong, since it lies on the coast.",
        "The other cities, such as (D), lie elsewhere.",
        "Note that D is correct only for another year.",
        "I hope that helps!",
        "So B.",
    ],
)
def test_a_letter_that_is_confirmed_stays(after: str) -> None:
    assert extract(f"The answer is B. {after}", CITIES).letter == "B"


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("The answer is (A). It rains. The answer is (C). It pours. The answer is (E). It snows.", None),
        ("The answer is (A) London. The answer is (B) Paris.", None),
        ("The answer is (A). It rains there often. The answer is (C", None),
        ("The answer is (A). It rains. The answer is (C). It pours. The answer is (E). It snows. The answer is (D", None),
        ("The answer is (A). But 3 + 4 = 7, which is the distance to Rome. The answer is (C).", "C"),
    ],
)
def test_letters_stated_one_after_the_other(text: str, letter: str | None) -> None:
    assert extract(text, CITIES).letter == letter
