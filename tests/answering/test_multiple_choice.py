"""Questions with options to choose from, told by their form and weighed against the book."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from index_store.course import Library
from index_store.embedding import Embedding
from index_store.search import CourseSearch
from tutor.answering.engine import CourseQueryEngine
from tutor.answering.models import LanguageModel
from tutor.answering.multiple_choice import MultipleChoice, Option, borne_out, parse
from tutor.answering.service import AnsweringService

from .talkative import Talkative

QUIZ = Path(__file__).parents[2] / "examples" / "quiz.csv"
STEM = "What is the cost of turning an array into a heap?"
TEXTS = ("Order log n", "Order n log n", "Order n")
CHOICE = MultipleChoice(STEM, tuple(Option(letter, text) for letter, text in zip("ABC", TEXTS, strict=True)))


@pytest.mark.parametrize(
    "typed",
    [
        f"{STEM}\nA) Order log n\nB) Order n log n\nC) Order n",
        f"{STEM}\n\nA. Order log n\nB. Order n log n\nC. Order n\n",
        f"{STEM} A) Order log n B) Order n log n C) Order n",
        f"{STEM} (a) Order log n (b) Order n log n (c) Order n",
        f"{STEM} a) Order log n, b) Order n log n or c) Order n",
        f"{STEM}\n  (A) Order log n;\n  (B) Order n\n  log n;\n  (C) Order n",
        f"{STEM}\nA: Order log n\nB: Order n log n\nC: Order n",
    ],
)
def test_options_are_found_on_one_line_and_on_several(typed: str) -> None:
    assert parse(typed) == CHOICE


def test_two_to_ten_options_are_read_and_what_is_left_open_by_a_gap_is_a_stem() -> None:
    two = parse("The sum of degrees is ____ A) even B) odd")
    assert two is not None
    assert [(option.letter, option.text) for option in two.options] == [("A", "even"), ("B", "odd")]
    ten = parse("Which digit is it?\n" + "\n".join(f"{letter}) the number {i}" for i, letter in enumerate("ABCDEFGHIJ")))
    assert ten is not None
    assert len(ten.options) == 10


@pytest.mark.parametrize(
    "typed",
    [
        "why does dijkstra fail with negative edges?",
        "the book by A. Smith and B. Jones on heaps",
        "Show that (a) f is O(g) and (b) g is O(f)",
        "A die is rolled twice.\n(a) What is the sample space?\n(b) Find the probability of a six.",
        "A) Order n B) Order log n",
        "what is a) and b) in this figure?",
        "Is vitamin A. B or C in it",
        "e.g. a heap, i.e. a tree",
        "Which is it?\nA)\nB)",
        "What is f(a) if f(b) = 2?",
        "",
        "A" * 2000,
    ],
)
def test_what_has_no_options_is_no_such_question(typed: str) -> None:
    assert parse(typed) is None


def test_every_question_of_the_quiz_is_recognised_as_a_student_would_paste_it() -> None:
    for row in csv.DictReader(QUIZ.open(encoding="utf-8")):
        for form in ("{})", "{}.", "({})"):
            typed = "\n".join([row["question"], *(f"{form.format(letter)} {row[letter]}" for letter in "ABCD")])
            read = parse(typed)
            assert read is not None, typed
            assert read.stem == " ".join(row["question"].split())
            assert [option.text.rstrip(" ,;") for option in read.options] == [row[letter].rstrip(" ,;") for letter in "ABCD"]


def test_the_stem_is_what_is_searched_unless_it_says_nothing() -> None:
    assert CHOICE.searched == STEM
    empty = parse("Which of the following is true?\nA) Heaps are trees\nB) Heaps are sorted lists")
    assert empty is not None
    assert empty.searched == "Which of the following is true? Heaps are trees Heaps are sorted lists"


def test_the_option_is_named_that_a_sentence_clearly_speaks_for(embedding: Embedding) -> None:
    said = ["A heap is a tree.", "Turning an array into a heap in this way costs only order n.", "Sorting takes longer."]
    choice = parse(
        "What does a satellite do when thin air drags on it?\nA) It slows down\nB) It speeds up, as lower orbits are faster"
    )
    assert choice is not None
    told = ["Thin air drags on a satellite, and it speeds up, as lower orbits are faster.", *said]
    borne = borne_out(choice, told, embedding)
    assert borne is not None
    assert (borne.option.letter, borne.sentence) == ("B", 0)


@pytest.mark.parametrize(
    "stem",
    [
        "Which of these does a satellite not do when thin air drags on it?",
        "All of these happen to a satellite in thin air except:",
    ],
)
def test_what_asks_for_the_one_that_does_not_fit_is_not_decided(stem: str, embedding: Embedding) -> None:
    choice = parse(f"{stem}\nA) It slows down\nB) It speeds up, as lower orbits are faster")
    assert choice is not None
    told = ["Thin air drags on a satellite, and it speeds up, as lower orbits are faster."]
    assert borne_out(choice, told, embedding) is None


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (
            "Why is quicksort fast?\nA) It is recursive\nB) Its inner loop is short",
            "Quicksort is recursive, and fast in practice.",
        ),
        ("What is a load factor?\nA) n/m\nB) the longest chain", "The load factor says nothing on the longest chain."),
    ],
)
def test_one_word_in_common_and_options_without_words_decide_nothing(typed: str, sentence: str, embedding: Embedding) -> None:
    choice = parse(typed)
    assert choice is not None
    assert borne_out(choice, [sentence], embedding) is None


def test_nothing_is_decided_by_no_sentence_by_a_far_one_or_where_an_option_speaks_of_the_others(embedding: Embedding) -> None:
    assert borne_out(CHOICE, [], embedding) is None
    assert borne_out(CHOICE, ["Snails carry both sexes at once."], embedding) is None
    choice = parse("What does a satellite do when thin air drags on it?\nA) It speeds up\nB) All of the above\nC) It turns")
    assert choice is not None
    assert borne_out(choice, ["Thin air drags on a satellite, and it speeds up."], embedding) is None


@pytest.mark.model
def test_the_answer_names_the_option_and_shows_the_sentence_that_speaks_for_it(service: AnsweringService) -> None:
    row = next(row for row in csv.DictReader(QUIZ.open(encoding="utf-8")) if row["id"] == "alg-09")
    typed = "\n".join([row["question"], *(f"{letter}) {row[letter]}" for letter in "ABCD")])
    engine: CourseQueryEngine = service.engine("sample")
    stream = engine.stream(typed)
    pieces = "".join(stream).strip()
    answer = stream.answer
    assert answer is not None
    assert answer.option == row["answer"] == "A"
    assert "the book speaks most clearly for **A**" in answer.text
    assert pieces == answer.text
    assert ("algorithms.pdf", row["page"]) in {(c.passage.file, c.passage.label) for c in answer.citations}


@pytest.mark.model
def test_where_the_book_does_not_decide_the_answer_says_so(service: AnsweringService) -> None:
    answer = service.engine("sample").stream("what is the birthday problem?\nA) a riddle\nB) a theorem\nC) a proof").finish()
    assert answer.found
    assert answer.option == ""
    assert answer.text.endswith("does not decide between the options.")


@pytest.mark.parametrize(
    ("reasoning", "letter"),
    [
        ("Twenty-three people make 253 pairs. [1] So it is 50 %, and the answer is (B).", "B"),
        ("(A) is wrong, since 23 people make 253 pairs. [1] Therefore, the answer is about one half.", "B"),
        ("One could take (A) or (B). [1]", ""),
        ("Twenty-three people make 253 pairs. [1] The answer is (A) about one half.", ""),  # whose words are B's
    ],
)
def test_a_model_of_its_own_words_reasons_and_the_letter_is_set_apart(
    sample_library: Library, embedding: Embedding, reasoning: str, letter: str
) -> None:
    model = LanguageModel("reasoner", "test", Talkative(says=reasoning), 8192, 100, lambda messages: 100, "explain")
    engine = CourseQueryEngine(CourseSearch(sample_library.existing("sample"), embedding), model, embedding)
    stream = engine.stream("How likely do two of 23 people share a birthday?\nA) 6 percent\nB) about one half")
    told = "".join(stream)
    answer = stream.answer
    assert answer is not None
    assert answer.option == letter
    assert stream.prompt is not None
    assert "(X)" in str(stream.prompt[0].content)
    last = answer.text.rsplit("\n\n", 1)[-1]
    assert told.endswith(last)
    assert last == (
        f"**{letter}** (about one half) is what this reasoning comes to."
        if letter
        else "This reasoning comes to none of the options."
    )
