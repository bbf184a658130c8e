"""A course: its name, its live generation, its one writer, and what is kept and swept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from index_store.course import GENERATIONS_KEPT, Library
from index_store.embedding import Embedding, Vectors
from index_store.errors import CourseError, IndexDamagedError
from index_store.files import sha256_of
from index_store.generation import read_passages
from index_store.manifest import BookEntry, read_manifest
from index_store.passage import Passage

REPOSITORY = Path(__file__).parents[2]
# Publishing needs an embedding's name, key and width only; the vectors are given.
SMALL = Embedding("small", "small@1", 3, 256, model=None, tokenizer=None)


@pytest.fixture
def course(library):
    return library.course("algebra")


def passages_of(text):
    return [Passage("a.pdf", "A", ("1",), 1, 1, "1", "1", f"{text} number {n}", n).with_id() for n in range(3)]


def publish(course, text="passage"):
    with course.writer() as writer:
        new = writer.build(
            passages_of(text),
            Vectors(np.eye(3, dtype=np.float32), list(np.eye(3, dtype=np.float16)[:, None])),
            SMALL,
            [BookEntry("a.pdf", "A", "00", 1, 3, 0, 0)],
            {"version": 1},
        )
        writer.make_live(new)
        return new


def generations(course):
    return sorted(folder.name for folder in (course.folder / "generations").iterdir())


@pytest.mark.parametrize(
    "name", ["", "../x", "..", ".", "a/b", "/etc", "a\\b", "A", "a b", "-a", "_a", ".a", "ä", "a\n", "a\0", "a" * 65, "a.b"]
)
def test_a_name_that_could_leave_the_folder_or_confuse_is_refused(library, name):
    with pytest.raises(CourseError, match="use 1 to 64 of a-z") as refused:
        library.course(name)
    assert "\n" not in str(refused.value)
    assert not library.home.exists()


@pytest.mark.parametrize("name", ["a", "1", "algebra-2_b", "a" * 64])
def test_a_plain_name_is_taken_and_stays_in_the_home(library, name):
    assert library.course(name).folder == library.home / "courses" / name


def test_a_course_that_is_not_there_is_refused_naming_those_that_are(library, course):
    publish(course)
    publish(library.course("botany"))
    with pytest.raises(CourseError, match=r"no course 'chemistry' .*\(courses: algebra, botany\)\. Make it with: tutor ingest"):
        library.existing("chemistry")
    assert library.existing("algebra").folder == course.folder


def test_only_courses_with_a_live_index_are_listed(library, course):
    (library.home / "courses" / "empty").mkdir(parents=True)
    (library.home / "courses" / "Not A Course").mkdir()
    assert library.courses() == []
    publish(course)
    assert [c.name for c in library.courses()] == ["algebra"]


def test_a_course_never_published_says_how_to_make_it(course):
    with pytest.raises(CourseError, match=r"has no index yet\. Make one with: tutor ingest"):
        course.live  # noqa: B018


def test_a_published_generation_is_live_and_whole(course):
    folder = publish(course, "a first")
    assert course.live == folder
    assert read_passages(folder) == passages_of("a first")
    manifest = course.manifest()
    assert (manifest.embedding, manifest.embedding_key, manifest.dimension, manifest.passages) == ("small", "small@1", 3, 3)
    assert manifest.settings == {"version": 1}
    assert [book.file for book in manifest.books] == ["a.pdf"]


@pytest.mark.parametrize("content", [b"", b"../../other\n", b"2000-01-01T000000Z-abcdef\n", b"\xff\xfe\x00", b"..\n"])
def test_a_current_file_that_names_no_generation_is_damage_and_the_next_publication_mends_it(course, content):
    publish(course)
    (course.folder / "CURRENT").write_bytes(content)
    with pytest.raises(IndexDamagedError, match="Ingest the course again"):
        course.live  # noqa: B018
    assert publish(course, "again") == course.live


HOLD = """
import sys
from pathlib import Path
from index_store.course import Library
with Library(Path(sys.argv[1])).course("algebra").writer():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_is_refused_and_told_the_process_that_writes(library, course):
    publish(course)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(library.home)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", cwd=REPOSITORY,
    )  # fmt: skip
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(CourseError, match=f"is being written by process {holder.pid} since 20") as refused:
            publish(course)
        assert "Wait for it to end." in str(refused.value)
        assert course.manifest().passages == 3  # reading needs no lock
    finally:
        holder.stdin.close()
        holder.wait()
        holder.stdout.close()
    assert publish(course, "afterwards") == course.live


def test_a_second_writer_in_the_same_process_is_refused_too(course):
    with course.writer(), pytest.raises(CourseError, match=f"process {os.getpid()} since"):
        publish(course)


def test_a_lock_left_by_a_killed_writer_does_not_hold_anyone_up(library, course):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(library.home)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", cwd=REPOSITORY,
    )  # fmt: skip
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.communicate()
    assert publish(course) == course.live


def test_two_courses_can_be_written_at_once(library, course):
    with course.writer():
        assert publish(library.course("botany")) == library.course("botany").live


def test_a_torn_generation_is_never_live_and_is_swept_by_the_next_writer(course):
    live = publish(course)
    torn = course.folder / "generations" / "2999-01-01T000000Z-abcdef"
    torn.mkdir()
    (torn / "passages.jsonl").write_text("{}")
    assert course.live == live
    with pytest.raises(IndexDamagedError, match="no readable manifest"):
        read_manifest(torn)
    with course.writer():
        pass
    assert generations(course) == [live.name]


def test_at_most_three_old_generations_are_kept_beside_the_live_one(course):
    for n in range(6):
        live = publish(course, f"text {n}")
        assert len(generations(course)) <= GENERATIONS_KEPT + 1
    assert live.name in generations(course)
    assert read_passages(course.live)[0].text == "text 5 number 0"


def test_a_live_generation_older_than_those_kept_is_never_swept(course):
    first = publish(course)
    for n in range(4):
        # Complete generations that sort after the live one, as a clock set back or two in one second can make.
        folder = course.folder / "generations" / f"2999-01-0{n + 1}T000000Z-abcdef"
        folder.mkdir()
        (folder / "manifest.json").write_text("{}")
    with course.writer():
        pass
    assert course.live == first
    assert len(generations(course)) == GENERATIONS_KEPT


def test_a_stray_file_among_the_generations_stops_no_writer(course):
    publish(course)
    (course.folder / "generations" / ".DS_Store").write_bytes(b"\0")
    assert publish(course, "again") == course.live


def test_an_error_while_a_generation_is_built_leaves_no_trace_and_the_old_one_live(course, monkeypatch):
    live = publish(course)

    def fail(*arguments):
        raise RuntimeError("broken")

    monkeypatch.setattr("index_store.generation.write_atomically", fail)  # the manifest, the last file of a generation
    with pytest.raises(RuntimeError, match="broken"):
        publish(course, "never")
    assert course.live == live
    assert generations(course) == [live.name]
    assert not (course.folder / "writer.json").exists()


def test_a_book_is_kept_by_its_content(course, tmp_path):
    file = tmp_path / "book.pdf"
    file.write_bytes(b"%PDF-1.7 a book")
    digest = sha256_of(file)
    with course.writer() as writer:
        writer.keep_book(file, digest)
        file.write_bytes(b"changed since")
        writer.keep_book(file, digest)
    kept = course.book_file(BookEntry("book.pdf", "Book", digest, 1, 1, 0, 0))
    assert sha256_of(kept) == digest
    assert list(kept.parent.iterdir()) == [kept]


def test_a_book_is_kept_under_its_own_suffix_and_those_kept_as_pdf_before_are_found(course, tmp_path):
    (tmp_path / "notes.MD").write_text("# Notes")
    entry = BookEntry("notes.MD", "Notes", sha256_of(tmp_path / "notes.MD"), 1, 1, 0, 0)
    old = course.folder / "books" / f"{entry.sha256}.pdf"
    with course.writer() as writer:
        old.write_text("# Notes")
        assert course.book_file(entry) == old
        writer.keep_book(tmp_path / "notes.MD", entry.sha256)
    assert course.book_file(entry) == old.with_suffix(".md")


def test_the_library_of_a_home_that_is_not_there_is_empty_and_stays_unmade(tmp_path):
    assert Library(tmp_path / "nowhere").courses() == []
    assert not (tmp_path / "nowhere").exists()
