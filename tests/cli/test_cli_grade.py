"""`tutor grade` and `tutor evaluate mcqa`: what a grader types, what is told, and what Ctrl-C leaves."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import time

import pytest

from .conftest import PROGRAM, environment

SHEET = """id,question,A,B,answer
1,Which is a colour?,red,seven,A
2,Which is a number?,red,seven,B
3,Which is neither?,red,,B
"""


@pytest.fixture
def sheet(tmp_path):
    file = tmp_path / "sheet.csv"
    file.write_text(SHEET, "utf-8")
    return file


@pytest.fixture
def loaded(service, monkeypatch):
    """The built-in model is loaded once for all tests of this process."""
    from tutor.answering import models

    monkeypatch.setattr(models, "load_model", lambda settings, notify=None: service.model)


def test_bad_rows_are_told_and_nothing_is_graded(tutor, sheet, tmp_path):
    result = tutor("grade", sheet, "--out", tmp_path / "r.jsonl")
    assert result.code == 2
    assert result.err.splitlines() == [
        "sheet.csv, row 4, column 'A': fewer than 2 options. Write all of them.",
        f"tutor: {sheet}: 1 bad row; nothing was graded. Mend them, or grade the 2 good ones with --skip-bad-rows.",
    ]
    assert not list(tmp_path.glob("r.*"))


def test_what_cannot_be_is_told_before_a_model_loads(tutor, sheet, tmp_path):
    def told(*arguments):
        result = tutor("grade", *arguments)
        assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1)
        return result.err

    out = tmp_path / "r.jsonl"
    assert "No such file" in told(tmp_path / "none.csv", "--out", out)
    assert "no course 'algo'" in told(sheet, "--out", out, "--course", "algo", "--home", tmp_path)
    assert "there is no folder" in told(sheet, "--out", tmp_path / "no" / "r.jsonl")
    assert "Give one that ends in .jsonl" in told(sheet, "--out", tmp_path / "r.xlsx")
    assert "would be written over the sheet itself" in told(sheet, "--out", sheet.with_suffix(".jsonl"))


@pytest.mark.model
def test_a_sheet_is_graded_gone_on_with_and_told(tutor, loaded, sheet, tmp_path):
    out = tmp_path / "r.jsonl"
    command = ("grade", sheet, "--out", out, "--max-new-tokens", 16, "--skip-bad-rows", "--home", tmp_path)
    first = tutor(*command, "--json")
    assert first.code == 3
    told = json.loads(first.out)
    assert (told["questions"], told["graded_now"], told["keyed"], told["bad_rows"]) == (2, 2, 2, 1)
    assert told["right"] + told["wrong"] == 2
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["1", "2"]
    assert told["right"] == sum(row["letter"] == row["key"] for row in rows)
    with out.with_suffix(".csv").open(encoding="utf-8") as lines:
        assert [row["letter"] for row in csv.DictReader(lines)] == [row["letter"] for row in rows]

    again = tutor(*command)
    assert again.code == 3
    assert "2 questions of 2 graded before; going on" in again.err
    assert again.out.splitlines()[0].startswith(f"score {told['right']} of 2 = ")
    assert again.out.splitlines()[0].endswith(f"{told['right']} right, {told['wrong']} wrong, 0 unparsed")
    assert "1 bad row left out" in again.out
    assert "nothing was left to grade" in again.out

    other = tutor(*command, "--seed", 1)
    assert other.code == 2
    assert other.told == [f"tutor: {out}: begun with seed 0, now 1. Name another --out, or begin anew with --force."]


@pytest.mark.model
def test_a_benchmark_in_mmlu_pros_layout_is_scored_by_category(tutor, loaded, tmp_path):
    rows = [
        {"question_id": n, "question": f"What is {n} + {n}?", "options": [str(n), str(2 * n), str(3 * n)], "answer": "B",
         "answer_index": 1, "category": "maths" if n < 3 else "physics"}
        for n in (1, 2, 3)
    ]  # fmt: skip
    file = tmp_path / "mmlu.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    result = tutor(
        "evaluate", "mcqa", file, "--max-new-tokens", 16, "--no-fallback", "--no-letter-logprobs", "--home", tmp_path
    )
    assert result.code == 0
    head, maths, physics, overall, *_ = result.out.splitlines()
    assert head.split()[:4] == ["right", "wrong", "unparsed", "score"]
    assert (maths.split()[-1], physics.split()[-1]) == ("maths", "physics")
    assert [sum(map(int, line.split()[:3])) for line in (maths, physics)] == [2, 1]
    assert overall.startswith("score ")
    assert " of 3 = " in overall
    assert len((tmp_path / "cwd" / "mmlu.results.jsonl").read_text("utf-8").splitlines()) == 3


@pytest.mark.model
def test_ctrl_c_leaves_a_valid_file_and_says_how_to_go_on(tmp_path, sample_home, request):
    quiz, out = request.config.rootpath / "examples" / "quiz.csv", tmp_path / "r.jsonl"
    # Eight samples: four questions a wave, and many waves to come after the first.
    command = ["grade", quiz, "--out", out, "--samples", 8, "--max-new-tokens", 20, "--home", sample_home]
    with subprocess.Popen(
        [*PROGRAM, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=environment()
    ) as child:
        deadline = time.monotonic() + 200
        while not (out.exists() and out.read_bytes().count(b"\n")) and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert 0 < len(rows) < 30
    assert child.returncode == 130, err
    assert f"interrupted after {len(rows)} of 30 questions; they are kept in {out}." in err
    assert "Run the same command again to go on." in err
    assert "Traceback" not in err
