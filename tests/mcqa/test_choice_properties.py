"""What `extract` promises of any text: no label but the options', spans inside the text, no exception, and linear time."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tutor.mcqa import extract

WORDS = ["rises quickly", "stays the same", "falls slowly", "doubles at once"]
NUMBERS = ["12 m/s", "15 m/s", "24 cm^3", "none of these"]
LETTERS = st.sampled_from("ABCD")
COMMITMENTS = st.sampled_from(
    [
        "The answer is ({}).",
        "Final answer: {}",
        "So the correct option is **{}**.",
        "$\\boxed{{{}}}$",
        "La réponse est {}.",
        "Die Antwort lautet {}.",
    ]
)
PIECES = st.sampled_from(
    [
        *(
            "The answer is",
            "not ",
            "no, ",
            "(A)",
            "(B)",
            "B",
            "C. ",
            "option A",
            "is correct",
            "\\boxed{",
            "}",
            "12 m/s",
            "= 15",
            "\n",
            "\n\n",
        ),
        *(
            "Question: ",
            "none of ",
            "wait ",
            "**",
            "$",
            "x",
            "the correct option ",
            "which is the answer",
            "and ",
            "stays the same",
            ". ",
        ),
        *(
            "Answer:",
            "\ud800",
            "\0",
            "Ⓑ",
            "A. x\nB. y\n",
            "e\u0301",
            "    ",
            "\\frac{1}{2}",
            "\\text{",
            "`",
            "# ",
            "(a) ",
            "(b) ",
        ),
    ]
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.lists(PIECES, max_size=60).map("".join),
    st.lists(PIECES, max_size=60).map(" ".join),
)
NEUTRAL = st.lists(
    st.sampled_from(
        [
            "We look at the forces first.",
            "The mass is m and the force is F = ma.",
            "Energy is conserved here.",
            "This holds in any frame.",
            "Let x be the distance.",
            "\n\n",
        ]
    ),
    max_size=20,
).map(" ".join)


@given(text=TEXTS, options=st.one_of(st.just(WORDS), st.just(NUMBERS), st.lists(st.text(max_size=20), min_size=2, max_size=26)))
@settings(max_examples=300, deadline=None)
@example(text="", options=WORDS)
@example(text="The answer is (", options=WORDS)
@example(text="\\boxed{", options=["", ""])
def test_any_text_gives_an_option_or_a_reason(text: str, options: list[str]) -> None:
    choice = extract(text, options)
    if choice.letter is None:
        assert choice.how is None
        assert choice.why is not None
    else:
        assert choice.letter in string.ascii_uppercase[: len(options)]
        assert choice.how is not None
        assert choice.why is None
        assert choice.span is not None
    if choice.span is not None:
        start, end = choice.span
        assert 0 <= start < end <= len(text)
    assert choice.against is None or choice.against != choice.letter
    assert extract(text, options) == choice


@given(letter=LETTERS, commitment=COMMITMENTS, before=NEUTRAL)
@settings(max_examples=100, deadline=None)
def test_what_is_thought_before_changes_nothing(letter: str, commitment: str, before: str) -> None:
    said = commitment.format(letter)
    choice = extract(f"{before} {said}", WORDS)
    assert choice.letter == letter
    assert choice.span is not None
    assert f"{before} {said}"[slice(*choice.span)] in said
    assert letter in f"{before} {said}"[slice(*choice.span)]


@given(
    letter=LETTERS,
    other=LETTERS,
    commitment=COMMITMENTS,
    name=st.sampled_from(["Question", "Frage", "Problem 3", "**Question**"]),
)
@settings(max_examples=100, deadline=None)
def test_another_question_behind_it_changes_nothing(letter: str, other: str, commitment: str, name: str) -> None:
    more = f"{name}: A block slides.\nOptions:\nA. 1 s\nB. 2 s\nAnswer: Let's think step by step. The answer is ({other})."
    choice = extract(f"{commitment.format(letter)}\n\n{more}", WORDS)
    assert (choice.letter, choice.run_on) == (letter, True)


@given(options=st.permutations(WORDS), said=st.sampled_from(WORDS))
def test_an_answer_by_content_follows_the_content(options: list[str], said: str) -> None:
    choice = extract(f"Nothing else fits. The answer is that it {said}.", options)
    assert choice.letter == "ABCD"[options.index(said)]
    assert choice.how == "option's content"


@given(options=st.permutations(["12 m/s", "15 m/s", "24 m/s", "8.5 m/s"]))
def test_an_answer_by_value_follows_the_value(options: list[str]) -> None:
    assert extract("Thus the answer is 54 km/h.", options).letter == "ABCD"[options.index("15 m/s")]


SIZE = 1_000_000
LIMIT = 1.0  # seconds; benchmarks/extraction.py measures, this only tells linear from quadratic


@pytest.mark.parametrize(
    "shape",
    [
        *(
            "(",
            "A ",
            "A\n",
            "answer is ",
            "The answer is (B). ",
            "The answer is 12 m/s. ",
            "1",
            "1,",
            "\\boxed{",
            "$\\boxed{",
            "{",
            "\n",
            " ",
        ),
        *(
            "not ",
            "**",
            "$",
            "Question:\n",
            "(A) and ",
            "option A is ",
            "the answer to the ",
            "A. x\nB. y\n",
            "= 1 ",
            "\\frac{1}{2} ",
        ),
        *(
            "no, ",
            "is the answer ",
            "\U0001d401",
            "\0",
            "\ud800",
            "(A)(B)",
            "a) b) ",
            "so ",
            "none of ",
            "</s>",
            "e\u0301",
            "`",
            "x = ",
        ),
    ],
)
def test_a_million_hostile_characters_take_no_time(shape: str) -> None:
    extract("The answer is 43.2 km/h.", NUMBERS)  # loads the units
    text = (shape * (SIZE // len(shape) + 1))[:SIZE]
    start = time.process_time()
    extract(text, NUMBERS)
    assert time.process_time() - start < LIMIT
