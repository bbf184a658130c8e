"""The processes that read foreign files: kept for the next file, replaced where a file ends one, gone at the end."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from index_store.errors import BookError
from ingest.formats import read_book
from ingest.pdf import read_pdf
from ingest.readers import Readers

LINUX = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="processes are looked up in /proc")


def children() -> set[int]:
    """The processes that this one has started."""
    return {int(child) for listed in Path("/proc/self/task").glob("*/children") for child in listed.read_text("ascii").split()}


def gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{process}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0] == "Z"


@LINUX
def test_one_process_reads_file_after_file_and_ends_with_its_readers(sample_books):
    before = children()
    with Readers() as readers:
        first = read_pdf(sample_books / "algorithms.pdf", readers=readers)
        started = children() - before
        second = read_pdf(sample_books / "mechanics.pdf", readers=readers)
        assert children() - before == started
        assert len(started) == 1
    assert first == read_pdf(sample_books / "algorithms.pdf")
    assert second == read_pdf(sample_books / "mechanics.pdf")
    assert all(map(gone, started))


def test_a_book_that_ends_its_reader_does_not_keep_the_next_one_from_being_read(sample_books, monkeypatch):
    with Readers() as readers:
        assert read_pdf(sample_books / "mechanics.pdf", readers=readers).pages
        monkeypatch.setattr("ingest.pdf.MEGABYTES", 16)
        with pytest.raises(BookError, match=r"algorithms\.pdf: .*(memory|the reader stopped)"):
            read_pdf(sample_books / "algorithms.pdf", readers=readers)
        monkeypatch.undo()
        assert read_pdf(sample_books / "algorithms.pdf", readers=readers) == read_pdf(sample_books / "algorithms.pdf")


@LINUX
def test_a_reader_that_is_killed_is_replaced(sample_books):
    before = children()
    with Readers() as readers:
        read_pdf(sample_books / "mechanics.pdf", readers=readers)
        (started,) = children() - before
        os.kill(started, signal.SIGKILL)
        while not gone(started):
            time.sleep(0.01)
        assert read_pdf(sample_books / "mechanics.pdf", readers=readers).pages


def test_reading_is_ended_when_its_time_is_over_and_the_next_file_is_read(sample_books, typeset, tmp_path):
    long = typeset(tmp_path / "long.pdf", "word " * 400_000)
    with Readers() as readers:
        begun = time.monotonic()
        with pytest.raises(BookError, match="took longer than 1 s"):
            list(readers.rows_of("ingest.pdf_reader", long, {}, seconds=1, options=("5000", "60", "")))
        assert time.monotonic() - begun < 20
        assert read_book(sample_books / "mechanics.pdf", readers=readers).pages


@LINUX
def test_leaving_ends_what_is_being_read(typeset, tmp_path):
    # As at Ctrl-C: nobody waits for the end of a long book.
    long = typeset(tmp_path / "long.pdf", "word " * 400_000)
    before = children()
    ended: list[BaseException] = []

    def read() -> None:
        try:
            read_pdf(long, readers=readers)
        except BookError as error:
            ended.append(error)

    with Readers() as readers:
        thread = threading.Thread(target=read)
        thread.start()
        while not (started := children() - before):
            time.sleep(0.01)
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert len(ended) == 1
    assert all(map(gone, started))
