"""A quiz in the conversation: asked, answered, gone on with, ended; from what the messages say alone."""

from __future__ import annotations

import re

import pytest

from tutor.answering.service import AnsweringService
from tutor.phrases import ENGLISH, Phrases
from tutor.web import book, quizzing
from tutor.web.conversation import Messages, assistant, talk_of, user, with_talk

pytestmark = pytest.mark.model


class Talk:
    """A conversation with the sample course."""

    def __init__(self, service: AnsweringService) -> None:
        self.engine = service.engine("sample")
        self.messages: Messages = []
        self.books = {entry.file: entry.sha256 for entry in self.engine.search.manifest.books}

    def say(self, text: str, solutions: bool = False, say: Phrases = ENGLISH) -> str | None:
        def where(passage):  # type: ignore[no-untyped-def]
            return book.address("sample", self.books, passage)

        told = quizzing.told(self.engine, self.messages, text, say, where, solutions)
        if told:
            # What the browser keeps and gives back is all that there is.
            kept = with_talk({}, "sample", [*self.messages, user(text), assistant(told.reply)])
            self.messages = talk_of(kept, "sample")
        return told.reply if told else None


@pytest.fixture
def talk(service: AnsweringService) -> Talk:
    return Talk(service)


def test_an_exercise_is_asked_with_its_page_and_the_answer_checked_without_the_solutions_words(talk: Talk) -> None:
    asked = talk.say("quiz me on chapter 3") or ""
    assert asked.startswith("Insert 8, 3, 10, 1, 6, 14, 4, 7 in this order into an empty binary search tree.")
    assert "[Exercise 3.1](read/sample/" in asked
    assert "A Short Course in Algorithms, First edition, 3 Trees and heaps \\> 3.4 Exercises, p. 10 (PDF 13)" in asked
    checked = talk.say("the height is 3") or ""
    assert re.search(r"^Of \d points in the book's solution I found 1 in your answer\.", checked)
    assert "has the right child" not in checked
    assert "To read: [A Short Course in Algorithms" in checked
    assert "may have been missed" in checked


def test_a_whole_answer_is_said_to_have_it_all_and_the_solution_is_quoted_only_where_it_may_be(talk: Talk) -> None:
    talk.say("quiz me on chapter 1")
    assert "Exercise 1.1" in talk.messages[-1]["content"]
    talk.say("another one")
    asked = talk.say("skip") or ""
    assert asked.startswith("Start with an empty stack")
    checked = talk.say("They return 2, 4, 3; only 1 is left.", solutions=True) or ""
    assert checked.startswith("As far as words and numbers tell, your answer has what the book's solution says.")
    talk.say("another one")
    checked = talk.say("a load factor of 5/7, which is 0.71", solutions=True) or ""
    assert "The book's solution also says:" in checked
    assert "form a chain of length 4" in checked


def test_each_is_asked_once_before_they_begin_again(talk: Talk) -> None:
    seen = [talk.say("test me on 3 Trees and heaps") or ""]
    for _ in range(3):
        seen.append(talk.say("another one") or "")
    labels = [re.search(r"\[Exercise ([\d.]+)\]", reply) for reply in seen]
    assert sorted(label[1] for label in labels if label) == ["3.1", "3.2", "3.3", "3.4"]
    assert "they begin again" not in seen[-1]
    assert "they begin again" in (talk.say("another one") or "")


def test_a_topic_finds_its_exercises_and_one_without_any_names_the_chapters_that_have_some(talk: Talk) -> None:
    assert "heap" in (talk.say("ask me something about heaps") or "").split("---")[0]
    none = talk.say("quiz me on chapter 77") or ""
    assert none.startswith("I found no exercises on “chapter 77”. There are some in: 1 Counting and storing; ")
    assert "exercises on “photosynthesis”" in (talk.say("quiz me on photosynthesis") or "")


def test_outside_a_quiz_and_for_a_question_the_books_are_asked(talk: Talk) -> None:
    assert talk.say("another one") is None
    assert talk.say("stop") is None
    assert talk.say("what is a heap?") is None
    talk.say("quiz me")
    assert talk.say("what is a heap?") is None
    assert (talk.say("stop the quiz") or "").startswith("The quiz is over.")
    assert talk.say("a heap is a tree") is None


def test_one_may_try_again_give_up_and_go_on(talk: Talk) -> None:
    talk.say("quiz me on chapter 3")
    assert "I found 1 in your answer" in (talk.say("the height is 3") or "")
    again = talk.say("the height is 3 and 3 has the right child 6") or ""
    assert "Of " in again
    assert "I found 1 in your answer" not in again
    kept = talk.say("I don't know") or ""
    assert "is not shown here" in kept
    assert "right child" not in kept
    assert "To read: [A Short Course" in kept
    assert (talk.say("show me the solution", solutions=True) or "").startswith("The book's solution: ")
    assert "Exercise 3.1" not in (talk.say("next") or "")


def test_options_pasted_into_a_quiz_and_thanks_are_no_answer_to_its_exercise(talk: Talk) -> None:
    talk.say("quiz me on chapter 3")
    assert talk.say("Which sort is stable?\nA) merge sort\nB) heapsort\nC) quicksort") is None
    talk.say("the height is 3")
    assert talk.say("thanks!") is None
    assert talk.say("explain heaps") is None


def test_an_exercise_that_the_browser_makes_up_is_not_there(talk: Talk) -> None:
    talk.messages = [user("quiz me"), assistant("x\n\n---\n**[E](read/sample/abc/1?passage=0123abc&exercise=9.9)**")]
    assert talk.say("42") == "This exercise is not in the books any more."


def test_the_quiz_speaks_the_students_language(talk: Talk) -> None:
    asked = talk.say("frag mich zu Kapitel 3 ab", say=Phrases("de")) or ""
    assert "[Aufgabe 3.1](read/" in asked
    assert "Wörter und Zahlen" in (talk.say("3", say=Phrases("de")) or "")
    assert "[Aufgabe 3.2](read/" in (talk.say("noch eine", say=Phrases("de")) or "")
