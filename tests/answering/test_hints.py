"""A hint's words: what is asked for more, what gets a gap."""

from __future__ import annotations

import pytest

from tutor.answering.hints import wants_more, with_gaps


@pytest.mark.parametrize(
    "question",
    ["more help", "Another hint, please!", "I'm stuck", "help", "i still don't get it", "Mehr Hilfe bitte", "un indice"],
)
def test_a_request_for_more_help_is_one(question: str) -> None:
    assert wants_more(question)


@pytest.mark.parametrize("question", ["why?", "help me understand heaps", "what is a hint bit?", "more on Dijkstra", ""])
def test_a_question_is_none(question: str) -> None:
    assert not wants_more(question)


def test_words_of_the_exercise_and_of_speech_stay_and_all_else_is_a_gap() -> None:
    sentence = "With 23 people, the birthdays of two of them are equal more often than not (50.7 %)."
    assert with_gaps(sentence, "How many people share birthdays?") == (
        "With ____ people, the birthdays of ____ of them are ____ more ____ than ____ (____)."
    )


def test_whether_something_is_or_is_not_is_no_word_of_speech() -> None:
    assert with_gaps("The greedy rule is not optimal.", "Is the greedy rule optimal?") == "The greedy rule is ____ optimal."
