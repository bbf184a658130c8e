"""Exercises from the books: what is asked for, single exercises and their solutions, and what an answer has of one."""

from __future__ import annotations

import pytest

from index_store.course import Library
from index_store.embedding import Embedding
from index_store.generation import read_passages
from index_store.passage import Kind, Passage
from tutor.answering.quiz import Request, chapters, compare, exercises, in_chapter, request_of, solution_of


def passage(text: str, kind: Kind = "exercise", chapter: str = "3 Trees", ordinal: int = 0, page: int = 10) -> Passage:
    return Passage("b.pdf", "B", (chapter, "Exercises"), page, page, "", "", text, ordinal, kind=kind).with_id()


@pytest.mark.parametrize(
    ("typed", "about"),
    [
        ("quiz me", ""),
        ("Quiz me!", ""),
        ("quiz me on chapter 3", "chapter 3"),
        ("please test me on 8.4.", "8.4"),
        ("ask me something about heaps", "heaps"),
        ("Ask me a question on Newton's laws, please", "Newton's laws"),
        ("give me an exercise from chapter 2", "chapter 2"),
        ("interroge-moi sur le chapitre 3", "le chapitre 3"),
        ("quiz moi sur le chapitre 3", "le chapitre 3"),
        ("teste-moi sur les tas", "les tas"),
        ("frag mich zu Kapitel 3 ab", "Kapitel 3"),
        ("Stell mir eine Aufgabe zu Heaps", "Heaps"),
    ],
)
def test_a_quiz_is_asked_for_in_one_of_several_ways(typed: str, about: str) -> None:
    assert request_of(typed) == Request("question", about)


@pytest.mark.parametrize(
    "typed", ["another one", "Skip this one.", "next", "one more question please", "noch eine", "une autre"]
)
def test_another_one_is_asked_for(typed: str) -> None:
    assert request_of(typed) == Request("another")


@pytest.mark.parametrize("typed", ["stop", "stop the quiz", "End quiz.", "arrête le quiz", "Quiz beenden"])
def test_an_end_is_asked_for(typed: str) -> None:
    assert request_of(typed) == Request("stop")


@pytest.mark.parametrize(
    "typed",
    ["what is a quiz?", "what is the next vertex?", "why does it stop", "a heap is a tree", "", "quizzical me", "me" * 900],
)
def test_a_question_and_an_answer_are_no_request(typed: str) -> None:
    assert request_of(typed) is None


def test_exercises_are_told_apart_by_the_numbers_that_the_book_gives_them() -> None:
    first = passage(
        "Try these.\n3.1 Insert 8 and 3 into an\nempty tree. 3.2 Is 1, 4.5, 2 a min-heap? 3.3 What is the least height"
    )
    second = passage("3.3 What is the least height of a tree with 1000 keys?\n3.4 Why?", ordinal=1, page=11)
    found = exercises([first, second])
    assert [(e.label, e.text) for e in found] == [
        ("3.1", "Insert 8 and 3 into an empty tree."),
        ("3.2", "Is 1, 4.5, 2 a min-heap?"),
        ("3.3", "What is the least height of a tree with 1000 keys?"),
    ]  # 3.4 is too short to be one
    assert [e.passage.page for e in found] == [10, 10, 11]  # the last one stands whole in the second passage
    assert exercises([passage("3.1 It explains the trees of this chapter.", kind="text")]) == []


def test_a_row_of_data_is_no_exercise() -> None:
    found = exercises(
        [passage("7. Describe these samples.\n2.5 8.0 7.7\n8. Describe their mean and median.\n9. Compare the two of them.")]
    )
    assert [e.label for e in found] == ["7", "8", "9"]


def test_a_solution_belongs_to_the_number_and_to_the_chapter_where_numbers_begin_anew() -> None:
    asked = [passage("1. Describe the mean of it."), passage("1. Describe the median of it.", chapter="4 Graphs")]
    solved = [
        passage("1. It is the sum over n.", "solution"),
        passage("1. It is the middle one.\n2. Another.", "solution", chapter="4 Graphs"),
    ]
    first, second = exercises(asked)
    assert (solution_of(first, solved) or first).text == "It is the sum over n."
    assert (solution_of(second, solved) or second).text == "It is the middle one."
    assert solution_of(first, solved[1:]) is None
    # A number with the chapter's in it stands for itself, wherever the solutions are.
    (dotted,) = exercises([passage("3.1 Describe the mean of it.")])
    at_the_end = [passage("2.9. No.\n3.1. It is the sum over n.\n3.2. Yes.", "solution", chapter="Solutions")]
    assert (solution_of(dotted, at_the_end) or dotted).text == "It is the sum over n."


def test_the_sample_course_has_its_forty_nine_exercises_each_with_its_solution(sample_library: Library) -> None:
    passages = read_passages(sample_library.course("sample").live)
    found = exercises(passages)
    # 16 in algorithms, and 33 in the other two: counted in the sources (the lines that begin with "+").
    assert len(found) == 49
    assert all(solution_of(e, passages) for e in found)
    heaps = next(e for e in found if e.label == "3.2" and e.passage.file == "algorithms.pdf")
    assert heaps.text == "Is 1, 4, 2, 7, 5, 3, 9 a min-heap? Insert 0 and give the array."
    assert (heaps.passage.page, heaps.passage.label) == (13, "10")
    solution = solution_of(heaps, passages)
    assert solution is not None
    assert solution.text.endswith("The array becomes 0, 1, 2, 4, 5, 3, 9, 7.")


def test_chapters_are_chosen_by_number(sample_library: Library) -> None:
    found = exercises(read_passages(sample_library.course("sample").live))
    third = in_chapter(found, "chapter 3")
    assert third is not None
    assert {e.chapter[1] for e in third} == {"3 Trees and heaps", "3 Energy and momentum", "3 Random Variables"}
    assert in_chapter(found, "Kapitel 3") == third
    assert in_chapter(found, "99") == []
    assert in_chapter(found, "heaps") is None
    assert chapters(found)[:2] == ["1 Counting and storing", "2 Searching and sorting"]


def test_an_answer_has_a_point_by_its_numbers_and_otherwise_by_its_words_or_meaning(embedding: Embedding) -> None:
    exercise = "What do the three pops return, and what is left?"
    solution = "The pops return 2, 4 and 3. Only 1 is left."
    assert compare(solution, "2, 4, 3 and then one is left", exercise, embedding).missing == ()
    some = compare(solution, "they return 2, 4, 3", exercise, embedding)
    assert (some.had, some.missing) == (("The pops return 2, 4 and 3.",), ("Only 1 is left.",))
    assert compare(solution, "I do not know", exercise, embedding).had == ()
    assert compare(solution, "", exercise, embedding).had == ()
    # What the exercise gives is no sign of an answer, unless the point says nothing else.
    stack = "Do with a stack: push 1, push 2, pop, push 3, push 4, pop, pop. What do the pops return, what is left?"
    assert compare(solution, "They return 2, 4, 3; only 1 is left.", stack, embedding).missing == ()
    assert compare(solution, "I do not know", stack, embedding).had == ()
    worded = compare(
        "The two forces act on different bodies, so they do not cancel.", "they act on different bodies", "Why?", embedding
    )
    assert len(worded.had) == 1
    assert compare("The two forces act on different bodies.", "because of friction and drag", "Why?", embedding).had == ()


def test_yes_is_not_no_and_a_letter_is_a_letter(embedding: Embedding) -> None:
    solution = "No. The degrees would add up to 21, but the sum is even."
    assert "No." in compare(solution, "No, as the degrees add up to 21, which is odd", "Can it?", embedding).had
    assert "No." in compare(solution, "Yes, they add up to 21", "Can it?", embedding).missing
    assert compare("b", "b", "Which?", embedding).missing == ()
    assert compare("b", "Option B, systematic", "Which?", embedding).missing == ()
    assert compare("b", "c", "Which?", embedding).had == ()
    assert compare("b", "both of them", "Which?", embedding).had == ()
