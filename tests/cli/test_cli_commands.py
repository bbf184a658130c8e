"""What each command prints, in words and as JSON, and its exit code where all is well or the answer is no."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import click
import pytest

from index_store.course import Library
from tutor.cli.main import COMMANDS, main

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def command(name):
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def flags(name):
    return {flag for parameter in command(name).params for flag in parameter.opts if flag.startswith("--")}


# --- help --------------------------------------------------------------------------------------------------------------


def test_help_and_a_wrong_setting_are_told_without_importing_a_model_library():
    heavy = ("torch", "transformers", "chromadb", "llama_index", "openvino_genai", "gradio", "numpy")
    for arguments in (["--help"], ["ask", "--help"], ["ingest", "--help"], ["courses", "--home", "/dev/null"]):
        code = (
            "import sys\nfrom tutor.cli.main import main\n"
            f"try:\n    main({arguments!r}, prog_name='tutor')\nexcept SystemExit:\n    pass\n"
            f"print('LOADED', [name for name in {heavy!r} if name in sys.modules])\n"
        )
        child = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            encoding="utf-8",
            check=True,
            env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin"},
        )
        assert "LOADED []" in child.stdout, arguments


def test_help_names_every_command_with_a_text(tutor):
    shown = tutor("--help")
    assert shown.code == 0
    for name, text in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(text)}$", shown.out, re.M)
    for name in COMMANDS:
        assert command(name).help, name
        for option in command(name).params:
            if isinstance(option, click.Option):
                assert option.help, (name, option.name)
        assert tutor(name, "--help").code == 0


def test_every_module_of_the_cli_that_holds_a_command_is_a_command():
    rooms = {file.stem for file in Path(sys.modules["tutor.cli"].__file__).parent.glob("*.py")}
    shared = {"__init__", "main", "options", "progress", "evaluate_models", "training_errors"}
    assert rooms - shared == {name.replace("-", "_") for name in COMMANDS}


def test_the_readmes_table_of_commands_is_the_list_of_commands():
    rows = re.findall(r"^\| `tutor ([\w-]+)([^`]*)` \|", README, re.M)
    assert {name for name, _ in rows} == set(COMMANDS)


def test_the_readme_names_every_command_that_the_help_lists(tutor):
    listed = re.findall(r"^  ([\w-]+) {2,}\S", tutor("--help").out.partition("Commands:")[2], re.M)
    assert len(listed) == len(COMMANDS)
    assert [name for name in listed if not re.search(rf"\btutor {name}\b", README)] == []


def test_every_flag_that_the_readme_gives_a_command_exists():
    used = re.findall(rf"tutor ({'|'.join(COMMANDS)})\b([^\n`|]*)", README)
    assert len(used) >= 8
    for name, rest in used:
        if isinstance(command(name), click.Group):
            continue
        for flag in re.findall(r"--[a-z-]+", rest.split("#")[0]):
            assert flag in flags(name), (name, flag)
    (sentence,) = re.findall(r"((?:`[\w-]+`(?:, | and )?)+) take `--json`", README)
    takes = set(re.findall(r"`([\w-]+)`", sentence))
    assert takes == {name for name in COMMANDS if "--json" in flags(name)}
    for flag in ("--model", "--embedding"):
        assert flag in flags("ask") & flags("chat") & flags("doctor")


def test_an_unknown_command_or_flag_is_an_error_of_use(tutor):
    for arguments in (["answer"], ["ask", "q"], ["ingest", "--course", "x"], ["courses", "--josn"]):
        result = tutor(*arguments)
        assert result.code == 2
        assert result.err.startswith("Usage: tutor")


# --- ingest and courses ------------------------------------------------------------------------------------------------


def test_an_ingest_tells_of_each_book_and_a_second_one_changes_nothing(tutor, tmp_path, typeset, state):
    typeset(tmp_path / "books" / "optics.pdf", "= Lenses\nA converging lens brings parallel rays to its focal point.\n")
    typeset(tmp_path / "books" / "waves.pdf", "= Sound\nSound is a wave.\n#pagebreak()\n= Light\nLight is a wave too.\n")
    home = tmp_path / "home"
    first = tutor("ingest", tmp_path / "books", "--course", "physics", "--home", home)
    assert first.code == 0
    assert first.out.splitlines() == [
        "  read       optics.pdf: 1 page, 1 passage",
        "  read       waves.pdf: 2 pages, 2 passages",
        "Course 'physics' now has 3 passages (3 newly embedded).",
    ]
    before = state(home)
    again = tutor("ingest", tmp_path / "books", "--course", "physics", "--home", home)
    assert again.code == 0
    assert "unchanged  optics.pdf" in again.out
    assert "Nothing changed: course 'physics' keeps its 3 passages." in again.out
    assert state(home) == before


def test_a_second_ingest_into_a_home_named_relatively_changes_nothing_either(tutor, tmp_path, typeset):
    book = typeset(tmp_path / "optics.pdf", "= Lenses\nA converging lens brings parallel rays to its focal point.\n")
    assert tutor("ingest", book, "--course", "physics", "--home", "home").code == 0
    assert "Nothing changed" in tutor("ingest", book, "--course", "physics", "--home", "home").out


def test_books_that_were_not_given_again_are_one_line_and_a_refusal_is_the_last(tutor, tmp_path, typeset):
    home = tmp_path / "home"
    for name in ("lenses", "mirrors", "prisms"):
        typeset(tmp_path / "books" / f"{name}.pdf", f"= Optics\nA chapter on {name} and on the light that meets them.\n")
    assert tutor("ingest", tmp_path / "books", "--course", "physics", "--home", home).code == 0
    broken = tmp_path / "a-broken.pdf"
    broken.write_bytes(b"%PDF-1.7 and nothing more")
    result = tutor("ingest", broken, "--course", "physics", "--home", home)
    assert result.code == 2
    kept, refused, summary = result.out.splitlines()
    assert kept == "  kept       3 other books as they were"
    assert refused.startswith(f"  refused    {broken}: ")
    assert summary == "Nothing changed: course 'physics' keeps its 3 passages."
    again = tutor("ingest", broken, tmp_path / "books" / "lenses.pdf", "--course", "physics", "--home", home)
    assert [line.split()[0] for line in again.out.splitlines()[:3]] == ["unchanged", "kept", "refused"]
    report = json.loads(tutor("ingest", broken, "--course", "physics", "--home", home, "--json").out)
    assert sorted(book["status"] for book in report["books"]) == ["carried", "carried", "carried", "refused"]
    one = tutor(
        "ingest", tmp_path / "books" / "lenses.pdf", tmp_path / "books" / "prisms.pdf", "--course", "physics", "--home", home
    )
    assert "  kept       1 other book as it was" in one.out


def test_an_ingest_as_json_is_one_report_with_its_progress_beside_it(tutor, tmp_path, typeset):
    book = typeset(tmp_path / "Übung.pdf", "= Lenses\nA converging lens brings parallel rays to its focal point.\n")
    result = tutor("ingest", book, "--course", "physics", "--home", tmp_path / "home", "--json")
    assert json.loads(result.out) == {
        "course": "physics",
        "books": [
            {
                "file": "Übung.pdf",
                "status": "read",
                "pages": 1,
                "passages": 1,
                "pages_without_text": 0,
                "lost_characters": 0,
                "repaired_characters": 0,
                "hidden_parts": 0,
                "hidden_characters": 0,
                "scanned_pages": [],
                "ocr": "",
                "added": 1,
                "removed": 0,
                "kept": 0,
                "error": "",
            }
        ],
        "passages": 1,
        "embedded": 1,
        "published": True,
        "failed": [],
        "warning": "",
    }
    assert "Übung.pdf: 1 page\n" in result.err


def test_courses_are_listed_with_their_books_in_words_and_as_json(tutor, sample_home):
    manifest = Library(sample_home).course("sample").manifest()
    (row,) = json.loads(tutor("courses", "--home", sample_home, "--json").out)
    assert set(row) == {"course", "created", "embedding", "passages", "books"}
    assert (row["course"], row["passages"], row["embedding"]) == ("sample", manifest.passages, "all-MiniLM-L6-v2")
    assert [book["file"] for book in row["books"]] == ["algorithms.pdf", "mechanics.pdf", "probability.pdf"]
    assert row["books"][0]["pages"] == 18
    words = tutor("courses", "--home", sample_home)
    assert words.code == 0
    assert words.out.startswith(f"sample: {manifest.passages:,} passages, all-MiniLM-L6-v2, ingested ")
    assert "  algorithms.pdf: " in words.out


def test_where_there_is_no_course_the_list_says_how_to_make_one(tutor, tmp_path):
    assert json.loads(tutor("courses", "--home", tmp_path / "none", "--json").out) == []
    assert "tutor ingest BOOK.pdf --course NAME" in tutor("courses", "--home", tmp_path / "none").out


# --- ask ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def loaded(service, monkeypatch):
    """The session's service in place of one that each call would load anew; the home of its courses."""
    monkeypatch.setattr("tutor.answering.service.AnsweringService", lambda *arguments: service)
    return service.settings.home


@pytest.mark.model
def test_a_question_is_answered_on_the_terminal_with_its_places(tutor_process, sample_home):
    result = tutor_process("ask", "why does dijkstra fail with negative edges?", "--course", "sample", "--home", sample_home)
    assert result.code == 0, result.err
    text, *places = result.out.splitlines()
    cited = set(re.findall(r"\[(\d+)\]", text))
    assert cited
    assert {re.match(r"  \[(\d+)\] ", place)[1] for place in places} == cited
    for place in places:
        assert re.search(r", p\. \S+.*\(algorithms\.pdf\)$", place), place
    assert "loading smollm2-135m" in result.err  # on standard error, beside the answer
    assert "Traceback" not in result.err


@pytest.mark.model
def test_a_question_off_the_course_exits_1_and_names_the_nearest_places(tutor, loaded):
    result = tutor("ask", "how do I bake sourdough bread?", "--course", "sample", "--home", loaded)
    assert result.code == 1
    assert result.out.startswith("I found nothing in this course's books that answers this.")
    assert result.told == []


@pytest.mark.model
def test_an_answer_as_json_has_its_documented_keys_and_nothing_beside_it(tutor, loaded):
    result = tutor("ask", "what is the birthday problem?", "--course", "sample", "--home", loaded, "--json")
    assert (result.code, result.err) == (0, "")
    row = json.loads(result.out)
    assert set(row) == {
        "question",
        "found",
        "answer",
        "citations",
        "passages",
        "doubtful",
        "help",
        "option",
        "notes",
        "model",
        "first_token_seconds",
        "seconds",
    }
    assert (row["question"], row["found"], row["model"]) == ("what is the birthday problem?", True, "smollm2-135m")
    assert len(row["passages"]) == 4
    assert all(set(passage) >= {"file", "page", "text", "score", "similarity"} for passage in row["passages"])
    assert row["citations"]
    for citation in row["citations"]:
        assert f"[{citation['number']}]" in row["answer"]
        shown = row["passages"][citation["number"] - 1]
        assert {key: citation[key] for key in ("file", "page", "text")} == {key: shown[key] for key in ("file", "page", "text")}


# --- doctor ------------------------------------------------------------------------------------------------------------


def test_doctor_finds_a_sound_installation_sound(tutor, sample_home):
    result = tutor("doctor", "--home", sample_home, "--json")
    rows = json.loads(result.out)
    assert all(set(row) == {"check", "ok", "detail"} for row in rows)
    checks = {row["check"]: row for row in rows}
    assert {"python", "device", "home", "language model", "embedding", "course sample", "torch"} <= set(checks)
    faults = {name for name, row in checks.items() if not row["ok"]}
    assert faults <= {"course-tutor"}  # the tests also run without the package installed
    assert result.code == (1 if faults else 0)
    assert checks["torch"]["detail"] == metadata.version("torch")
    assert checks["trl"]["detail"] == metadata.version("trl")
    assert str(sample_home) in checks["home"]["detail"]
    passages = Library(sample_home).course("sample").manifest().passages
    detail = checks["course sample"]["detail"]
    assert re.fullmatch(rf"{passages:,} passages, (\d+) of \1 sampled ones found again", detail), detail


def test_doctor_names_a_damaged_course_and_an_unreachable_model_and_goes_on(tutor, small_home):
    Library(small_home).course("physics").live.joinpath("passages.jsonl").write_text("{\n")
    result = tutor("doctor", "--home", small_home, "--model", "http://127.0.0.1:9/v1#x")
    assert result.code == 1
    faults = [line for line in result.out.splitlines() if line.startswith("FAULT") and "course-tutor" not in line]
    assert len(faults) == 2
    assert "language model" in faults[0]
    assert "cannot be reached" in faults[0]
    assert "course physics" in faults[1]
    assert "Ingest the course again." in faults[1]
    assert result.err == ""


def test_doctor_finds_a_course_in_a_home_named_relatively(tutor, small_home, monkeypatch):
    monkeypatch.chdir(small_home.parent)
    rows = json.loads(tutor("doctor", "--home", "home", "--json").out)
    assert [row["ok"] for row in rows if row["check"] == "course physics"] == [True]


def test_scanned_pages_and_hidden_characters_are_told_in_the_books_line():
    from ingest.report import BookOutcome
    from tutor.cli.ingest import _line

    book = BookOutcome("a.pdf", "read", 9, 20, scanned_pages=(3, 4, 5, 9), hidden_characters=1200)
    assert _line(book).endswith(
        "a.pdf: 9 pages, 20 passages, 1,200 hidden characters left out, "
        "pages 3-5 and 9 are scanned and were not read; --ocr reads them"
    )
    one = BookOutcome("a.pdf", "read", 9, 20, scanned_pages=(3,))
    assert _line(one).endswith("page 3 is scanned and was not read; --ocr reads it")
    assert _line(replace(one, ocr="eng")).endswith("page 3 scanned and read by OCR")


def test_ocr_without_tesseract_is_told_before_anything_is_read(tutor, tmp_path, sample_books, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = tutor("ingest", sample_books, "--course", "c", "--home", tmp_path / "home", "--ocr")
    assert (result.code, result.out) == (2, "")
    assert result.told == [
        "tutor: --ocr: Tesseract is not installed. Install it with: apt install tesseract-ocr (macOS: brew install tesseract)."
    ]
    assert not (tmp_path / "home").exists()
