"""Files that are replaced whole or not at all."""

from __future__ import annotations

import pytest

from index_store.files import sha256_of, sync_folder, write_atomically


def test_the_digest_is_the_one_published_for_the_text_abc(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_writing_replaces_the_old_text_and_leaves_nothing_else_behind(tmp_path):
    file = tmp_path / "CURRENT"
    file.write_text("a much longer old text")
    write_atomically(file, "new é\n")
    assert file.read_bytes() == b"new \xc3\xa9\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_reader_that_opened_the_old_file_reads_it_to_its_end(tmp_path):
    file = tmp_path / "CURRENT"
    file.write_text("old")
    with file.open() as reader:
        write_atomically(file, "new")
        assert reader.read() == "old"
    assert file.read_text() == "new"


def test_a_failed_write_leaves_the_old_text_and_no_temporary_file(tmp_path):
    file = tmp_path / "CURRENT"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(file, "half \ud800")  # a lone surrogate cannot be written as UTF-8
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_syncing_a_folder_that_is_not_there_says_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "missing")
