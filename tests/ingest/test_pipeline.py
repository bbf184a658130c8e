"""A whole ingest: what is read, kept, carried, refused and published; and what a fault or a crash leaves behind."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest

from index_store.course import Library
from index_store.errors import CourseError, IndexDamagedError
from index_store.files import sha256_of
from index_store.generation import read_passages
from index_store.search import CourseSearch
from index_store.verify import verify_in_child
from ingest.pipeline import ingest, unchanged
from ingest.sources import find_books

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def books(tmp_path, typeset):
    """Two small books: optics.pdf and waves.pdf, of two sections each."""
    typeset(
        tmp_path / "books" / "optics.pdf",
        "= Lenses\nA converging lens brings parallel rays together at its focal point.\n"
        "= Mirrors\nA plane mirror shows a virtual image as far behind it as the object stands before it.\n",
    )
    typeset(
        tmp_path / "books" / "waves.pdf",
        "= Sound\nSound in air is a longitudinal wave of pressure.\n= Light\nLight is a transverse electromagnetic wave.\n",
    )
    return tmp_path / "books"


@pytest.fixture
def course(library):
    return library.course("physics")


def run(library, course, embedding, *paths, **options):
    return ingest(list(paths), course, embedding, library.vectors, **options)


def state_of(course, but=()):
    """Every file of the course but the writer's lock, with its content. (Opening a Chroma folder changes its files.)"""
    return {
        str(file.relative_to(course.folder)): sha256_of(file)
        for file in course.folder.rglob("*")
        if file.is_file() and file.name != "writer.lock" and not set(but) & set(file.parts)
    }


def statuses(report):
    return {book.file: book.status for book in report.books}


def stored_vectors(library):
    with closing(sqlite3.connect(library.home / "vectors.sqlite")) as database:
        return database.execute("SELECT COUNT(*) FROM passages").fetchone()[0]


def answer(course, embedding, question):
    return CourseSearch(course, embedding).search(question)[0].passage


def test_a_first_ingest_publishes_the_books_with_what_another_reader_counts(library, course, embedding, books):
    report = run(library, course, embedding, books)
    assert report.published
    assert statuses(report) == {"optics.pdf": "read", "waves.pdf": "read"}
    assert report.passages == report.embedded == stored_vectors(library) == 4  # one for each section
    manifest = course.manifest()
    for entry in manifest.books:
        with pikepdf.open(books / entry.file) as pdf:
            assert entry.pages == len(pdf.pages)
        assert entry.sha256 == sha256_of(books / entry.file) == sha256_of(course.book_file(entry))
    assert manifest.passages == len(read_passages(course.live)) == 4
    assert answer(course, embedding, "What does a converging lens do?").section == ("Lenses",)


def test_ingesting_unchanged_books_again_publishes_and_embeds_nothing(library, course, embedding, books):
    run(library, course, embedding, books)
    before, vectors = state_of(course, but=["chroma"]), stored_vectors(library)
    stages = []
    report = run(library, course, embedding, books, progress=lambda stage, done, total: stages.append(stage))
    assert not report.published
    assert (report.embedded, stored_vectors(library)) == (0, vectors)
    assert statuses(report) == {"optics.pdf": "unchanged", "waves.pdf": "unchanged"}
    assert stages == []
    assert state_of(course, but=["chroma"]) == before


def test_that_nothing_changed_is_known_without_an_embedding_and_only_then(library, course, embedding, books, typeset):
    assert unchanged([books], course, embedding.key) is None  # there is no course yet
    first = run(library, course, embedding, books)
    report = unchanged([books / "optics.pdf"], course, embedding.key)
    assert report is not None
    assert [(book.file, book.status) for book in report.books] == [("optics.pdf", "unchanged"), ("waves.pdf", "carried")]
    assert (report.passages, report.published) == (first.passages, False)
    assert unchanged([books], course, "another@key") is None
    typeset(books / "optics.pdf", "= Lenses\nA second edition says something else about lenses.\n")
    assert unchanged([books], course, embedding.key) is None


def test_adding_a_book_carries_the_other_forward_and_embeds_only_the_new_texts(library, course, embedding, books):
    run(library, course, embedding, books / "optics.pdf")
    old = read_passages(course.live)
    (books / "optics.pdf").unlink()  # the course no longer needs the file it was given
    report = run(library, course, embedding, books / "waves.pdf")
    assert statuses(report) == {"waves.pdf": "read", "optics.pdf": "carried"}
    assert (report.embedded, report.passages) == (2, 4)
    assert [p for p in read_passages(course.live) if p.file == "optics.pdf"] == old
    assert answer(course, embedding, "image in a plane mirror").file == "optics.pdf"


def test_a_new_edition_replaces_the_old_one(library, course, embedding, books, typeset):
    run(library, course, embedding, books)
    typeset(books / "waves.pdf", "= Sound\nSound in steel travels at five kilometres a second.\n")
    report = run(library, course, embedding, books)
    assert statuses(report) == {"waves.pdf": "read", "optics.pdf": "unchanged"}
    texts = " ".join(p.text for p in read_passages(course.live))
    assert "steel" in texts
    assert "electromagnetic" not in texts


def test_one_bad_book_among_good_ones_is_refused_and_the_others_go_in(library, course, embedding, books):
    (books / "bad.pdf").write_bytes(b"%PDF-1.7 and no more")
    report = run(library, course, embedding, books)
    assert report.published
    assert statuses(report) == {"bad.pdf": "refused", "optics.pdf": "read", "waves.pdf": "read"}
    (refused,) = report.refused
    assert str(books / "bad.pdf") in refused.error
    assert "Export or download it again." in refused.error
    assert {entry.file for entry in course.manifest().books} == {"optics.pdf", "waves.pdf"}


def _empty(file, good):
    file.write_bytes(b"")


def _not_pdf(file, good):
    file.write_text("not a book at all")


def _truncated(file, good):
    file.write_bytes(good.read_bytes()[: good.stat().st_size // 2])


def _encrypted(file, good):
    with pikepdf.open(good) as pdf:
        pdf.save(file, encryption=pikepdf.Encryption(user="exam", owner="exam"))


def _scanned(file, good):
    pdf = pikepdf.new()
    page = pdf.add_blank_page()
    page.obj.Contents = pdf.make_stream(b"0 0 200 300 re f")  # a drawing, as of a scanned page
    pdf.save(file)


@pytest.mark.parametrize(
    ("spoil", "reason", "remedy"),
    [
        (_empty, "empty", "Export or download it again."),
        (_not_pdf, "not a PDF", "as a PDF."),
        (_truncated, "damaged", "Export or download it again."),
        (_encrypted, "password", "without the password"),
        (_scanned, "no text on any of its 1 pages, so it is probably scanned", "--ocr"),
    ],
)
def test_a_bad_new_edition_is_refused_and_the_old_index_stays_byte_for_byte(
    library, course, embedding, books, sample_books, tmp_path, spoil, reason, remedy
):
    run(library, course, embedding, books / "waves.pdf")
    before = state_of(course)
    spoil(tmp_path / "waves.pdf", sample_books / "algorithms.pdf")
    report = run(library, course, embedding, tmp_path / "waves.pdf")
    assert not report.published
    (refused,) = report.refused
    assert refused.error.startswith(f"{tmp_path / 'waves.pdf'}: ")
    assert reason in refused.error
    assert remedy in refused.error
    assert "\n" not in refused.error
    assert state_of(course) == before
    assert answer(course, embedding, "what is sound").section == ("Sound",)


def test_a_course_whose_only_book_is_bad_is_not_made(library, course, embedding, tmp_path):
    (tmp_path / "bad.pdf").write_bytes(b"")
    assert not run(library, course, embedding, tmp_path / "bad.pdf").published
    assert library.courses() == []


def test_a_path_that_is_not_there_is_refused_before_the_course_is_touched(library, course, embedding, books):
    with pytest.raises(CourseError, match=r"missing\.pdf: no such file or folder\. Check the path\."):
        run(library, course, embedding, books, books / "missing.pdf")
    assert not course.folder.exists()


def test_a_folder_without_books_is_refused(tmp_path):
    (tmp_path / "notes.py").write_text("nothing here")
    with pytest.raises(CourseError, match=r"no book in this folder.*PDF, DOCX, PPTX"):
        find_books([tmp_path])


def test_books_are_found_in_folders_below_whatever_the_case_of_their_suffix_and_once_each(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("a.pdf", "deep/B.PDF", "c.py"):
        (tmp_path / name).write_bytes(b"x")
    found = {"a.pdf": tmp_path / "a.pdf", "deep/B.PDF": tmp_path / "deep" / "B.PDF"}
    assert find_books([tmp_path, tmp_path / "a.pdf", tmp_path / "deep" / "B.PDF"]) == (found, [])


def test_books_of_one_name_in_the_folders_of_a_folder_are_named_with_them(tmp_path):
    for folder in ("week1", "week2"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "slides.pdf").write_text(folder)
    assert list(find_books([tmp_path])[0]) == ["week1/slides.pdf", "week2/slides.pdf"]


def test_of_two_books_given_under_one_name_the_second_is_refused_naming_both(tmp_path):
    for folder in ("year1", "year2"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "notes.pdf").write_text(folder)
    books, refused = find_books([tmp_path / "year1", tmp_path / "year2"])
    assert books == {"notes.pdf": tmp_path / "year1" / "notes.pdf"}
    (outcome,) = refused
    assert outcome.error.startswith(f"{tmp_path / 'year2' / 'notes.pdf'}: {tmp_path / 'year1' / 'notes.pdf'} has the same name")


def test_other_settings_have_the_kept_books_read_again(library, course, embedding, books, monkeypatch):
    run(library, course, embedding, books)
    (books / "optics.pdf").unlink()
    monkeypatch.setattr("ingest.pipeline.VERSION", 99)
    report = run(library, course, embedding, books / "waves.pdf")
    assert report.published
    assert statuses(report) == {"waves.pdf": "read", "optics.pdf": "read"}
    assert report.embedded == 0  # the same texts under the same embedding
    assert course.manifest().settings["version"] == 99


def test_another_embedding_has_the_kept_books_read_and_everything_embedded_again(library, course, embedding, books):
    run(library, course, embedding, books)
    (books / "optics.pdf").unlink()
    other = replace(embedding, name="another", key="another@0123456789abcdef")
    report = run(library, course, other, books / "waves.pdf")
    assert statuses(report) == {"waves.pdf": "read", "optics.pdf": "read"}
    assert report.embedded == 4
    assert course.manifest().embedding_key == other.key


def test_the_same_book_in_a_second_course_is_not_embedded_again(library, course, embedding, books):
    run(library, course, embedding, books)
    report = run(library, library.course("revision"), embedding, books)
    assert report.published
    assert report.embedded == 0


def test_a_damaged_index_is_mended_by_ingesting_again_as_its_message_says(library, course, embedding, books):
    run(library, course, embedding, books)
    (course.live / "chroma" / "chroma.sqlite3").write_bytes(b"not a database" * 500)
    with pytest.raises(IndexDamagedError, match="Ingest the course again"):
        CourseSearch(course, embedding)
    report = run(library, course, embedding, books)
    assert report.published
    assert report.embedded == 0  # all from the vectors kept
    assert verify_in_child(course.live).passages == 4


def test_passages_that_are_not_those_of_the_manifest_are_read_again_from_the_kept_books(library, course, embedding, books):
    run(library, course, embedding, books)
    file = course.live / "passages.jsonl"
    lines = file.read_text("utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if '"waves.pdf"' not in line), "utf-8")
    report = run(library, course, embedding, books / "optics.pdf")
    assert statuses(report) == {"optics.pdf": "read", "waves.pdf": "read"}
    assert len(read_passages(course.live)) == 4


def test_an_error_while_the_generation_is_built_leaves_the_old_index_live(library, course, embedding, books, monkeypatch):
    run(library, course, embedding, books / "optics.pdf")
    before = state_of(course)
    with monkeypatch.context() as patch:

        def disk_full(*arguments):
            raise OSError(28, "No space left on device")

        patch.setattr("index_store.generation._make_keyword_index", disk_full)  # after Chroma is written
        with pytest.raises(CourseError, match="No space left on device"):
            run(library, course, embedding, books)
    after = state_of(course)
    assert {name: digest for name, digest in after.items() if not name.startswith("books/")} == {
        name: digest for name, digest in before.items() if not name.startswith("books/")
    }
    assert answer(course, embedding, "What does a converging lens do?").section == ("Lenses",)
    assert run(library, course, embedding, books).published


KILLED = """
import sys, time
from pathlib import Path
from tutor.offline import close_network
close_network(hub=False)
import index_store.generation
from index_store.course import Library
from index_store.embedding import load_embedding
from ingest.pipeline import ingest

def hang(nodes):
    print("building", flush=True)
    time.sleep(600)

index_store.generation._make_keyword_index = hang
library = Library(Path(sys.argv[1]))
ingest([Path(sys.argv[2])], library.course("physics"), load_embedding(models=Path(sys.argv[3])), library.vectors)
"""


def test_a_process_killed_while_it_builds_leaves_the_old_index_live_and_the_next_ingest_sweeps_up(
    library, course, embedding, books, models
):
    run(library, course, embedding, books / "optics.pdf")
    current = (course.folder / "CURRENT").read_bytes()
    live = course.live
    command = [sys.executable, "-c", KILLED, str(library.home), str(books), str(models)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", cwd=REPOSITORY)
    try:
        assert child.stdout.readline() == "building\n"
        with pytest.raises(CourseError, match=f"process {child.pid} since"):
            run(library, course, embedding, books)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
    torn = [folder for folder in (course.folder / "generations").iterdir() if folder != live]
    assert len(torn) == 1
    assert (torn[0] / "passages.jsonl").exists()
    assert not (torn[0] / "manifest.json").exists()
    assert (course.folder / "CURRENT").read_bytes() == current
    assert answer(course, embedding, "What does a converging lens do?").section == ("Lenses",)
    report = run(library, course, embedding, books)
    assert report.published
    assert report.embedded == 0  # the killed run had kept its vectors
    assert not torn[0].exists()


def test_a_library_copied_to_another_place_still_answers(library, course, embedding, books, tmp_path):
    run(library, course, embedding, books)
    shutil.copytree(library.home, tmp_path / "copy")
    shutil.rmtree(library.home)
    assert answer(Library(tmp_path / "copy").course("physics"), embedding, "what is light").section == ("Light",)
