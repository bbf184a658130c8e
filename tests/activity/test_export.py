"""The rows that a DPO stage is given, and what is left out of them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from tutor.activity.export import CONFLICT, DUPLICATE, EMPTY, LEANS, NEAR_DUPLICATE, SAME, exported
from tutor.activity.preferences import Preference, Preferences
from tutor.activity.store import ActivityStore

PAIR = Preference(
    id="0",
    time="2026-11-21T12:00:00+00:00",
    course="algorithms",
    exchange="x",
    question="what is a heap?",
    prompt="Passages:\n[1] 2.3 Heaps\nAsk info@publisher.example, 7362514 copies.\n\nQuestion: what is a heap?",
    chosen="A heap is a tree in which no child is larger than its parent. [1]",
    rejected="A heap is a list that is kept sorted at all times. [1]",
    source="correction",
    by="Ada",
    leans=False,
)


def pair(**different: object) -> Preference:
    return replace(PAIR, **different)


def reasons(*pairs: Preference) -> list[str]:
    return [left.reason for left in exported(pairs).left_out]


def test_a_row_has_the_three_keys_and_the_text_is_json_lines() -> None:
    made = exported([pair(chosen="Ein Heap ist „voll“. [1]")])
    (line,) = made.text.splitlines()
    assert json.loads(line) == {
        "prompt": PAIR.prompt, "chosen": "Ein Heap ist „voll“. [1]", "rejected": PAIR.rejected,
    }  # fmt: skip
    assert list(json.loads(line)) == ["prompt", "chosen", "rejected"]
    assert made.left_out == ()


def test_the_same_pair_is_written_once_and_so_is_one_that_is_nearly_the_same() -> None:
    near = pair(question="What is a heap ?", chosen=PAIR.chosen.replace("its", "the"), prompt=PAIR.prompt + " ")
    other = pair(chosen="It is full. [1]")
    made = exported([PAIR, pair(id="1"), near, other])
    assert [row["chosen"] for row in made.rows] == [PAIR.chosen, "It is full. [1]"]
    assert made.reasons == {DUPLICATE: 1, NEAR_DUPLICATE: 1}


def test_the_same_answers_to_another_question_are_another_pair() -> None:
    other = pair(question="what is a priority queue?", prompt=PAIR.prompt.replace("a heap?", "a priority queue?"))
    assert len(exported([PAIR, other]).rows) == 2


def test_a_over_b_and_b_over_a_are_both_left_out() -> None:
    contrary = pair(chosen=PAIR.rejected.upper(), rejected=PAIR.chosen)
    assert reasons(PAIR, contrary) == [CONFLICT, CONFLICT]


def test_an_answer_that_is_better_than_one_and_worse_than_another_is_left_out_and_the_rest_stays() -> None:
    over = pair(chosen="Best. [1]", rejected=PAIR.chosen)
    apart = pair(chosen="Quite another. [1]", rejected="Worse than that one. [1]")
    made = exported([PAIR, over, apart])
    assert [row["chosen"] for row in made.rows] == ["Quite another. [1]"]
    elsewhere = replace(over, prompt="Passages:\n[1] other\n\nQuestion: what is a heap?")
    assert len(exported([PAIR, elsewhere]).rows) == 2  # to another prompt it is no contradiction


@pytest.mark.parametrize(
    ("different", "reason"),
    [
        ({"chosen": "  "}, EMPTY),
        ({"rejected": ""}, EMPTY),
        ({"chosen": "A  HEAP. [1]", "rejected": "a heap. [1]"}, SAME),
        ({"leans": True}, LEANS),
    ],
)
def test_what_teaches_nothing_is_left_out(different: dict[str, object], reason: str) -> None:
    assert reasons(pair(**different)) == [reason]


def test_personal_data_is_masked_and_the_books_words_stay() -> None:
    made = exported(
        [
            pair(
                prompt=PAIR.prompt + " I am 7362514, ada@uni.example",
                chosen="Ask ada@uni.example. [1]",
                rejected="Call +49 170 1234567. [1]",
            )
        ]
    )
    (row,) = made.rows
    assert row["prompt"].startswith("Passages:\n[1] 2.3 Heaps\nAsk info@publisher.example, 7362514 copies.\n\n")
    assert row["prompt"].endswith("Question: what is a heap? I am [student number], [e-mail]")
    assert (row["chosen"], row["rejected"]) == ("Ask [e-mail]. [1]", "Call [phone number]. [1]")


def test_from_the_log_to_the_file(store: ActivityStore, asked) -> None:
    course = Preferences(store, "algorithms")
    asked(answer="A. [1]", rating=1)
    asked(answer="B. [1]", rating=-1)
    course.correct(asked(answer="C. [1]", rating=-1).id, "A heap is full. [2]", "Ada")
    rows = exported(course.all()).rows
    assert Counter((row["chosen"], row["rejected"]) for row in rows) == Counter(
        [("A. [1]", "B. [1]"), ("A. [1]", "C. [1]"), ("A heap is full. [2]", "C. [1]")]
    )


def test_a_data_set_library_reads_it(tmp_path) -> None:
    datasets = pytest.importorskip("datasets")
    (tmp_path / "pairs.jsonl").write_text(exported([PAIR, pair(chosen="Full. [1]")]).text, "utf-8")
    read = datasets.load_dataset("json", data_files=str(tmp_path / "pairs.jsonl"), split="train", cache_dir=str(tmp_path))
    assert read.column_names == ["prompt", "chosen", "rejected"]
    assert read["chosen"][1] == "Full. [1]"
