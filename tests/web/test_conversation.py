"""What the browser keeps of a conversation, and what is understood of what was said."""

from __future__ import annotations

import pytest

from tutor.web.conversation import KEPT, assistant, stopped, talk_of, turns, user, with_talk


def pairs(count: int):
    return [message for n in range(count) for message in (user(f"question {n}"), assistant(f"answer {n}"))]


def test_the_last_messages_are_kept_from_a_question_on() -> None:
    kept = with_talk({}, "physics", [*pairs(20), user("unanswered"), user("last"), assistant("said")])["physics"]
    assert len(kept) == KEPT - 1  # the first of the last 30 is an answer without its question
    assert kept[0]["content"] == "question 7"
    assert kept[-1]["content"] == "said"


def test_each_course_has_its_own_and_an_empty_one_is_forgotten() -> None:
    talks = with_talk(with_talk({}, "physics", pairs(1)), "zoology", pairs(2))
    assert talk_of(talks, "physics") == pairs(1)
    assert talk_of(talks, "zoology") == pairs(2)
    assert with_talk(talks, "physics", []) == {"zoology": pairs(2)}
    assert talk_of(talks, None) == []


def test_gradios_parts_are_kept_as_text() -> None:
    part = {"role": "user", "metadata": None, "content": [{"type": "text", "text": "why?"}], "options": None}
    assert with_talk({}, "physics", [part]) == {"physics": [{"role": "user", "content": "why?"}]}


def test_a_question_whose_answer_was_cut_off_says_so_and_is_no_turn() -> None:
    messages = talk_of({"physics": [*pairs(1), user("why?")]}, "physics")
    assert "closed before the answer" in messages[-1]["content"]
    assert [turn.question for turn in turns(messages)] == ["question 0"]


@pytest.mark.parametrize("held", [None, [], "x", {"physics": "x"}, {"physics": [1, {"role": "system", "content": "x"}]}])
def test_what_the_browser_holds_and_is_no_conversation_is_left_out(held: object) -> None:
    assert talk_of(held, "physics") == []
    assert with_talk(held, "physics", pairs(1))["physics"] == pairs(1)


def test_a_stopped_answer_is_remembered_by_what_was_shown_of_it() -> None:
    first, second = turns(
        [user("a*b"), assistant(stopped("Half an")), user("b"), assistant("whole"), user("c"), assistant(stopped(""))]
    )
    assert (first.question, first.answer) == ("a*b", "Half an")
    assert second.answer == "whole"
