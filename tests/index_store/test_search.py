"""Finding passages: the right page, the true cosine, the exact word, the newest index."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from index_store.generation import CANDIDATES, read_passages
from index_store.search import CourseSearch
from ingest.pipeline import ingest

QUESTIONS = [
    json.loads(line) for line in (Path(__file__).parents[2] / "examples" / "questions.jsonl").read_text("utf-8").splitlines()
]


@pytest.fixture(scope="module")
def search(sample_library, embedding):
    return CourseSearch(sample_library.course("sample"), embedding)


@pytest.fixture(scope="module")
def passages(sample_library):
    return read_passages(sample_library.course("sample").live)


@pytest.fixture(scope="module")
def vectors(sample_library, passages, embedding):
    # As kept since the ingest; tests/index_store/test_vectors.py shows that they are what the embedding gives.
    vectors, computed = sample_library.vectors.embed(embedding, [passage.embedded_text for passage in passages])
    assert computed == 0
    return vectors.whole


def test_known_questions_find_a_passage_of_the_right_page_among_the_first_four(search):
    answerable = [row for row in QUESTIONS if row["answerable"]]
    assert len(answerable) >= 40
    missed = [
        row["id"]
        for row in answerable
        if not any(
            hit.passage.file == gold["file"] and hit.passage.page <= gold["page"] <= hit.passage.page_end
            for hit in search.search(row["question"], top_k=4)
            for gold in row["gold_pages"]
        )
    ]
    assert len(missed) <= 0.05 * len(answerable), missed


def test_similarity_is_the_cosine_between_question_and_passage(search, embedding):
    for question in ("what is a load factor", "Why does a gyroscope not fall over?"):
        vector = embedding.embed([question])[0]
        hits = search.search(question, top_k=8)
        for hit, other in zip(hits, embedding.embed([hit.passage.embedded_text for hit in hits]), strict=True):
            cosine = np.dot(vector, other) / (np.linalg.norm(vector) * np.linalg.norm(other))
            assert hit.similarity == pytest.approx(cosine, abs=1e-4)


def test_the_passage_of_the_greatest_cosine_is_among_the_hits(search, passages, vectors, embedding):
    for question in ("when is a bound tight", "how does a satellite stay in orbit", "the chance of two shared birthdays"):
        best = passages[int(np.argmax(vectors @ embedding.embed([question])[0]))]
        assert best in [hit.passage for hit in search.search(question)]


@pytest.mark.parametrize("word", ["721", "331,160,281", "999,000"])
def test_an_exact_word_that_the_vectors_miss_is_found_by_the_keyword_index(search, passages, vectors, embedding, word):
    holding = [i for i, passage in enumerate(passages) if word in passage.text]
    ranking = list(np.argsort(-(vectors @ embedding.embed([word])[0])))
    # Not one of the passages with the word is near by its vector.
    assert holding
    assert all(ranking.index(i) >= 15 for i in holding)
    assert any(hit.passage in [passages[i] for i in holding] for hit in search.search(word, top_k=10))


def test_hits_come_best_first_without_repeats_and_no_more_than_asked_for(search):
    hits = search.search("What does Chebyshev's inequality say?", top_k=7)
    assert len(hits) == 7
    assert len({hit.passage.id for hit in hits}) == 7
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert len(search.search("What does Chebyshev's inequality say?")) == 4


def test_a_hit_is_the_passage_as_it_was_written(search, passages):
    for hit in search.search("binary search"):
        assert hit.passage in passages


def test_a_follow_up_is_searched_together_with_the_questions_before_it(search):
    alone = [hit.passage for hit in search.search("And what is its worst case?")]
    together = [
        hit.passage for hit in search.search("And what is its worst case?", context=["How does quicksort choose its pivot?"])
    ]
    assert any("2.3 Quicksort" in passage.section for passage in together)
    assert together != alone


@pytest.mark.parametrize(
    "question", ["", "   ", "zzzzqqq xxyyzz", "😀", "?" * 5000, "the of and", 'a "quoted" \\ question\n\0']
)
def test_odd_questions_are_searched_without_an_error(search, question):
    assert len(search.search(question)) == 4


def test_llamaindex_gets_the_same_passages_as_nodes(search):
    hits = search.search("what is a heap")
    nodes = search.retrieve("what is a heap")
    assert [node.node.node_id for node in nodes] == [hit.passage.id for hit in hits]
    assert [node.score for node in nodes] == [hit.score for hit in hits]


def test_a_reader_follows_to_the_new_generation_at_its_next_search(library, embedding, tmp_path, typeset):
    course = library.course("growing")
    first = typeset(tmp_path / "a.pdf", "= Lenses\nA converging lens brings parallel rays together.\n")
    second = typeset(tmp_path / "b.pdf", "= Volcanoes\nMagma rises through the crust and erupts as lava.\n")
    ingest([first], course, embedding, library.vectors)
    reader = CourseSearch(course, embedding)
    assert [hit.passage.file for hit in reader.search("where does lava come from")] == ["a.pdf"]
    ingest([second], course, embedding, library.vectors)
    assert reader.search("where does lava come from")[0].passage.file == "b.pdf"
    assert {book.file for book in reader.manifest.books} == {"a.pdf", "b.pdf"}


def test_what_is_computed_once_a_generation_is_computed_again_for_the_next(library, embedding, tmp_path, typeset):
    course = library.course("fitted")
    ingest([typeset(tmp_path / "a.pdf", "Light is a wave, says this book.\n")], course, embedding, library.vectors)
    reader = CourseSearch(course, embedding)

    def books(search):
        return float(len(search.manifest.books))

    assert reader.once_a_generation("books", books) == 1.0
    assert reader.once_a_generation("books", lambda search: -1.0) == 1.0  # kept, not asked again
    ingest([typeset(tmp_path / "b.pdf", "Sound is a wave as well, it says.\n")], course, embedding, library.vectors)
    assert reader.once_a_generation("books", books) == 2.0


def test_a_course_smaller_than_the_number_asked_for_gives_all_it_has(library, embedding, tmp_path, typeset):
    course = library.course("tiny")
    ingest([typeset(tmp_path / "a.pdf", "= One\nA single short paragraph on prisms.\n")], course, embedding, library.vectors)
    (hit,) = CourseSearch(course, embedding).search("prisms", top_k=10)
    assert hit.passage.text == "A single short paragraph on prisms."


def test_one_sentence_of_a_long_passage_is_enough_to_find_it(library, embedding, tmp_path, typeset):
    filler = "The committee met on Tuesday and spoke of chairs, lamps and the colour of the walls. " * 6
    course = library.course("minutes")
    book = "= Minutes\n" + filler + "Snails carry both sexes. " + filler + "\n= Gardens\nSlugs and snails live in gardens."
    ingest([typeset(tmp_path / "a.pdf", book)], course, embedding, library.vectors)
    best = CourseSearch(course, embedding).search("are snails hermaphrodites of both sexes?")[0]
    assert "Snails carry both sexes." in best.passage.text


def ingest_exercises(library, embedding, tmp_path, typeset, answers=30):
    """A book with one page that explains and `answers` solutions that all speak of the same thing."""
    solved = "\n\n".join(
        f"{n}. The sum of the geometric series of ratio one half is {n} by the formula." for n in range(answers)
    )
    file = typeset(
        tmp_path / "series.pdf",
        "= Series\nA geometric series with ratio less than one has a finite sum.\n"
        f"== Exercises\nFind the sum of a geometric series with ratio one half.\n= Solutions\n{solved}\n",
    )
    course = library.course("solved")
    ingest([file], course, embedding, library.vectors)
    return course


def test_solutions_are_no_hits_unless_they_are_asked_for(library, embedding, tmp_path, typeset):
    course = ingest_exercises(library, embedding, tmp_path, typeset)
    kinds = [passage.kind for passage in read_passages(course.live)]
    assert kinds.count("text") == 1
    assert kinds.count("exercise") == 1
    assert kinds.count("solution") > 2
    question = "What is the sum of the geometric series with ratio one half?"
    # The two that are no solutions are found although the solutions are nearer, and by the keyword index too.
    assert {hit.passage.kind for hit in CourseSearch(course, embedding).search(question, top_k=4)} == {"text", "exercise"}
    with_solutions = CourseSearch(course, embedding, solutions=True).search(question, top_k=4)
    assert len(with_solutions) == 4
    assert "solution" in {hit.passage.kind for hit in with_solutions}
    assert all(hit.passage.kind == "solution" for hit in CourseSearch(course, embedding, solutions=True).search("formula", 2))
    assert [hit for hit in CourseSearch(course, embedding).search("formula", 2) if hit.passage.kind == "solution"] == []


def test_more_solutions_than_candidates_leave_room_for_the_text(library, embedding, tmp_path, typeset):
    course = ingest_exercises(library, embedding, tmp_path, typeset, answers=16 * CANDIDATES)
    assert sum(passage.kind == "solution" for passage in read_passages(course.live)) > CANDIDATES
    hits = CourseSearch(course, embedding).search("the sum of the geometric series with ratio one half", top_k=2)
    assert {hit.passage.kind for hit in hits} == {"text", "exercise"}


def test_a_question_with_slips_finds_what_it_finds_without_them(search):
    typed, meant = "what is the avreage cost of insretion sort", "what is the average cost of insertion sort"
    assert search.corrected(typed) == meant
    assert [hit.passage.id for hit in search.search(typed)] == [hit.passage.id for hit in search.search(meant)]


def test_words_that_the_books_lack_are_not_bent_to_theirs(search):
    for question in ("what does a laptop cost", "who rented the cottage in Brighton", "is quantum chromodynamics needed"):
        assert search.corrected(question) == question


def test_a_name_is_found_with_and_without_its_accents(library, embedding, tmp_path, typeset):
    course = library.course("names")
    book = "= Numbers\nErdős asked for large gaps between primes.\n= Tones\nA string sounds higher where it is shorter.\n"
    ingest([typeset(tmp_path / "a.pdf", book)], course, embedding, library.vectors)
    for question in ("Erdős", "Erdos"):
        best = CourseSearch(course, embedding).search(question)[0]
        assert "Erdős" in best.passage.text
        assert best.score == pytest.approx(1.0)  # first by its vector and first by its words
