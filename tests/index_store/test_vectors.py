"""Vectors that are kept: no text is embedded twice, whatever happens."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from index_store.vectors import CHUNK, VectorCache


@pytest.fixture
def cache(tmp_path):
    return VectorCache(tmp_path / "home" / "vectors.sqlite")


def rows(cache):
    with closing(sqlite3.connect(cache.file)) as database:
        return database.execute("SELECT COUNT(*) FROM passages").fetchone()[0]


def test_the_vectors_are_those_of_the_embedding_in_the_order_asked_for(cache, embedding):
    texts = ["a rather long text about heaps and trees", "short", "of middle length"]
    vectors, computed = cache.embed(embedding, texts)
    assert computed == 3
    np.testing.assert_allclose(vectors.whole, embedding.embed(texts), atol=1e-5)
    again, computed = cache.embed(embedding, list(reversed(texts)))
    assert computed == 0
    np.testing.assert_array_equal(again.whole, vectors.whole[::-1])


def test_a_text_given_twice_is_embedded_once_and_stored_once(cache, embedding):
    vectors, computed = cache.embed(embedding, ["heap", "tree", "heap"])
    assert (computed, rows(cache)) == (2, 2)
    np.testing.assert_array_equal(vectors.whole[0], vectors.whole[2])
    np.testing.assert_array_equal(vectors.sentences[0], vectors.sentences[2])


def test_a_second_cache_on_the_same_file_embeds_only_what_is_new(cache, embedding):
    cache.embed(embedding, ["heap", "tree"])
    _, computed = VectorCache(cache.file).embed(embedding, ["tree", "graph"])
    assert (computed, rows(cache)) == (1, 3)


def test_another_embedding_has_its_own_vectors(cache, embedding):
    cache.embed(embedding, ["heap"])
    _, computed = cache.embed(replace(embedding, key="other@1"), ["heap"])
    assert (computed, rows(cache)) == (1, 2)


def test_an_interrupted_run_goes_on_where_it_was(cache, embedding):
    texts = [f"w{n}" for n in range(CHUNK + 20)]

    def interrupt(done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.embed(embedding, texts, interrupt)
    assert rows(cache) == CHUNK
    vectors, computed = cache.embed(embedding, texts)
    assert computed == 20
    np.testing.assert_allclose(vectors.whole[[0, -1]], embedding.embed([texts[0], texts[-1]]), atol=1e-2)


def test_progress_counts_texts_from_those_already_there_to_all(cache, embedding):
    cache.embed(embedding, ["heap"])
    seen = []
    cache.embed(embedding, ["heap", "tree", "tree"], lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (3, 3)]


def test_a_stored_vector_of_another_width_is_made_again(cache, embedding):
    cache.embed(embedding, ["heap"])
    with closing(sqlite3.connect(cache.file)) as database, database:
        database.execute("UPDATE passages SET whole = ?", (np.zeros(3, np.float32).tobytes(),))
    vectors, computed = cache.embed(embedding, ["heap"])
    assert computed == 1
    np.testing.assert_allclose(vectors.whole, embedding.embed(["heap"]), atol=1e-6)


def test_no_texts_are_no_work(cache, embedding):
    vectors, computed = cache.embed(embedding, [])
    assert (vectors.whole.shape, vectors.sentences, computed) == ((0, 384), [], 0)
