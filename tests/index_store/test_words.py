"""A question's slips are mended towards the books' words, and nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index_store.errors import IndexDamagedError
from index_store.words import Words, fold, normalize

TEXTS = [
    "Dijkstra's algorithm relaxes every edge of the graph. An algorithm by Dijkstra.",
    "A graph has edges; the edge is relaxed.",
]
ENGLISH = {"what", "does", "laptop", "rename", "graphic", "the", "with"}


@pytest.fixture
def words():
    return Words.of(
        [*TEXTS, "Erdős proved it, and Erdős knew. Greedy choices are greedy. Memoization helps; memoization is old."]
    )


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("what does djikstra do", "what does dijkstra do"),  # two letters swapped
        ("what does Dijkstr do", "what does Dijkstra do"),  # one left out
        ("greeddy memoizationn", "greedy memoization"),  # one typed twice
        ("algprithm", "algorithm"),  # a neighbour on the keyboard
        ("memoizatoin and memoizaton", "memoization and memoization"),
        ("memioaztion", "memoization"),  # two slips in a long word
        ("rgaph", "graph"),  # the first two swapped
        ("WHAT DOES DJIKSTRA DO", "WHAT DOES Dijkstra DO"),  # capitals throughout
        ("memoizetion", "memoization"),  # one vowel for another in a long word
    ],
)
def test_a_slip_becomes_the_books_word(words, typed, read):
    assert words.corrected(typed, ENGLISH.__contains__) == read


@pytest.mark.parametrize(
    "typed",
    [
        "what does the laptop do with graphs",  # English words that the book lacks, and a plural of its own
        "whats the edge, isnt it",
        "is GRAPF in NP",  # capitals stand for themselves
        "graph.edgs(n) or grap_h.algoritm",  # code
        "see www.graphh.org and /home/grapf",
        "erdos",  # as the books write it, but for the accent
        "zebra xylophone",  # nothing is near
        "a graft, an edga and a glaph",  # short, and other letters
        "Gready and Greedo",  # names
        "grph2 edge_s",
        "sedge hedge",  # another first letter is another word
        "",
    ],
)
def test_what_is_no_slip_stays(words, typed):
    assert words.corrected(typed, ENGLISH.__contains__) == typed


def test_a_word_that_the_books_write_once_mends_nothing():
    assert Words.of(["heapsort once"]).corrected("heapsrot", ENGLISH.__contains__) == "heapsrot"
    assert Words.of(["heapsort, heapsort"]).corrected("heapsrot", ENGLISH.__contains__) == "heapsort"


def test_of_two_words_as_near_the_more_frequent_is_taken():
    words = Words.of(["sorted sorted stored stored stored"])
    assert words.corrected("stotred", ENGLISH.__contains__) == "stored"


@given(st.text(max_size=60))
def test_mending_twice_changes_nothing_more_and_keeps_everything_between_the_words(text):
    words = Words.of(TEXTS)
    once = words.corrected(text, ENGLISH.__contains__)
    assert words.corrected(once, ENGLISH.__contains__) == once
    assert len(once.split()) == len(text.split())


def test_accents_are_folded_and_letters_of_their_own_are_not():
    assert fold("Erdős, Bézout, naïve; straße, Øre") == "Erdos, Bezout, naive; straße, Øre"


def test_words_are_read_as_they_were_written(words, tmp_path):
    words.write(tmp_path / "words.json")
    assert Words.read(tmp_path / "words.json").counts == words.counts
    assert words.counts["dijkstra"] == 2
    assert words.counts["erdos"] == 2
    (tmp_path / "words.json").write_text("{", "utf-8")
    with pytest.raises(IndexDamagedError, match=r"words\.json"):
        Words.read(tmp_path / "words.json")


def test_the_beginning_of_a_word_is_known(words):
    assert words.begin("Memoiz")
    assert words.begin("erdős")
    assert not words.begin("quick")


@pytest.mark.parametrize(
    ("character", "plain"),
    [
        ("\N{MATHEMATICAL ITALIC SMALL X}", "x"),
        ("\N{MATHEMATICAL BOLD SMALL V}", "v"),
        ("\N{LATIN SMALL LIGATURE FI}", "fi"),
        ("\N{MINUS SIGN}", "-"),
        ("\N{NON-BREAKING HYPHEN}", "-"),
        ("\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}"),
        ("v \u0338\N{ELEMENT OF} K", "v \N{NOT AN ELEMENT OF} K"),
        ("v \N{ELEMENT OF}\u0338 K", "v \N{NOT AN ELEMENT OF} K"),
        ("a \u0338= b", "a \N{NOT EQUAL TO} b"),
        ("x\u0338 = 1", "x\u0338 = 1"),  # a struck letter is not a struck sign
        ("é", "é"),
    ],
)
def test_normalize_gives_each_character_one_spelling(character, plain):
    assert normalize(character) == plain
