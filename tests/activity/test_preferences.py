"""Pairs of a better and a worse answer: by an instructor's word, or by thumbs on answers to one and the same prompt."""

from __future__ import annotations

import pytest

from index_store.errors import ActivityError
from tutor.activity.preferences import Preferences, as_written
from tutor.activity.store import ActivityStore


@pytest.fixture
def course(store: ActivityStore) -> Preferences:
    return Preferences(store, "algorithms")


def pairs(course: Preferences, *sources: str) -> list[tuple[str, str, str]]:
    return [(pair.source, pair.chosen, pair.rejected) for pair in course.all(*([sources] if sources else []))]


def test_what_awaits_review_is_what_went_wrong_newest_first(course: Preferences, asked) -> None:
    asked(time="2026-11-01T00:00:00+00:00")
    asked(time="2026-11-02T00:00:00+00:00", rating=1)
    down = asked(time="2026-11-03T00:00:00+00:00", rating=-1, question="one?")
    refused = asked(time="2026-11-04T00:00:00+00:00", outcome="refused", question="two?")
    unsure = asked(time="2026-11-05T00:00:00+00:00", outcome="unsure", question="three?")
    asked(time="2026-11-06T00:00:00+00:00", outcome="stopped", passages=(), prompt="")
    asked(time="2026-11-07T00:00:00+00:00", outcome="refused", course="statistics")
    assert [(row.id, times) for row, times in course.review_list()] == [(unsure.id, 1), (refused.id, 1), (down.id, 1)]
    assert [row.id for row, _ in course.review_list(most=1)] == [unsure.id]
    course.put_aside(refused.id, "Ada")
    course.correct(down.id, "A heap is a tree that is full. [2]", "Ada")
    assert [row.id for row, _ in course.review_list()] == [unsure.id]


def test_a_question_answered_alike_many_times_awaits_one_word(course: Preferences, asked) -> None:
    rows = [
        asked(time=f"2026-11-0{day}T00:00:00+00:00", outcome="refused", question=question, answer=answer)
        for day, question, answer in (
            (1, "Who won the world cup?", "Nothing on this."),
            (2, "who won the world cup", "Nothing  on this."),
            (3, "who won the world cup?", "Spain won. [1]"),
            (4, "who won the world cup?", "Nothing on this."),
        )
    ]
    assert [(row.id, times) for row, times in course.review_list()] == [(rows[3].id, 3), (rows[2].id, 1)]
    course.put_aside(rows[3].id, "Ada")
    assert [(row.id, times) for row, times in course.review_list()] == [(rows[2].id, 1)]
    course.correct(rows[2].id, "The book does not say. [1]", "Ada")
    assert course.review_list() == []


def test_the_same_answer_rated_up_and_down_is_no_pair(course: Preferences, asked) -> None:
    for rating in (1, -1):
        asked(rating=rating, answer="A heap is a tree. [1]")
    assert course.all() == []


def test_a_correction_is_chosen_over_what_was_answered(course: Preferences, asked) -> None:
    row = asked(answer="A heap is a list. [1] (?)", outcome="unsure")
    course.correct(row.id, "  A heap is a tree. [1] ", "Ada")
    (pair,) = course.all()
    assert (pair.chosen, pair.rejected) == ("A heap is a tree. [1]", "A heap is a list. [1]")
    assert (pair.source, pair.by, pair.exchange, pair.question) == ("correction", "Ada", row.id, "what is a heap?")
    assert pair.prompt == row.prompt
    course.correct(row.id, "It is a full tree. [2]", "Grace")  # which replaces the first
    assert [(pair.chosen, pair.by) for pair in course.all()] == [("It is a full tree. [2]", "Grace")]


@pytest.mark.parametrize(
    ("better", "said"),
    [
        ("   ", "has 0 characters"),
        ("x" * 8001, "has 8,001 characters"),
        ("A heap  is a tree. [1]", "is what was answered"),
        ("A heap is full. [3]", r"beyond \[2\]"),
    ],
)
def test_a_correction_that_cannot_be_one_is_refused(better: str, said: str, course: Preferences, asked) -> None:
    row = asked()
    with pytest.raises(ActivityError, match=said):
        course.correct(row.id, better, "Ada")
    assert course.all() == []


def test_code_in_a_correction_is_no_citation(course: Preferences, asked) -> None:
    assert course.correct(asked().id, "The least is `heap[99]`. [1]", "Ada").chosen == "The least is `heap[99]`. [1]"


def test_a_refusal_is_taught_only_where_the_instructor_says_so(course: Preferences, asked) -> None:
    invented = asked(answer="It was France. [1]")
    course.refuse(invented.id, "Ada")
    assert pairs(course) == [("correction", "I found nothing in this course's books that answers this.", "It was France. [1]")]
    # Thumbs alone never make a refusal the better answer; they may make it the worse one.
    asked(question="who?", outcome="refused", answer="I found nothing.", rating=1)
    asked(question="who?", answer="France. [1]", rating=-1)
    assert pairs(course, "thumbs") == []
    asked(question="who?", outcome="refused", answer="I found nothing here.", rating=-1)
    asked(question="who?", answer="Dijkstra. [1]", rating=1)
    assert {(chosen, rejected) for _, chosen, rejected in pairs(course, "thumbs")} == {
        ("Dijkstra. [1]", "France. [1]"),
        ("Dijkstra. [1]", "I found nothing here."),
    }


def test_alternatives_are_other_answers_to_the_same_prompt(course: Preferences, asked) -> None:
    row = asked(answer="A. [1]", time="2026-11-01T00:00:00+00:00")
    other = asked(answer="B. [1]", question="What is a heap", time="2026-11-02T00:00:00+00:00", student="student-2")
    asked(answer="B.  [1]", time="2026-11-01T12:00:00+00:00")  # the same words
    asked(answer="A. [1]")
    asked(answer="C. [1]", passages=("p1", "p3"))
    asked(answer="D. [1]", question="what is a tree?")
    asked(answer="E. [1]", course="statistics")
    assert [found.id for found in course.alternatives(row.id)] == [other.id]


def test_a_choice_between_two_answers_and_its_contrary(course: Preferences, asked) -> None:
    one, two = asked(answer="A. [1]"), asked(answer="B. [2]")
    course.choose(one.id, two.id, "Ada")
    assert pairs(course) == [("choice", "A. [1]", "B. [2]")]
    course.choose(two.id, one.id, "Ada")
    assert pairs(course) == [("choice", "B. [2]", "A. [1]")]
    assert pairs(course, "correction", "thumbs") == []
    for foreign in (asked(passages=("p9",)), asked(question="what is a tree?")):
        with pytest.raises(ActivityError, match="no answers to the same question"):
            course.choose(one.id, foreign.id, "Ada")
    with pytest.raises(ActivityError, match="are the same"):
        course.choose(one.id, one.id, "Ada")


def test_thumbs_make_pairs_of_answers_to_one_question_with_the_same_passages(course: Preferences, asked, store) -> None:
    up = asked(answer="A. [1]", rating=1, student="student-1")
    down = asked(answer="B. [1]", rating=-1, question="What is a HEAP?", student="student-2")
    asked(answer="C. [1]", rating=-1, passages=("p2", "p1"))
    asked(answer="D. [1]", rating=-1, question="what is a tree?")
    asked(answer="E. [1]", rating=-1, course="statistics")
    asked(answer="F. [1]")
    assert pairs(course) == [("thumbs", "A. [1]", "B. [1]")]
    store.rate(up.id, "student-1", 0)  # taken back
    assert pairs(course) == []
    store.rate(up.id, "student-1", -1)
    store.rate(down.id, "student-2", 1)
    assert pairs(course) == [("thumbs", "B. [1]", "A. [1]")]


def test_a_row_of_another_course_is_as_good_as_none(course: Preferences, asked) -> None:
    own, foreign = asked(), asked(course="statistics")
    for call in (
        lambda: course.correct(foreign.id, "x [1]", "Ada"),
        lambda: course.refuse(foreign.id, "Ada"),
        lambda: course.choose(foreign.id, own.id, "Ada"),
        lambda: course.choose(own.id, foreign.id, "Ada"),
        lambda: course.alternatives(foreign.id),
        lambda: course.put_aside(foreign.id, "Ada"),
    ):
        with pytest.raises(ActivityError, match="no such answer"):
            call()


def test_what_the_program_added_to_an_answer_is_not_learnt() -> None:
    assert as_written("A. [1] (?) B. [2]") == "A. [1] B. [2]"
    assert as_written("Why (?) so. [1]") == "Why (?) so. [1]"
    warned = "I found nothing in this course's books that bears out what the model says; take this as unchecked:\n\nA.\n\nB."
    assert as_written(warned) == "A.\n\nB."
