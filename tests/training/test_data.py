"""Examples are read with every fault named by line, and what is odd counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training import data, leakage
from training.errors import DataError


def file_of(tmp_path: Path, *rows: Any, name: str = "rows.jsonl") -> Path:
    file = tmp_path / name
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return file


def test_malformed_rows_are_named_by_line(tmp_path: Path) -> None:
    good = {"prompt": "a", "completion": "b"}
    messages = {"messages": [{"role": "user", "content": "only a question"}]}
    file = file_of(tmp_path, good, "{", "", {"prompt": "a"}, {"prompt": 1, "completion": "b"}, messages)
    with pytest.raises(DataError) as raised:
        data.read(file, "sft")
    told = str(raised.value)
    for part in (
        "rows.jsonl",
        "line 2: not valid JSON",
        "line 4: no completion",
        "line 5: prompt is neither",
        "line 6: messages has to end",
    ):
        assert part in told
    assert "\n" not in told


def test_of_many_malformed_rows_the_first_are_explained_and_all_are_named(tmp_path: Path) -> None:
    good = {"prompt": "a", "completion": "b"}
    file = file_of(tmp_path, *["{"] * 6, good, *["["] * 3)
    with pytest.raises(DataError, match=r"line 5: not valid JSON \(.*\); and 4 more: 6, 8 to 10\. Mend"):
        data.read(file, "sft")


def test_an_empty_file_is_called_one(tmp_path: Path) -> None:
    for rows in ((), ("", "")):
        with pytest.raises(DataError, match=r"rows\.jsonl: an empty file\. A row of this stage has prompt, completion\."):
            data.read(file_of(tmp_path, *rows), "sft")


def test_empty_and_duplicate_rows_are_counted_and_left_out(tmp_path: Path) -> None:
    row = {"prompt": "What is a heap?", "completion": "A tree."}
    file = file_of(tmp_path, row, {"prompt": "what  is a heap? ", "completion": "A tree."}, {"prompt": " ", "completion": "x"})
    read = data.read(file, "sft")
    assert (len(read.rows), read.duplicates, read.empty) == (1, 1, 1)


def test_of_messages_the_last_turn_is_learned(tmp_path: Path) -> None:
    turns = [{"role": role, "content": role} for role in ("system", "user", "assistant", "user", "assistant")]
    (row,) = data.read(file_of(tmp_path, {"messages": turns}), "sft").rows
    assert row.fields == {"prompt": turns[:4], "completion": turns[4:]}


def test_a_chosen_answer_that_is_the_rejected_one_is_refused(tmp_path: Path) -> None:
    file = file_of(
        tmp_path, {"prompt": "a", "chosen": "Yes.", "rejected": "No."}, {"prompt": "b", "chosen": "Yes.", "rejected": " Yes. "}
    )
    with pytest.raises(DataError, match="line 2: chosen and rejected are the same"):
        data.read(file, "dpo")


def test_in_answers_case_and_indentation_count(tmp_path: Path) -> None:
    file = file_of(
        tmp_path, {"prompt": "a", "chosen": "True", "rejected": "true"}, {"prompt": "b", "chosen": "x\n  y", "rejected": "x\ny"}
    )
    assert len(data.read(file, "dpo").rows) == 2
    file = file_of(tmp_path, {"prompt": "a", "completion": "True"}, {"prompt": "A ", "completion": "true"})
    assert (len(data.read(file, "sft").rows), data.read(file, "sft").duplicates) == (2, 0)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"prompt": "a", "completion": "b\\ud800"}', "line 1: holds half of a character"),
        ("[" * 100_000, "one JSON list"),
        ('{"a": ' * 100_000, "line 1: nested too deeply"),
        ('[\n {"prompt": "a", "completion": "b"}\n]', "one JSON list. Write each of its objects on a line of its own"),
        (
            '{"prompt": "a", "completion": [{"role": "user", "content": "b"}]}',
            "line 1: completion ends with a turn of the user, not of the assistant",
        ),
    ],
)
def test_what_is_no_row_is_told(line: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(line, "utf-8")
    with pytest.raises(DataError, match=told.replace(".", r"\.")):
        data.read(file, "sft")
    with pytest.raises(DataError, match="a folder"):
        data.read(tmp_path, "sft")


def test_lines_are_told_as_spans() -> None:
    assert data.spans([1, 2, 3, 7, 9, 10]) == "1 to 3, 7, 9 to 10"
    assert data.spans([1, 3, 5, 7], most=2) == "1, 3, ..."


def test_a_line_separator_inside_a_text_does_not_split_a_row(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"prompt": "a\u2028b", "completion": "c"}\r\n', "utf-8")
    assert data.read(file, "sft").rows[0].fields["prompt"] == "a\u2028b"


@pytest.mark.parametrize("content", [b'{"prompt": "", "completion": ""}\n', b'\n{"prompt": "a", "completion": " "}'])
def test_a_file_without_examples_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(content)
    with pytest.raises(DataError, match="no example is left"):
        data.read(file, "sft")


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b'{"prompt": "a", "completion": "b"}')
    # printf '{"prompt": "a", "completion": "b"}' | sha256sum
    assert data.read(file, "sft").sha256 == "847d481b84383733b4909a9a0dff44d7da1246e291c96ecbf4e4d13308e3613a"


def rows(*questions: str) -> list[dict[str, str]]:
    return [{"prompt": question, "completion": "x"} for question in questions]


def test_what_a_test_asks_too_is_refused_by_line(tmp_path: Path) -> None:
    long = "Explain in your own words why a binary heap of n keys can be built in linear time from an array"
    train = data.read(file_of(tmp_path, *rows("What is a queue?", "What  is a HEAP?", long + " of keys.")), "sft")
    test = data.read(file_of(tmp_path, *rows("What is a stack?", "what is a heap?", long + "."), name="test.jsonl"), "sft")
    found = leakage.overlaps(train, test)
    assert [(overlap.line, overlap.other) for overlap in found] == [(2, 2), (3, 3)]
    assert found[0].similarity == 1
    # 21 words have 19 runs of three there; 23 have 21 here, and all 19 are shared
    assert found[1].similarity == pytest.approx(19 / 21)
    with pytest.raises(DataError, match=r"2 examples are in test\.jsonl too, 1 word for word: lines 2 to 3 "):
        leakage.refuse(train, test)


def test_another_question_on_the_same_matter_is_no_leak(tmp_path: Path) -> None:
    train = data.read(file_of(tmp_path, *rows("What does it cost to insert a key into a binary heap?")), "sft")
    test = data.read(
        file_of(tmp_path, *rows("What does it cost to delete the largest key of a binary heap?"), name="t.jsonl"), "sft"
    )
    assert leakage.overlaps(train, test) == []


def test_a_common_opening_makes_no_pair(tmp_path: Path) -> None:
    opening = "You are given an exercise of the course and have to solve it step by step."
    train = data.read(file_of(tmp_path, *rows(*[f"{opening} Number {n} is prime or not?" for n in range(200)])), "sft")
    other = [f"{opening} A graph of {n} nodes has how many edges at most, and why is that so in each case?" for n in range(200)]
    test = data.read(file_of(tmp_path, *rows(*other), name="t.jsonl"), "sft")
    assert leakage.overlaps(train, test) == []
