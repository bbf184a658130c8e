"""Which part of a found passage is handed out: what is about the question, nothing twice, never nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest

from index_store.excerpt import Sentences, excerpts
from index_store.generation import read_passages
from index_store.search import CourseSearch


def of(sentences: list[tuple[str, float]], order: int = 0, book: str = "a.pdf") -> Sentences:
    starts = [0]
    for text, _ in sentences:
        starts.append(starts[-1] + len(text) + 1)
    text = " ".join(text for text, _ in sentences)
    return Sentences(book, order, text, [(a, min(b, len(text))) for a, b in pairwise(starts)], [c for _, c in sentences])


def shown(*found: Sentences) -> list[str]:
    return [passage.text[begin:end].strip() for passage, (begin, end) in zip(found, excerpts(found), strict=True)]


def test_sentences_far_from_the_question_go_at_the_edges_and_stay_between():
    passage = of([("Far.", 0.1), ("Near.", 0.6), ("Between.", 0.0), ("Also near.", 0.4), ("Far again.", 0.2)])
    assert shown(passage) == ["Near. Between. Also near."]


def test_far_is_measured_by_the_nearest_sentence_of_all_passages():
    other = of([("Half as near.", 0.3), ("Less.", 0.2)], order=9)
    assert shown(of([("Near.", 0.6)]), other) == ["Near.", "Half as near."]
    assert shown(other) == ["Half as near. Less."]


def test_a_passage_of_nothing_near_keeps_its_nearest_sentence():
    assert shown(of([("Near.", 0.9)]), of([("Far.", 0.1), ("Less far.", 0.2)], order=5))[1] == "Less far."


def test_what_two_neighbours_share_is_shown_once():
    first = of([("One.", 0.5), ("Two.", 0.5)], order=3)
    second = of([("Two.", 0.5), ("Three.", 0.5)], order=4)
    assert shown(first, second) == ["One. Two.", "Three."]
    assert shown(second, first) == ["Two. Three.", "One."]


@pytest.mark.parametrize(("order", "book"), [(5, "a.pdf"), (4, "b.pdf")])
def test_passages_that_are_no_neighbours_share_nothing(order, book):
    first, other = of([("One.", 0.5), ("Two.", 0.5)], order=3), of([("Two.", 0.5), ("Three.", 0.5)], order, book)
    assert shown(first, other) == ["One. Two.", "Two. Three."]


def test_a_sentence_shared_in_part_stays_whole():
    first = of([("One.", 0.5), ("A long", 0.5)], order=3)
    second = of([("A long sentence.", 0.5), ("End.", 0.5)], order=4)
    assert shown(first, second) == ["One. A long", "A long sentence. End."]


def test_code_stays_although_its_words_are_not_the_questions():
    passage = of([("Near.", 0.8), ("Dijkstra(G, s):\n    while Q is not empty:\n        v = Q.pop()", 0.0), ("Far.", 0.1)])
    assert shown(passage)[0].endswith("v = Q.pop()")


def test_nothing_found_has_no_parts():
    assert excerpts([]) == []


def test_a_hit_hands_out_the_sentence_that_answers_and_less_than_the_passage(sample_library, embedding):
    search = CourseSearch(sample_library.course("sample"), embedding)
    hits = search.search("What does the load factor of a hash table say?", top_k=5)
    assert all(hit.excerpt and hit.excerpt in hit.passage.text for hit in hits)
    assert "load factor" in hits[0].excerpt
    assert sum(len(hit.excerpt) for hit in hits) < sum(len(hit.passage.text) for hit in hits)


def test_an_index_of_whole_vectors_hands_out_whole_passages(sample_library, embedding, monkeypatch):
    # As where it was made with a GPU and is asked without.
    search = CourseSearch(sample_library.course("sample"), embedding)
    generation, _ = search._generation()
    monkeypatch.setattr(generation, "of_sentences", lambda key, vector: [0.5])
    passages = {passage.id: passage for passage in read_passages(generation.folder)}
    hits = search.search("What is a heap?", top_k=3)
    assert [hit.excerpt for hit in hits] == [passages[hit.passage.id].text.rstrip() for hit in hits]
