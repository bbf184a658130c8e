"""Is what was found enough? On labelled questions of the sample course."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from index_store.course import Library
from index_store.coverage import coverage
from index_store.embedding import Embedding
from index_store.search import CourseSearch
from tutor.answering.evidence import UNRELATED, best_similarity, evidence, fit_least, fit_threshold

QUESTIONS = Path(__file__).parents[2] / "examples" / "questions.jsonl"


@pytest.fixture(scope="module")
def search(sample_library: Library, embedding: Embedding) -> CourseSearch:
    return CourseSearch(sample_library.existing("sample"), embedding)


def test_the_evidence_parts_what_the_books_answer_from_what_they_do_not(search: CourseSearch) -> None:
    least = fit_least(search)
    rows = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    answered = {True: 0, False: 0}
    for row in rows:
        answered[row["answerable"]] += evidence(search, row["question"], search.search(row["question"])) >= least
    # Nine of ten are answered, and nine of ten of the others (most from neighbouring topics) refused; or one less of each.
    assert answered[True] >= 0.88 * sum(row["answerable"] for row in rows)
    assert answered[False] <= 0.17 * sum(not row["answerable"] for row in rows)


def test_no_question_of_everyday_life_is_answered(search: CourseSearch) -> None:
    least = fit_least(search)
    assert not [q for q in UNRELATED if evidence(search, q, search.search(q)) >= least]


def test_a_passage_with_the_questions_rare_words_is_more_evidence(search: CourseSearch) -> None:
    question = "what is the load factor of a hash table"
    hits = search.search(question)
    stripped = [replace(hit, passage=replace(hit.passage, text="Another text.", section=())) for hit in hits]
    assert evidence(search, question, hits) > evidence(search, question, stripped) + 0.1


def test_what_the_books_never_name_is_less_evidence(search: CourseSearch) -> None:
    hits = search.search("what is the load factor of a hash table")
    named = evidence(search, "what is the load factor of a hash table", hits)
    assert evidence(search, "what is the load factor of a cuckoohopscotch table", hits) < named - 0.1


def test_a_near_passage_is_nearer_than_the_unrelated(search: CourseSearch) -> None:
    threshold = fit_threshold(search)
    assert best_similarity(search.search("what is the load factor of a hash table")) > threshold
    assert max(best_similarity(search.search(question)) for question in UNRELATED) < threshold + 0.05


def test_nothing_found_is_no_evidence(search: CourseSearch) -> None:
    assert best_similarity([]) == -1.0
    assert evidence(search, "anything", []) == -1.0


class Index:
    """Of four passages: "heap" stands in one, "key" in two, "tree" in all."""

    def __init__(self) -> None:
        self.vocab_dict = {"heap": 0, "key": 1, "tree": 2}
        self.scores = {"num_docs": 4, "indptr": [0, 1, 3, 7]}


def test_rare_words_count_most_and_words_without_content_nothing() -> None:
    def of(question: str, passage: str) -> float:
        return coverage(question, passage, Index(), lambda word: True).share

    assert of("what is the heap?", "Heaps are trees.") == 1.0
    assert of("heap, tree", "A heap.") > of("heap, tree", "A tree.") > 0.0
    assert of("heap, tree", "A heap.") + of("heap, tree", "A tree.") == pytest.approx(1.0)
    assert of("heap", "Nothing of it.") == 0.0
    assert of("what is it?", "A heap.") == 0.0


def test_what_no_book_has_and_everyday_life_neither_is_unknown() -> None:
    found = coverage("whats a Fibonacci heap with 12 lazy keys", "", Index(), lambda word: word == "lazy")
    assert found.unknown == ("fibonacci",)


def test_the_unrelated_are_searched_once_for_both_levels(
    sample_library: Library, embedding: Embedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = CourseSearch(sample_library.existing("sample"), embedding)
    asked: list[str] = []
    original = CourseSearch.search
    monkeypatch.setattr(CourseSearch, "search", lambda self, q, *a, **k: (asked.append(q), original(self, q, *a, **k))[1])
    for name, fit in (("least", fit_least), ("near", fit_threshold)):
        search.once_a_generation(name, fit)
    assert asked == list(UNRELATED)
