"""The page at hand: the right page of the right edition, marked; inert; and nothing else of the machine."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from index_store.generation import read_passages
from ingest.pipeline import ingest
from ingest.readers import Readers
from tutor.web.book import address, routes


@pytest.fixture(scope="module")
def sample(sample_library):
    course = sample_library.course("sample")
    return course, read_passages(course.live), {book.file: book.sha256 for book in course.manifest().books}


@pytest.fixture(scope="module")
def client(sample_library):
    with Readers() as readers:
        yield client_of(sample_library, readers)


def client_of(library, readers, **settings):
    app = FastAPI()
    app.include_router(routes(library, readers, **settings))
    return TestClient(app)


def test_a_passage_is_shown_on_its_page_with_both_numbers(client, sample):
    _, passages, books = sample
    # Printed page 12 of the algorithms book is the PDF's page 15 and says why Dijkstra's algorithm fails.
    passage = next(p for p in passages if p.file == "algorithms.pdf" and p.page == p.page_end == 15)
    shown = client.get("/" + address("sample", books, passage))
    assert shown.status_code == 200
    assert f"p. 12 (PDF 15 of {next(p for p in sample[0].manifest().books if p.file == 'algorithms.pdf').pages})" in shown.text
    assert shown.text.count("<i style=") >= 3
    assert 'src="data:image/webp;base64,' in shown.text
    assert f'href="14?passage={passage.id}"' in shown.text
    assert f'href="16?passage={passage.id}"' in shown.text
    assert f"{books[passage.file][:16]}.pdf#page=15" in shown.text


@pytest.mark.parametrize(
    ("accepted", "language", "following"), [("fr-CH,en", "fr", "Suivante"), ("de", "de", "Weiter"), ("", "en", "Next")]
)
def test_the_page_speaks_the_readers_language(client, sample, accepted, language, following):
    _, passages, books = sample
    passage = next(p for p in passages if p.file == "algorithms.pdf" and p.page == p.page_end == 15)
    where = "/" + address("sample", books, passage)
    shown = client.get(where, headers={"accept-language": accepted}).text
    assert f'<html lang="{language}">' in shown
    assert f">{following}</a>" in shown
    gone = client.get(where.replace("/15?", "/999?"), headers={"accept-language": accepted})
    assert gone.status_code == 404
    assert f'<html lang="{language}">' in gone.text


def test_a_page_in_one_set_language_does_not_ask_the_browser(sample_library, sample):
    _, passages, books = sample
    with Readers() as readers:
        shown = client_of(sample_library, readers, language="de").get(
            "/" + address("sample", books, passages[0]), headers={"accept-language": "fr"}
        )
    assert '<html lang="de">' in shown.text


def test_a_passage_alone_is_given_as_text(client, sample):
    _, passages, books = sample
    where = address("sample", books, passages[7]).replace("?", "/text?")
    assert client.get("/" + where).text == passages[7].text
    assert client.get("/" + where + "0").status_code == 404


def test_the_first_page_has_none_before_it_and_another_page_no_marks(client, sample):
    _, passages, books = sample
    passage = next(p for p in passages if p.page == p.page_end == 15)
    other = client.get("/" + address("sample", books, passage).replace("/15?", "/1?"))
    assert 'rel="prev"' not in other.text
    assert 'rel="next"' in other.text
    assert "<i style=" not in other.text


def test_the_book_itself_is_served_as_it_was_given(client, sample, sample_books):
    _, _, books = sample
    served = client.get(f"/read/sample/{books['mechanics.pdf'][:16]}.pdf")
    assert served.content == (sample_books / "mechanics.pdf").read_bytes()
    assert served.headers["content-type"] == "application/pdf"
    assert served.headers["content-disposition"].startswith("inline")


def test_pages_allow_no_script_and_no_address_elsewhere(client, sample):
    _, passages, books = sample
    policy = client.get("/" + address("sample", books, passages[0])).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize(
    "path",
    [
        "nocourse/{book}/1",
        "../sample/{book}/1",
        "sample/{book}/0",
        "sample/{book}/99999",
        "sample/0000000000000000/1",
        "sample/0/1",
        "sample//1",
        "sample/{book}.pdf/../../../../etc/passwd",
        "sample/..%2f..%2fsettings.pdf",
        "sample/%2e%2e.pdf",
        "sample/*.pdf",
        "sample/0000000000000000.pdf",
    ],
)
def test_what_is_not_a_page_is_not_found_and_tells_nothing_of_the_machine(client, sample, path):
    course, _, books = sample
    answer = client.get("/read/" + path.format(book=books["mechanics.pdf"][:16]))
    assert answer.status_code in (404, 422)
    assert str(course.folder.parent.parent) not in answer.text
    assert "Traceback" not in answer.text


def test_a_page_of_the_edition_before_stays_what_was_cited(library, embedding, typeset, tmp_path):
    course = library.course("editions")
    text = "The least number of colours of this map is {}. Every student of it should know so by heart."
    typeset(tmp_path / "map.pdf", f"= Maps\n{text.format('five')}")
    ingest([tmp_path / "map.pdf"], course, embedding, library.vectors)
    old = address("editions", {book.file: book.sha256 for book in course.manifest().books}, read_passages(course.live)[0])
    typeset(
        tmp_path / "map.pdf",
        f"= Preface\nNew words, and quite a lot of them, to begin with.\n#pagebreak()\n= Maps\n{text.format('four')}",
    )
    ingest([tmp_path / "map.pdf"], course, embedding, library.vectors)
    with Readers() as readers:
        shown = client_of(library, readers).get("/" + old)
    assert "is five." in shown.text
    assert "<i style=" in shown.text


def test_a_book_without_pages_is_shown_as_text_and_what_it_says_stays_text(library, embedding, tmp_path):
    course = library.course("notes")
    (tmp_path / "notes.md").write_text(
        "# Graphs <b>\n\nA tree is a graph `<script>alert(1)</script>` without `<img src=x onerror=alert(2)>` cycles, "
        "and connected.\n",
        "utf-8",
    )
    ingest([tmp_path / "notes.md"], course, embedding, library.vectors)
    (passage,) = read_passages(course.live)
    books = {book.file: book.sha256 for book in course.manifest().books}
    with Readers() as readers:
        client = client_of(library, readers)
        shown = client.get("/" + address("notes", books, passage))
        assert client.get(f"/read/notes/{books['notes.md'][:16]}.pdf").status_code == 404
    assert re.search(r"<mark>A tree is a graph .*cycles, and connected\.</mark>", shown.text)
    assert "part 1 of 1" in shown.text
    assert "<script" not in shown.text
    assert "<img" not in shown.text


def test_a_page_that_cannot_be_painted_shows_its_text(library, embedding, typeset, tmp_path):
    course = library.course("damaged")
    typeset(tmp_path / "a.pdf", "= Heaps\nThe root of a heap holds the least of all its keys.")
    ingest([tmp_path / "a.pdf"], course, embedding, library.vectors)
    (passage,) = read_passages(course.live)
    (book,) = course.manifest().books
    course.book_file(book).write_bytes(b"%PDF-1.4 broken")
    with Readers() as readers:
        shown = client_of(library, readers).get("/" + address("damaged", {book.file: book.sha256}, passage))
    assert shown.status_code == 200
    assert "cannot be shown" in shown.text
    assert "least of all its keys" in shown.text
    assert str(tmp_path) not in shown.text


def test_a_passage_of_a_file_that_the_course_no_longer_has_has_no_address(sample):
    _, passages, _ = sample
    assert address("sample", {}, passages[0]) == ""


@pytest.mark.parametrize("kind", ["pdf", "md"])
def test_solutions_are_shown_only_where_the_instructor_allows_it(library, embedding, typeset, tmp_path, kind):
    course = library.course("exercises")
    text = (
        "# Heaps\n\nThe root of a heap holds the least of all its keys, and every level but the last is full.\n\n"
        "# Solutions\n\n1.1 The least key of this heap is seventeen, for it stands at the root of the heap as drawn.\n"
    )
    file = tmp_path / f"heaps.{kind}"
    if kind == "pdf":
        typeset(file, text.replace("# Solutions", "#pagebreak()\n= Solutions").replace("# Heaps", "= Heaps"))
    else:
        file.write_text(text, "utf-8")
    ingest([file], course, embedding, library.vectors)
    passages = read_passages(course.live)
    solution = next(passage for passage in passages if passage.kind == "solution")
    books = {book.file: book.sha256 for book in course.manifest().books}
    where, other = ("/" + address("exercises", books, passage) for passage in (solution, passages[0]))
    with Readers() as readers:
        for allowed in (False, True):
            client = client_of(library, readers, solutions=allowed)
            shown = client.get(where).text
            assert ("seventeen" in shown) == allowed
            assert ("not shown" in shown) != allowed
            assert ("data:image" in shown) == (allowed and kind == "pdf")
            assert ("Open the PDF" in shown) == (allowed and kind == "pdf")  # it would open at the solution
            assert client.get(where.replace("?", "/text?")).status_code == (200 if allowed else 404)
            assert "root of a heap" in client.get(other).text


def test_a_pdf_is_opened_only_where_the_instructor_allows_it(sample_library, sample):
    _, passages, books = sample
    pdf = f"/read/sample/{books['mechanics.pdf'][:16]}.pdf"
    page = "/" + address("sample", books, next(p for p in passages if p.file == "mechanics.pdf"))
    with Readers() as readers:
        for allowed in (False, True):
            client = client_of(sample_library, readers, open_pdf=allowed)
            assert client.get(pdf).status_code == (200 if allowed else 404)
            assert ("Open the PDF" in client.get(page).text) == allowed
