"""An ingest into a course whose index was damaged loses no book, and says what it took from where."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace

import pytest

from index_store.errors import CourseError, IndexDamagedError
from index_store.generation import read_passages
from index_store.search import CourseSearch
from index_store.verify import check_sound, stand_in
from ingest.pipeline import ingest, preview, unchanged


@pytest.fixture
def course(library, embedding, tmp_path, typeset):
    """Two books and two generations: lenses.pdf, then mirrors.pdf too."""
    made = library.course("optics")
    lenses = "= Lenses\nA converging lens brings parallel rays to its focal point.\n"
    mirrors = "= Mirrors\nA plane mirror shows a virtual image as far behind it as the object stands before it.\n"
    ingest([typeset(tmp_path / "lenses.pdf", lenses)], made, embedding, library.vectors)
    ingest([typeset(tmp_path / "mirrors.pdf", mirrors)], made, embedding, library.vectors)
    return made


@pytest.fixture
def third(tmp_path, typeset):
    return typeset(tmp_path / "waves.pdf", "= Sound\nSound in air is a longitudinal wave of pressure.\n")


def books(course):
    return {passage.file for passage in read_passages(course.live)}


@pytest.mark.parametrize("damage", ["manifest", "CURRENT gone", "CURRENT junk"])
def test_a_live_index_that_cannot_be_read_is_stood_in_for_by_the_one_before(course, library, embedding, third, damage):
    if damage == "manifest":
        (course.live / "manifest.json").unlink()
    elif damage == "CURRENT gone":
        (course.folder / "CURRENT").unlink()
    else:
        (course.folder / "CURRENT").write_bytes(b"\xffjunk")
    instead = stand_in(course)
    assert instead is not None
    assert CourseSearch(course, embedding, stands_in=instead).search("lens")[0].passage.file == "lenses.pdf"
    assert [known.name for known in library.courses()] == ["optics"]
    report = ingest([third], course, embedding, library.vectors)
    assert report.published
    assert "damaged" in report.warning
    # Where only the name of the live one is lost, the newest index is the one that was live.
    kept = {"lenses.pdf"} if damage == "manifest" else {"lenses.pdf", "mirrors.pdf"}
    assert books(course) == {*kept, "waves.pdf"}


def test_an_ingest_of_the_same_books_mends_a_lost_manifest(course, library, embedding, tmp_path):
    (course.live / "manifest.json").unlink()
    files = [tmp_path / "lenses.pdf", tmp_path / "mirrors.pdf"]
    assert unchanged(files, course, embedding.key) is None
    ingest(files, course, embedding, library.vectors)
    assert books(course) == {"lenses.pdf", "mirrors.pdf"}
    assert stand_in(course) is None


def test_altered_text_is_not_carried_into_a_new_index_but_read_again(course, library, embedding, third):
    file = course.live / "passages.jsonl"
    file.write_text(file.read_text("utf-8").replace("converging", "convulsive"), "utf-8")
    with pytest.raises(IndexDamagedError, match=r"passages\.jsonl: not as it was written"):
        check_sound(course.live)
    assert ingest([third], course, embedding, library.vectors).published
    texts = " ".join(passage.text for passage in read_passages(course.live))
    assert "A converging lens" in texts
    assert "convulsive" not in texts
    assert books(course) == {"lenses.pdf", "mirrors.pdf", "waves.pdf"}


def test_a_damaged_book_whose_file_is_gone_is_not_dropped_without_force(course, library, embedding, third):
    (course.live / "passages.jsonl").write_text("", "utf-8")
    (mirrors,) = [book for book in course.manifest().books if book.file == "mirrors.pdf"]
    course.book_file(mirrors).unlink()
    live = course.live_name
    report = ingest([third], course, embedding, library.vectors)
    assert not report.published
    assert [line.partition(":")[0] for line in report.failed] == ["mirrors.pdf"]
    assert course.live_name == live
    forced = ingest([third], course, embedding, library.vectors, force=True)
    assert forced.published
    assert books(course) == {"lenses.pdf", "waves.pdf"}
    manifest = course.manifest()
    assert {book.file: book.passages for book in manifest.books} == {"lenses.pdf": 1, "waves.pdf": 1}


def test_where_no_index_can_be_read_nothing_is_made_without_force(course, library, embedding, third):
    for generation in course.generations():
        (generation / "manifest.json").write_text("{", "utf-8")
    with pytest.raises(CourseError, match="it is not known which books it had") as refused:
        ingest([third], course, embedding, library.vectors)
    assert "\n" not in str(refused.value)
    with pytest.raises(CourseError, match="it is not known which books it had"):
        preview([third], course, embedding)
    assert ingest([third], course, embedding, library.vectors, force=True).published
    assert books(course) == {"waves.pdf"}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
def test_scattered_damage_to_chromas_database_is_told_and_mended(course, library, embedding, tmp_path, seed):
    dice = random.Random(seed)
    file = course.live / "chroma" / "chroma.sqlite3"
    content = bytearray(file.read_bytes())
    for _ in range(400):
        content[dice.randrange(len(content))] = dice.randrange(256)
    file.write_bytes(content)
    stand_in(course)  # raises nothing: there is an earlier one
    ingest([tmp_path / "lenses.pdf"], course, embedding, library.vectors)
    check_sound(course.live)
    assert books(course) == {"lenses.pdf", "mirrors.pdf"}


def test_a_book_replaced_by_one_of_half_its_passages_does_not_go_live(library, embedding, tmp_path, typeset, sample_books):
    course = library.course("rules")
    given = tmp_path / "rules.pdf"
    shutil.copyfile(sample_books / "mechanics.pdf", given)
    ingest([given], course, embedding, library.vectors)
    before = course.manifest().books[0].passages
    typeset(given, "= Lenses\nAnother book altogether, under the name of the first one, and of one page.\n")
    report = ingest([given], course, embedding, library.vectors)
    assert not report.published
    assert f"rules.pdf: {before} passages before, now 1; is it the same book?" in report.failed


def test_solutions_are_known_in_every_kind_of_file(library, embedding, tmp_path):
    parts = (
        {"h1": "Series", "p": "A series adds terms."},
        {"h2": "Exercises", "p": "Add one half."},
        {"h2": "Solutions", "p": "It is a zebra."},
    )
    page = "".join(f"<{tag}>{text}</{tag}>" for part in parts for tag, text in part.items())
    (tmp_path / "a.html").write_text(page, "utf-8")
    (tmp_path / "b.md").write_text(
        "# Limits\n\nA limit is near.\n\n## Exercises\n\nFind the nearest.\n\n## Answers to the exercises\n\nIt is a zebra.\n",
        "utf-8",
    )
    course = library.course("kinds")
    ingest([tmp_path / "a.html", tmp_path / "b.md"], course, embedding, library.vectors)
    kinds = {(passage.file, passage.kind) for passage in read_passages(course.live)}
    assert kinds == {(file, kind) for file in ("a.html", "b.md") for kind in ("text", "exercise", "solution")}
    hits = CourseSearch(course, embedding).search("zebra", 10)
    assert not [hit for hit in hits if hit.passage.kind == "solution"]


def test_the_report_of_a_sound_course_has_no_warning(course, library, embedding, third):
    report = ingest([third], course, embedding, library.vectors)
    assert report == replace(report, warning="")
