"""The results file: durable, gone on with, one writer; and what is read of it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from index_store.errors import GradingError
from tutor.mcqa.results import Cited, Result, RunSettings, Sample, read_results, settings_file
from tutor.mcqa.results_file import table_file, writing
from tutor.mcqa.score import by_subject, score, wilson

SETTINGS = RunSettings(
    sheet="s.csv", questions=3, digest="d", model="m", engine="e", course=None, index="", passages=0, samples=1, seed=0,
    temperature=0.7, max_tokens=10, fallback=True, letter_logprobs=True, prompt="p", versions={"torch": "1"},
)  # fmt: skip
ORDER = ["1", "2", "3"]


def result(id, **fields):
    return Result(id=id, question="Why?", options={"A": "x", "B": "y"}, **fields)


FULL = result(
    "2",
    key="A",
    letter="A",
    how="stated letter",
    reasoning="Ä\nThe answer is (B).",
    samples=(Sample(("B", "A"), "A", "stated letter", None, "Ä\nThe answer is (B).", 9, False, None, (14, 15)),),
    citations=(Cited(1, "Book", "b.pdf", 3, "p. iii", "1 > 1.1", "abc"),),
    letter_logprobs={"A": -0.1, "B": -2.4},
    evidence={"A": 0.5, "B": 0.25},
    seconds=1.25,
    tokens=9,
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "r.jsonl"


def refused(file, settings=SETTINGS, **options):
    with pytest.raises(GradingError) as error, writing(file, settings, **options):
        pass
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_read_is_what_was_written(file):
    with writing(file, SETTINGS) as kept:
        kept.append(FULL)
    read = read_results(file)
    assert (read.settings, read.rows, read.torn) == (SETTINGS, (FULL,), False)


def test_a_result_is_on_disk_when_append_returns(file):
    with writing(file, SETTINGS) as kept:
        kept.append(FULL)
        assert json.loads(file.read_text("utf-8"))["letter"] == "A"


def test_a_run_goes_on_where_it_was_and_ends_in_the_sheets_order(file):
    with writing(file, SETTINGS) as kept:
        kept.append(result("3"))
        kept.append(result("1"))
    with writing(file, SETTINGS) as kept:
        assert set(kept.results) == {"3", "1"}
        kept.append(result("2"))
        assert [row.id for row in kept.finish(ORDER)] == ORDER
    assert [row.id for row in read_results(file).rows] == ORDER
    with table_file(file).open(encoding="utf-8-sig") as lines:
        assert [row["id"] for row in csv.DictReader(lines)] == ORDER


def test_a_torn_last_line_is_told_and_graded_again(file):
    with writing(file, SETTINGS) as kept:
        kept.append(result("1"))
        kept.append(FULL)
    whole = file.read_bytes()
    end = whole.index(b"\n") + 1
    for cut in (1, len(whole) // 2 - end // 2, len(whole) - end - 1):
        file.write_bytes(whole[: end + cut])
        told = []
        with writing(file, SETTINGS, notify=told.append) as kept:
            assert list(kept.results) == ["1"]
            kept.append(FULL)
        assert told == [f"{file}: the last line was cut off, and is graded again"]
        assert file.read_bytes() == whole


def test_another_run_is_not_gone_on_with_and_what_differs_is_said(file):
    with writing(file, SETTINGS) as kept:
        kept.append(result("1"))
    before = file.read_bytes()
    other = replace(SETTINGS, samples=5, digest="e", fallback=False, course="algo", versions={"torch": "2"})
    assert refused(file, other) == (
        f"{file}: begun with the questions changed since; course none, now algo; samples 1, now 5; fallback on, now off; "
        "versions torch 1, now torch 2. Name another --out, or begin anew with --force."
    )
    assert file.read_bytes() == before
    with writing(file, other, force=True) as kept:
        assert not kept.results
    assert read_results(file).settings == other


def test_a_file_that_is_no_results_is_not_written_over(file):
    file.write_text("mine\n", "utf-8")
    assert "is there already" in refused(file)
    file.unlink()
    table_file(file).write_text("mine\n", "utf-8")
    assert f"{table_file(file)}: is there already" in refused(file)
    assert table_file(file).read_text("utf-8") == "mine\n"


def test_damage_is_told_with_its_place(file):
    with writing(file, SETTINGS) as kept:
        kept.append(result("1"))
    file.write_bytes(b'{"id": "1"}\n' + file.read_bytes())
    assert refused(file).startswith(f"{file}, line 1: not a result (")
    settings_file(file).write_text("{}", "utf-8")
    assert refused(file).startswith(f"{settings_file(file)}: not the settings of a run (")


def test_there_is_one_writer(file):
    code = (
        "import json, sys\nfrom pathlib import Path\nfrom tutor.mcqa.results import RunSettings\n"
        "from tutor.mcqa.results_file import writing\n"
        "with writing(Path(sys.argv[1]), RunSettings(**json.loads(sys.argv[2]))):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(file), json.dumps(SETTINGS.as_dict())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        assert refused(file) == f"{file}: another `tutor grade` is writing it. Wait for it to end, or name another --out."
        other.kill()
    with writing(file, SETTINGS):
        pass


def test_the_table_has_a_row_a_question_and_nothing_that_a_spreadsheet_runs(file):
    with writing(file, SETTINGS) as kept:
        kept.append(result("1", why="looped", reasoning='=HYPERLINK("http://x")', key="B"))
        kept.append(FULL)
        kept.append(result("3", letter="B", how="constrained completion", fallback=True))
        kept.finish(ORDER)
    with table_file(file).open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["letter"], row["outcome"], row["why"], row["fallback"]) for row in rows] == [
        ("", "unparsed", "looped", "no"),
        ("A", "right", "", "no"),
        ("B", "no key", "", "yes"),
    ]
    assert rows[0]["reasoning"] == '\'=HYPERLINK("http://x")'
    assert rows[1]["citations"] == "[1] Book, p. iii (b.pdf)"
    assert rows[1]["options"] == "A) x\nB) y"


def test_unparsed_is_neither_right_nor_wrong():
    rows = [
        result("1", key="A", letter="A", subject="s"), result("2", key="A", letter="B", subject="s"),
        result("3", key="A", subject="t"), result("4", letter="A"), result("5"),
        result("6", key="B", letter="B", fallback=True, subject="t"),
    ]  # fmt: skip
    figures = score(rows)
    assert (figures.right, figures.wrong, figures.unparsed, figures.no_key) == (2, 1, 2, 1)
    assert (figures.keyed, figures.fallback, figures.share) == (4, 1, 0.5)
    parts = by_subject(rows)
    assert {name: (part.right, part.wrong, part.unparsed) for name, part in parts.items()} == {
        "s": (1, 1, 0), "t": (1, 0, 1), "": (0, 0, 1),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("right", "of", "interval"),
    # By the closed form for none and all of n (z^2 / (n + z^2) is 0.2775 for 10), and Newcombe (1998) for 81 of 263.
    [(0, 10, (0.0, 0.2775)), (10, 10, (0.7225, 1.0)), (81, 263, (0.2553, 0.3662)), (0, 0, (0.0, 1.0))],
)
def test_the_interval_is_wilsons(right, of, interval):
    assert wilson(right, of) == pytest.approx(interval, abs=1e-4)
