"""The instructor's hold on an index: search, evaluate, questions, remove, rollback, dry run."""

from __future__ import annotations

import json

import pytest

from index_store.course import Library


@pytest.fixture
def home(tmp_path, tutor, typeset):
    """Course "physics" of optics.pdf (lenses on page 1, mirrors on page 2) and waves.pdf."""
    optics = (
        "= Lenses\nA converging lens brings parallel rays to its focal point.\n#pagebreak()\n"
        "= Mirrors\nA plane mirror shows a virtual image as far behind it as the object stands before it.\n"
    )
    typeset(tmp_path / "given" / "optics.pdf", optics)
    typeset(tmp_path / "given" / "waves.pdf", "= Sound\nSound in air is a longitudinal wave of pressure.\n")
    assert tutor("ingest", tmp_path / "given", "--course", "physics", "--home", tmp_path / "home").code == 0
    return tmp_path / "home"


def test_search_shows_passages_with_pages_best_first(tutor, home):
    result = tutor("search", "image in a plane mirror", "--course", "physics", "--top", "2", "--home", home)
    assert result.code == 0
    first, section, text, second, *_ = result.out.splitlines()
    assert first.startswith("[1] ")
    assert "PDF p. 2" in first
    assert section.strip() == "Mirrors"
    assert "as far behind it as the object" in text
    assert second.startswith("[2] ")
    rows = json.loads(tutor("search", "image in a plane mirror", "--course", "physics", "--json", "--home", home).out)
    assert (rows[0]["file"], rows[0]["page"], rows[0]["section"]) == ("optics.pdf", 2, ["Mirrors"])
    assert rows[0]["score"] >= rows[1]["score"]


def write(file, *rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def test_evaluate_retrieval_counts_by_page(tutor, home, tmp_path):
    questions = write(
        tmp_path / "questions.jsonl",
        {"question": "where do parallel rays meet?", "answerable": True, "gold_pages": [{"file": "optics.pdf", "page": 1}]},
        {"question": "what is sound in air?", "answerable": True, "gold_pages": [{"file": "optics.pdf", "page": 2}]},
        {"question": "who won the world cup?", "answerable": False, "gold_pages": []},
    )
    found = json.loads(tutor("evaluate", "retrieval", questions, "--course", "physics", "--json", "--home", home).out)
    places = [row["place"] for row in found["rows"]]
    assert places[0] == 1
    assert places[1] in (0, 2, 3)  # the wrong page on purpose: waves.pdf comes first
    assert found["questions"] == 2
    assert found["hit_at_1"] == 0.5
    assert found["mrr"] == pytest.approx((1 + (1 / places[1] if places[1] else 0)) / 2)
    assert "2 questions: hit@1 0.50" in tutor("evaluate", "retrieval", questions, "--course", "physics", "--home", home).out


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "line 1"),
        ('{"gold_pages": []}', "'question' is missing"),
        ('{"question": "why?", "gold_pages": []}', "gold_pages is empty"),
        ('{"question": "why?", "gold_pages": [{"file": "optics.pdf"}]}', "'page' is missing"),
        ('{"question": "why?", "gold_pages": [{"file": "other.pdf", "page": 1}]}', "course 'physics' has none of these"),
        ('{"question": "why?", "answerable": false}', "no answerable question"),
    ],
)
def test_a_bad_question_file_is_told_in_one_line(tutor, home, tmp_path, row, said):
    (tmp_path / "bad.jsonl").write_text(row + "\n")
    result = tutor("evaluate", "retrieval", tmp_path / "bad.jsonl", "--course", "physics", "--home", home)
    assert result.code == 2
    (line,) = result.told
    assert said in line
    assert "bad.jsonl" in line


def test_a_dry_run_tells_and_keeps(tutor, home, tmp_path, typeset, state):
    before = state(home)
    typeset(tmp_path / "given" / "waves.pdf", "= Light\nLight is a transverse electromagnetic wave.\n")
    result = tutor("ingest", tmp_path / "given", "--course", "physics", "--dry-run", "--home", home)
    assert result.code == 0
    assert "read       waves.pdf: 1 page, 1 passage (1 new, 1 gone, 0 kept)" in result.out
    assert "unchanged  optics.pdf" in result.out
    assert "Nothing was changed" in result.out
    assert state(home) == before


def test_a_book_is_removed_and_brought_back_by_rollback(tutor, home):
    course = Library(home).course("physics")
    first = course.live
    removed = tutor("remove", "waves.pdf", "--course", "physics", "--home", home)
    assert removed.code == 0
    assert "removed    waves.pdf: 1 passage" in removed.out
    assert [book.file for book in course.manifest().books] == ["optics.pdf"]
    second = course.live
    assert "3 passages" in tutor("rollback", "--course", "physics", "--home", home).out
    assert course.live == first
    listed = tutor("rollback", "--list", "--course", "physics", "--home", home).out.splitlines()
    assert [line[:4] for line in listed] == ["live", "    "]
    assert tutor("rollback", "--to", second.name, "--course", "physics", "--home", home).code == 0
    assert course.live == second


def test_without_an_earlier_index_nothing_is_rolled_back(tutor, home):
    live = Library(home).course("physics").live
    result = tutor("rollback", "--course", "physics", "--home", home)
    assert result.code == 2
    assert result.told == [f"tutor: course 'physics' has only one index, {live.name}: there is no earlier one to go back to."]
    result = tutor("rollback", "--to", "1999", "--course", "physics", "--home", home)
    assert result.told[0].startswith(f"tutor: course 'physics' has no index whose id begins with '1999'. It keeps {live.name}.")
    assert Library(home).course("physics").live == live


def test_from_the_earliest_of_two_indexes_nothing_is_rolled_back(tutor, home):
    tutor("remove", "waves.pdf", "--course", "physics", "--home", home)
    tutor("rollback", "--course", "physics", "--home", home)
    course = Library(home).course("physics")
    first, second = course.generations()
    assert course.live == first
    result = tutor("rollback", "--course", "physics", "--home", home)
    assert result.code == 2
    assert result.told[0].startswith(
        f"tutor: course 'physics' is answered from its earliest index already. It keeps {first.name}, {second.name}."
    )
    assert course.live == first
    both = first.name[:2]  # the century
    ambiguous = tutor("rollback", "--to", both, "--course", "physics", "--home", home)
    assert ambiguous.told[0].startswith(f"tutor: course 'physics' has 2 indexes whose id begins with '{both}'.")


def test_evaluate_without_what_is_measured_says_how_it_is_written(tutor, home, tmp_path):
    result = tutor("evaluate", tmp_path / "questions.jsonl", "--course", "physics", "--home", home)
    assert result.code == 2
    assert "Write: tutor evaluate retrieval FILE --course NAME" in result.err


def test_saved_questions_guard_the_index(tutor, home, tmp_path, typeset):
    asked = "how far behind a plane mirror is the image?"
    added = tutor("questions", "add", asked, "--course", "physics", "--home", home)
    assert added.code == 0
    assert "PDF p. 2 of optics.pdf" in added.out
    listed = tutor("questions", "list", "--course", "physics", "--home", home).out
    assert f"1  {asked}  (optics.pdf p. 2)" in listed
    typeset(tmp_path / "given" / "optics.pdf", "= Prisms\nA prism spreads white light.\n")
    live = Library(home).course("physics").live
    refused = tutor("ingest", tmp_path / "given", "--course", "physics", "--home", home)
    assert refused.code == 1
    assert f"the question '{asked}' finds its page (optics.pdf p. 2) at place 1 now" in refused.out
    assert "--force" in refused.out
    assert Library(home).course("physics").live == live
    assert tutor("ingest", tmp_path / "given", "--course", "physics", "--force", "--home", home).code == 0
    assert tutor("questions", "remove", "1", "--course", "physics", "--home", home).code == 0
    assert tutor("questions", "list", "--course", "physics", "--home", home).out == ""


@pytest.mark.parametrize(
    ("page", "said"), [("optics.pdf:9", "PDF pages 1 to 2"), ("gone.pdf:1", "no book 'gone.pdf'"), ("optics.pdf", "no book")]
)
def test_a_page_that_is_not_there_is_told(tutor, home, page, said):
    result = tutor("questions", "add", "why?", "--page", page, "--course", "physics", "--home", home)
    assert result.code == 2
    assert said in result.told[0]


def test_a_damaged_live_index_is_answered_from_the_one_before_and_says_so(tutor, home):
    tutor("remove", "waves.pdf", "--course", "physics", "--home", home)
    live = Library(home).course("physics").live
    (live / "passages.jsonl").write_text("")
    result = tutor("search", "what is sound?", "--course", "physics", "--json", "--home", home)
    assert "warning: course 'physics' is answered from its earlier index" in result.err
    assert json.loads(result.out)[0]["file"] == "waves.pdf"
    assert tutor("doctor", "--home", home).code == 1


def test_a_cross_encoder_is_taken_by_name(tutor, sample_library, cross_encoder):
    folder, question = cross_encoder(), "what is the load factor of a hash table"
    result = tutor("search", question, "--course", "sample", "--home", sample_library.home, "--reranker", folder, "--json")
    assert result.code == 0
    plain = tutor("search", question, "--course", "sample", "--home", sample_library.home, "--json")
    assert [row["id"] for row in json.loads(result.out)] != [row["id"] for row in json.loads(plain.out)]
    wrong = tutor("search", question, "--course", "sample", "--home", sample_library.home, "--reranker", folder / "none")
    assert wrong.code == 2
    assert wrong.err.splitlines()[-1].startswith(f"tutor: reranker '{folder / 'none'}' not found. Give a model folder")
