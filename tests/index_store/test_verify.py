"""Verification in a child process: a sound index passes, damage is told."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from index_store.checksums import altered
from index_store.errors import IndexDamagedError
from index_store.generation import COLLECTION, chroma_client, read_passages
from index_store.manifest import read_manifest
from index_store.verify import SAMPLE, check_sound, verify, verify_in_child


@pytest.fixture
def folder(sample_library, tmp_path):
    return shutil.copytree(sample_library.course("sample").live, tmp_path / "generation")


def test_a_sound_index_passes_with_its_counts(folder):
    seen = verify_in_child(folder)
    assert seen.passages == len(read_passages(folder))
    assert seen.sample >= SAMPLE


def test_a_damaged_database_is_told_by_the_child_in_one_line(folder):
    (folder / "chroma" / "chroma.sqlite3").write_bytes(b"garbage" * 1000)
    with pytest.raises(IndexDamagedError, match="Ingest the course again") as damaged:
        verify_in_child(folder)
    assert str(folder) in str(damaged.value)
    assert "\n" not in str(damaged.value)


def test_passages_that_are_fewer_than_the_manifest_counts_are_told(folder):
    lines = (folder / "passages.jsonl").read_text("utf-8").splitlines(keepends=True)
    (folder / "passages.jsonl").write_text("".join(lines[:-1]), "utf-8")
    with pytest.raises(IndexDamagedError, match=f"{len(lines) - 1} passages in passages.jsonl, {len(lines)} in the manifest"):
        verify(folder)


def asked(folder):
    """A reader in this process, which writes into Chroma's database as every opening does."""
    before = (folder / "chroma" / "chroma.sqlite3").read_bytes()
    client = chroma_client(folder / "chroma")
    assert client.get_collection(COLLECTION, embedding_function=None).count() > 0
    client.close()
    return before != (folder / "chroma" / "chroma.sqlite3").read_bytes()


def test_a_generation_that_was_read_is_still_the_one_that_was_written(folder):
    assert asked(folder)
    assert altered(folder, read_manifest(folder).checksums) == []


def test_what_is_as_it_was_written_is_not_opened_again(folder, monkeypatch):
    monkeypatch.setattr("index_store.verify.verify_in_child", lambda folder: pytest.fail("opened"))
    check_sound(folder)


@pytest.mark.parametrize("name", ["sentences.npy", "bm25/corpus.jsonl", "passages.jsonl"])
def test_one_altered_byte_that_changes_no_count_is_told(folder, name):
    file = folder / name
    letter = file.read_bytes().rindex(b"e") if name.endswith("jsonl") else file.stat().st_size // 2
    content = bytearray(file.read_bytes())
    content[letter] = ord("o")
    file.write_bytes(content)
    with pytest.raises(IndexDamagedError, match=f"{name}: not as it was written"):
        check_sound(folder)


def test_a_vector_altered_in_the_database_is_noticed(folder):
    recorded = read_manifest(folder).checksums
    with closing(sqlite3.connect(folder / "chroma" / "chroma.sqlite3")) as database, database:
        (vector,) = database.execute("SELECT vector FROM embeddings_queue ORDER BY seq_id LIMIT 1").fetchone()
        database.execute("UPDATE embeddings_queue SET vector = ? WHERE vector = ?", (bytes(len(vector)), vector))
    assert altered(folder, recorded) == ["chroma/chroma.sqlite3"]


def test_a_missing_file_is_told(folder):
    (folder / "sentence_starts.npy").unlink()
    with pytest.raises(IndexDamagedError, match=r"sentence_starts\.npy"):
        check_sound(folder)


def test_a_generation_made_before_checksums_were_kept_is_opened_and_passes(folder):
    row = json.loads((folder / "manifest.json").read_text("utf-8"))
    del row["checksums"]
    (folder / "manifest.json").write_text(json.dumps(row), "utf-8")
    check_sound(folder)
    (folder / "chroma" / "chroma.sqlite3").write_bytes(b"garbage" * 1000)
    with pytest.raises(IndexDamagedError):
        check_sound(folder)
