"""Whatever a user can get wrong is one line that says how to mend it, exit code 2, and an index that is as it was."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path

import pikepdf
import pytest

from index_store.course import Library

from .conftest import PROGRAM, environment


def one_line(result):
    """The one line that a failed command told."""
    assert result.code == 2
    assert "Traceback" not in result.err + result.out
    assert len(result.told) == 1
    assert result.err.splitlines()[-1] == result.told[0]
    return result.told[0]


def _corrupt(file: Path, book: Path) -> None:
    file.write_bytes(book.read_bytes()[: book.stat().st_size // 2])


def _empty(file: Path, book: Path) -> None:
    file.write_bytes(b"")


def _encrypted(file: Path, book: Path) -> None:
    with pikepdf.open(book) as pdf:
        pdf.save(file, encryption=pikepdf.Encryption(user="exam", owner="exam"))


def _scanned(file: Path, book: Path) -> None:
    pdf = pikepdf.new()
    pdf.add_blank_page()
    pdf.save(file)


BAD_BOOKS = [
    (_corrupt, "the PDF is damaged and cannot be opened. Export or download it again."),
    (_empty, "the file is empty. Export or download it again."),
    (_encrypted, "the PDF is encrypted and needs a password. Save a copy without the password and ingest that."),
    (_scanned, "no text on any of its 1 pages, so it is probably scanned. Give --ocr"),
]


@pytest.fixture
def bad_book(tmp_path, sample_books):
    def make(spoil):
        file = tmp_path / "bad" / "lecture notes.pdf"
        file.parent.mkdir()
        spoil(file, sample_books / "algorithms.pdf")
        return file

    return make


@pytest.mark.parametrize(("spoil", "said"), BAD_BOOKS)
def test_a_bad_book_is_refused_in_one_line_and_the_index_stays_as_it_was(tutor, small_home, state, bad_book, spoil, said):
    book, before = bad_book(spoil), state(small_home)
    result = tutor("ingest", book, "--course", "physics", "--home", small_home)
    assert result.code == 2
    refused = [line for line in result.out.splitlines() if line.startswith("  refused ")]
    assert len(refused) == 1
    assert refused[0].startswith(f"  refused    {book}: {said}")
    assert "Traceback" not in result.out + result.err
    assert state(small_home) == before
    assert "Nothing changed: course 'physics' keeps its 1 passage." in result.out


def test_a_bad_book_makes_no_course(tutor, tmp_path, bad_book):
    result = tutor("ingest", bad_book(_empty), "--course", "new", "--home", tmp_path / "home")
    assert result.code == 2
    assert "Course 'new' was not made: no book could be read." in result.out
    assert Library(tmp_path / "home").courses() == []


def test_a_bad_book_among_good_ones_exits_3_and_the_good_ones_are_live(tutor, small_home, tmp_path, typeset, bad_book):
    bad = bad_book(_corrupt)
    good = typeset(tmp_path / "waves.pdf", "= Sound\nSound in air is a longitudinal wave of pressure.\n")
    before = Library(small_home).course("physics").live
    result = tutor("ingest", bad, good, "--course", "physics", "--home", small_home, "--json")
    assert result.code == 3
    report = json.loads(result.out)
    statuses = {book["file"]: book["status"] for book in report["books"]}
    assert statuses == {"lecture notes.pdf": "refused", "waves.pdf": "read", "optics.pdf": "carried"}
    assert report["published"] is True
    course = Library(small_home).course("physics")
    assert course.live != before
    assert {book.file for book in course.manifest().books} == {"optics.pdf", "waves.pdf"}


@pytest.mark.parametrize("name", ["nowhere.pdf", "no/folder", ""])
def test_a_wrong_path_is_told_before_anything_loads(tutor, small_home, state, tmp_path, name):
    before = state(small_home)
    result = tutor("ingest", tmp_path / "gone" / name, "--course", "physics", "--home", small_home)
    assert one_line(result) == f"tutor: {tmp_path / 'gone' / name}: no such file or folder. Check the path."
    assert "loading" not in result.err
    assert state(small_home) == before


def test_a_folder_without_books_is_told(tutor, tmp_path):
    (tmp_path / "a").mkdir()
    assert "no book in this folder" in one_line(tutor("ingest", tmp_path / "a", "--course", "x", "--home", tmp_path / "home"))


@pytest.mark.parametrize("name", ["../x", "..", ".", "", "a/b", "A", "Ünï", "-x", "_x", "x" * 65, "a b", "x\n", "~"])
def test_a_course_name_that_could_leave_its_folder_or_clash_is_refused(tutor, tmp_path, sample_books, name):
    home = tmp_path / "home"
    for result in (
        tutor("ingest", sample_books, f"--course={name}", "--home", home),
        tutor("ask", "why?", f"--course={name}", "--home", home),
    ):
        assert one_line(result).startswith(f"tutor: course name {name!r}: use 1 to 64 of a-z, 0-9, - and _")
    assert not home.exists()


@pytest.mark.parametrize("question", ["", "  \n"])
def test_an_empty_question_is_told_before_anything_loads(tutor, small_home, question):
    result = tutor("ask", question, "--course", "physics", "--home", small_home)
    assert one_line(result) == "tutor: the question is empty. Type a question on the course."


def test_a_damaged_vector_cache_is_told_with_the_cure_and_the_course_stays(tutor, small_home, state, typeset, tmp_path):
    book = typeset(tmp_path / "new.pdf", "= Lenses\n" + "A lens bends light towards its axis. " * 12)
    for file in small_home.glob("vectors.sqlite*"):
        file.unlink()
    (small_home / "vectors.sqlite").write_bytes(b"no database at all, and long enough to be read as one " * 40)
    before = state(small_home)
    line = one_line(tutor("ingest", book, "--course", "physics", "--home", small_home))
    assert line.startswith(f"tutor: {small_home / 'vectors.sqlite'}: file is not a database. Delete this file")
    assert state(small_home) == before
    (small_home / "vectors.sqlite").unlink()
    assert tutor("ingest", book, "--course", "physics", "--home", small_home).code == 0


def test_an_unknown_course_names_those_there_are_before_anything_loads(tutor, small_home, state):
    before = state(small_home)
    result = tutor("ask", "what is a lens?", "--course", "physic", "--home", small_home)
    line = one_line(result)
    assert "no course 'physic'" in line
    assert "(courses: physics)" in line
    assert "tutor ingest BOOK.pdf --course physic" in line
    assert "loading" not in result.err
    assert state(small_home) == before


def test_an_endpoint_that_is_not_there_is_told(tutor, sample_home, state):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
    before = state(sample_home)
    line = one_line(tutor("ask", "why?", "--course", "sample", "--home", sample_home, "--model", f"{address}#x"))
    assert line.startswith(f"tutor: {address}: cannot be reached")
    assert "Start the server, or check host and port." in line
    assert state(sample_home) == before


def test_a_model_folder_without_a_tokenizer_is_told(tutor, sample_home, state, tmp_path):
    folder = tmp_path / "tuned"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "model.safetensors").write_bytes(b"")
    before = state(sample_home)
    line = one_line(tutor("ask", "why?", "--course", "sample", "--home", sample_home, "--model", folder))
    assert line.startswith(f"tutor: {folder}: no tokenizer (")
    assert line.endswith("Copy the tokenizer's files next to the weights.")
    assert state(sample_home) == before


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [
        ("--model", "gpt-9", "model 'gpt-9' not found"),
        ("--embedding", "mini", "embedding 'mini' not found"),
        ("--embedding", "./none/there", "embedding './none/there' not found"),
        ("--style", "poetry", "setting 'style' is 'poetry'"),
        ("--passages", "0", "setting 'passages' is 0"),
    ],
)
def test_a_wrong_flag_is_told_in_one_line(tutor, sample_home, flag, value, said):
    assert said in one_line(tutor("ask", "why?", "--course", "sample", "--home", sample_home, flag, value))


def test_an_index_that_is_damaged_says_to_ingest_again(tutor, small_home):
    (small_home / "courses" / "physics" / "CURRENT").write_text("20990101T000000Z-abcdef\n")
    listed = tutor("courses", "--home", small_home)
    assert (listed.code, "Ingest the course again." in listed.out) == (0, True)
    (row,) = json.loads(tutor("courses", "--home", small_home, "--json").out)
    assert set(row) == {"course", "error"}


def test_a_home_in_which_nothing_can_be_made_is_told_in_one_line(tutor, sample_books):
    line = one_line(tutor("ingest", sample_books, "--course", "x", "--home", "/proc/course-tutor"))
    assert line.startswith("tutor: /proc/course-tutor")


def test_a_port_in_use_is_told_before_anything_loads(tutor, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = tutor("chat", "--port", port, "--home", tmp_path / "home")
    line = one_line(result)
    assert line.startswith(f"tutor: 127.0.0.1:{port} cannot be listened on (")
    assert line.endswith("Choose another with --port or --host.")
    assert "loading" not in result.err


def test_an_error_in_a_process_of_its_own_is_the_same_line(tutor_process, tmp_path):
    result = tutor_process("ask", "why?", "--course", "x", "--home", tmp_path)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"tutor: no course 'x' in {tmp_path}")
    assert result.err.count("\n") == 1


def test_an_interrupted_ingest_exits_130_with_one_line_and_the_old_index_live(small_home, state, sample_books):
    before = state(small_home)
    child = subprocess.Popen(
        [*PROGRAM, "ingest", str(sample_books), "--course", "physics", "--home", str(small_home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(),
        # What a shell starts in the background has Ctrl-C off, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith("algorithms.pdf: "):  # the first book is read, the others are not
            break
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=120)
    assert child.returncode == 130, err
    assert err.splitlines()[-1] == "tutor: interrupted; nothing that was there before is lost."
    assert "Traceback" not in err + out
    kept = {name for name in state(small_home) if "/books/" not in name}
    assert kept == {name for name in before if "/books/" not in name}
    assert {name: digest for name, digest in state(small_home).items() if name in before} == before
