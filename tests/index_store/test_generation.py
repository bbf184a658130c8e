"""A generation: written whole, opened only where it is sound and made with the same embedding."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from index_store.errors import EmbeddingError, IndexDamagedError
from index_store.generation import Generation, read_passages
from index_store.manifest import read_manifest


@pytest.fixture
def folder(sample_library, tmp_path):
    """A copy of the sample course's live generation, to be damaged."""
    return shutil.copytree(sample_library.course("sample").live, tmp_path / "generation")


def test_a_generation_holds_its_passages_in_reading_order_with_their_vectors(folder, embedding):
    passages = read_passages(folder)
    assert [p.ordinal for p in passages if p.file == "mechanics.pdf"] == list(
        range(sum(p.file == "mechanics.pdf" for p in passages))
    )
    generation = Generation(folder, embedding)
    vector = embedding.embed(["the law of large numbers"])[0]
    chosen = [passages[0], passages[100], passages[7]]
    expected = [float(row @ vector) for row in embedding.embed([p.embedded_text for p in chosen])]
    assert generation.similarities([p.id for p in chosen], vector) == pytest.approx(expected, abs=1e-4)
    assert generation.similarities([], vector) == []
    generation.close()


def test_the_manifest_names_every_book_with_its_counts(folder):
    manifest, passages = read_manifest(folder), read_passages(folder)
    assert [book.file for book in manifest.books] == ["algorithms.pdf", "mechanics.pdf", "probability.pdf"]
    for book in manifest.books:
        assert book.pages == 18
        assert book.passages == sum(p.file == book.file for p in passages)
    assert manifest.passages == len(passages)


def test_another_embedding_is_refused_naming_both_and_the_way_out(folder, embedding):
    other = replace(embedding, name="my-model", key="my-model@0011223344556677")
    with pytest.raises(EmbeddingError) as refused:
        Generation(folder, other)
    message = str(refused.value)
    assert f"'{embedding.name}' ({embedding.key})" in message
    assert "'my-model' (my-model@0011223344556677)" in message
    assert f"--embedding {embedding.name}" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"[]", b"null", b"{}", b'{"format": 1}', b'{"format": 1, "books": 3}', b"\xff\xfe"]
)
def test_a_missing_or_unreadable_manifest_is_damage(folder, embedding, content):
    (folder / "manifest.json").unlink()
    if content is not None:
        (folder / "manifest.json").write_bytes(content)
    with pytest.raises(IndexDamagedError, match="Ingest the course again"):
        Generation(folder, embedding)


def test_a_manifest_of_another_format_is_refused_naming_both_formats(folder, embedding):
    row = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**row, "format": 7}))
    with pytest.raises(IndexDamagedError, match="index format 7, this version reads 2"):
        Generation(folder, embedding)


def test_an_index_of_an_earlier_format_is_refused_but_its_books_are_told(folder, embedding):
    row = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**row, "format": 1}))
    with pytest.raises(IndexDamagedError, match="index format 1, this version reads 2"):
        Generation(folder, embedding)
    assert len(read_manifest(folder).books) == 3


def overwrite(*names):
    def spoil(folder):
        for name in names:
            (folder / name).write_bytes(b"garbage" * 1000)

    return spoil


def remove(name):
    def spoil(folder):
        target = folder / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return spoil


def halve(name):
    def spoil(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        overwrite("chroma/chroma.sqlite3"),
        halve("chroma/chroma.sqlite3"),
        remove("chroma"),
        remove("bm25"),
        overwrite("bm25/corpus.jsonl"),
        remove("bm25/corpus.jsonl"),
        remove("bm25/vocab.index.json"),
        overwrite("bm25/data.csc.index.npy"),
        remove("sentences.npy"),
        halve("sentences.npy"),
        overwrite("sentence_starts.npy"),
    ],
)
def test_a_damaged_chroma_or_keyword_index_is_told_when_it_is_opened(folder, embedding, spoil):
    spoil(folder)
    with pytest.raises(IndexDamagedError, match="Ingest the course again") as damaged:
        Generation(folder, embedding)
    assert str(folder) in str(damaged.value)


def test_a_manifest_that_counts_other_passages_than_chroma_is_damage(folder, embedding):
    row = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**row, "passages": row["passages"] + 1}))
    with pytest.raises(IndexDamagedError, match=f"{row['passages']} passages in Chroma.*{row['passages'] + 1} in the manifest"):
        Generation(folder, embedding)


@pytest.mark.parametrize("content", [None, b"{", b"3\n", b'{"file": "a.pdf"}\n', b"\xff\n"])
def test_damaged_passages_are_told_with_their_file(folder, content):
    (folder / "passages.jsonl").unlink()
    if content is not None:
        (folder / "passages.jsonl").write_bytes(content)
    with pytest.raises(IndexDamagedError, match=r"passages\.jsonl.*Ingest the course again"):
        read_passages(folder)


def test_the_stored_vectors_are_unit_length(folder, embedding):
    generation = Generation(folder, embedding)
    rows = np.array(generation._collection.get(include=["embeddings"])["embeddings"])
    assert rows.shape == (generation.manifest.passages, 384)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    generation.close()
