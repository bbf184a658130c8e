"""Which questions lean on the ones before them."""

import pytest

from tutor.answering.followups import content_words, is_question, leaned_on

DIJKSTRA = "why does dijkstra fail with negative edges?"
COURSE = {"negative", "edges", "dijkstra", "sorted", "array", "complexity", "worst", "case", "heaps", "stable"}


@pytest.mark.parametrize(
    ("question", "leans"),
    [
        ("why?", True),
        ("warum?", True),
        ("pourquoi ?", True),
        ("how so?", True),
        ("complexity?", True),
        ("is quicksort stable?", True),
        ("and the worst case?", True),
        ("and with negative edges?", True),
        ("how fast is it on a sorted array?", True),
        ("und warum?", True),
        ("et pourquoi pas Dijkstra ici?", True),
        ("is that true in every case?", True),
        ("what is it?", True),
        ("xxxxxxxxxxxxxxxxx", False),
        ("asdf qwer zxcv", False),
        ("12345", False),
        ("?!", False),
        ("what is recursion", False),
        ("Explain: Binary search", False),
        ("What is the birthday problem about?", False),
        ("why does quicksort need quadratic time on sorted input?", False),
        ("What is the probability that two people share a birthday?", False),
        ("State Kepler's third law for circular orbits", False),
    ],
)
def test_a_question_that_points_back_takes_the_one_before_it_along(question: str, leans: bool) -> None:
    earlier = ["What does a heap do?", DIJKSTRA]
    assert leaned_on(question, earlier, COURSE.__contains__) == ([DIJKSTRA] if leans else [])


def test_follow_ups_on_follow_ups_reach_back_to_the_topic() -> None:
    assert leaned_on("and then?", [DIJKSTRA, "why is that?"], COURSE.__contains__) == [DIJKSTRA, "why is that?"]


def test_nothing_is_leaned_on_where_nothing_was_asked() -> None:
    assert leaned_on("why?", [], COURSE.__contains__) == []


def test_content_words_are_those_that_name_something() -> None:
    assert content_words("And what is its running time?") == ["running", "time"]
    assert content_words("und warum ist das so?") == []


def test_one_word_that_the_course_knows_makes_a_question() -> None:
    assert is_question("qwer heaps", COURSE.__contains__)
    assert not is_question("qwer heapz", COURSE.__contains__)
