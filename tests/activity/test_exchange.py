"""What the log keeps of a real answer: where it counts, how it ended, and the prompt as an explaining model is given it."""

from __future__ import annotations

import pytest

from tutor.activity.exchange import ID, chapter_of, exchange, prompt_of, same_question, subsection_of
from tutor.answering.answer import Turn
from tutor.answering.engine import CourseQueryEngine
from tutor.answering.prompts import explain_question
from tutor.answering.service import AnsweringService

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def engine(service: AnsweringService) -> CourseQueryEngine:
    return service.engine("sample")


def kept(engine: CourseQueryEngine, question: str, **more):
    answer = engine.stream(question, more.get("turns", ())).finish()
    return answer, exchange(engine, course="sample", student="student-1", question=question, answer=answer, **more)


def test_an_answer_counts_for_the_place_that_it_cites_first(engine: CourseQueryEngine) -> None:
    answer, row = kept(engine, "why does dijkstra fail with negative edges?")
    assert ID.fullmatch(row.id)
    assert (row.outcome, row.style, row.model) == ("answered", "quote", "smollm2-135m")
    assert row.section == ("4 Graphs and dynamic programming", "4.2 Dijkstra's algorithm")
    assert (row.file, row.page, row.label) == ("algorithms.pdf", 15, "12")
    assert row.answer == answer.text
    assert row.passages == tuple(hit.passage.id for hit in answer.hits)
    assert row.seconds == answer.seconds > 0
    assert not row.leans


def test_the_prompt_is_the_one_that_an_explaining_model_is_given(engine: CourseQueryEngine) -> None:
    answer, row = kept(engine, "what is the birthday problem?")
    assert row.prompt.startswith("Passages:\n[1] ")
    assert row.prompt.endswith("\n\nQuestion: what is the birthday problem?")
    # The engine's own way of making it, of the same hits.
    stream = engine.stream("what is the birthday problem?")
    messages, passages, notes = engine._fit(stream, ())
    assert (passages, notes) == (len(answer.hits), [])
    assert row.prompt == messages[-1].content == prompt_of(answer)
    assert row.prompt.count("\n[") >= 3
    assert explain_question([], "x") == "Passages:\n\n\nQuestion: x"


def test_a_question_on_another_subject_is_refused_and_counts_for_no_place(engine: CourseQueryEngine) -> None:
    _, row = kept(engine, "who won the football world cup in 2018?")
    assert (row.outcome, row.section, row.file, row.page) == ("refused", (), "", 0)
    assert row.passages  # which it was judged by


def test_personal_data_is_masked_in_question_and_prompt(engine: CourseQueryEngine) -> None:
    _, row = kept(engine, "what is a load factor? mail ada@uni.example or call +49 170 1234567")
    assert row.question == "what is a load factor? mail [e-mail] or call [phone number]"
    assert row.prompt.endswith(f"Question: {row.question}")
    assert "ada@" not in str(row)
    assert "1234567" not in str(row)


def test_a_question_that_leans_on_the_one_before_is_marked(engine: CourseQueryEngine) -> None:
    turns = [Turn("what is a hash table?", "A table. [1]")]
    assert kept(engine, "why is it fast?", turns=turns)[1].leans
    assert not kept(engine, "what is the birthday problem?", turns=turns)[1].leans


def test_what_was_stopped_keeps_what_was_told_and_nothing_of_passages(engine: CourseQueryEngine) -> None:
    row = exchange(engine, course="sample", student="", question="why?", text="Half a sen", outcome="stopped", seconds=1.5)
    assert (row.outcome, row.answer, row.passages, row.prompt, row.seconds) == ("stopped", "Half a sen", (), "", 1.5)


@pytest.mark.parametrize(
    ("section", "chapter", "below"),
    [
        (("8 Shortest Paths", "8.6 Best-First", "No Negative Edges"), "8 Shortest Paths", "8.6 Best-First"),
        (("Chapter 6 Normal", "Homework", "6.2 Using it"), "Chapter 6 Normal", "6.2 Using it"),
        (("Algorithms", "8 Paths", "8.1 A"), "8 Paths", "8.1 A"),
        (("1 Recursion", "Exercises", "Sorting"), "1 Recursion", "1 Recursion: Exercises"),
        (("Appendix B Tests", "Practice"), "Appendix B Tests", "Appendix B Tests: Practice"),
        (("A walk through trees", "B. Roots"), "A walk through trees", "A walk through trees: B. Roots"),
        (("Introduction",), "Introduction", "Introduction"),
        ((), "The Book", "The Book"),
    ],
)
def test_chapter_and_section_of_a_path_of_headings(section: tuple[str, ...], chapter: str, below: str) -> None:
    assert chapter_of(section, "The Book") == chapter
    assert subsection_of(section, "The Book") == below


def test_questions_are_the_same_whatever_their_case_spaces_and_marks() -> None:
    assert same_question("  What is\na Heap ??") == same_question("what is a heap") == "what is a heap"
    assert same_question("what is a heap") != same_question("what is the heap")
