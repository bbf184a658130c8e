"""Verification in a child process: a sound index passes, damage is told."""

from __future__ import annotations

import shutil

import pytest

from index_store.errors import IndexDamagedError
from index_store.generation import read_passages
from index_store.verify import SAMPLE, verify, verify_in_child


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
