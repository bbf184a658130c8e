"""A disk that takes no more: one line says so, and what was live stays live. The limit is one on the size of every file."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from index_store.course import Library
from index_store.search import CourseSearch
from ingest.pipeline import ingest

REPOSITORY = Path(__file__).parents[2]
INGEST = """
import sys
from pathlib import Path
from tutor.offline import close_network
close_network(hub=False)
from tutor.cli.main import main
main(["ingest", sys.argv[1], "--course", sys.argv[2], "--home", sys.argv[3]], prog_name="tutor")
"""


@pytest.fixture
def book(tmp_path, typeset):
    """A hundred short sections: of their files Chroma's database is the largest."""
    sections = (f"= Section {n}\nThe number {n} is followed by the number {n + 1}.\n" for n in range(100))
    return typeset(tmp_path / "numbers.pdf", "\n".join(sections))


def ingest_within(kilobytes: int, book: Path, course: str, home: Path) -> subprocess.CompletedProcess[str]:
    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes << 10, kilobytes << 10))

    return subprocess.run(
        [sys.executable, "-c", INGEST, str(book), course, str(home)],
        preexec_fn=limited, capture_output=True, encoding="utf-8", cwd=REPOSITORY,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kilobytes", "told"),
    [
        (170, "the index cannot be written ("),  # too little for Chroma's database
        (40, "cannot be kept in"),  # too little for the book
    ],
)
@pytest.mark.long
def test_a_full_disk_is_one_line_and_leaves_the_old_index_live(tmp_path, library, embedding, typeset, book, kilobytes, told):
    course = library.course("numbers")
    ingest([typeset(tmp_path / "a.pdf", "= Zero\nNothing comes before zero.\n")], course, embedding, library.vectors)
    ingest([book], library.course("other"), embedding, library.vectors)  # the vectors are there already
    live = course.live_name
    done = ingest_within(kilobytes, book, "numbers", library.home)
    assert done.returncode == 2
    assert told in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("tutor: ")
    assert "Traceback" not in done.stderr
    assert course.live_name == live
    assert [folder.name for folder in (course.folder / "generations").iterdir()] == [live]
    assert not list((course.folder / "books").glob("*.part"))
    assert CourseSearch(Library(library.home).existing("numbers"), embedding).search("zero")[0].passage.file == "a.pdf"
    # With room again, it goes in.
    assert ingest_within(1 << 20, book, "numbers", library.home).returncode == 0
    assert {entry.file for entry in course.manifest().books} == {"a.pdf", "numbers.pdf"}
