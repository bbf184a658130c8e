"""Two results on the same questions."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from index_store.errors import GradingError
from tutor.mcqa.compare import as_text, compare
from tutor.mcqa.results import Results

from .graded import OPTIONS, result, settings


def of(outcomes: str, prefix: str = "", subject: str = "", **changed):
    """Results with a question for each of r (right), w (wrong), u (unparsed), whose key is A."""
    letters = {"r": "A", "w": "B", "u": None}
    rows = [result(f"{prefix}{n}", letters[one], subject=subject) for n, one in enumerate(outcomes)]
    return Results(settings(**changed), tuple(rows))


# Both right 3, only A 8, only B 2, both wrong 1; A unparsed where B is right 1, B unparsed where A is right 1, both unparsed 1.
A = of("rrr" "rrrrrrrr" "ww" "w" "u" "r" "u", model="a")  # fmt: skip
B = of("rrr" "wwwwwwww" "rr" "w" "r" "u" "u", model="b")  # fmt: skip


def test_pairs_are_counted_and_tested() -> None:
    found = compare(A, B)
    assert (found.a, found.b) == ("a", "b")
    assert found.overall is not None
    assert found.overall.counts == {
        "right": {"right": 3, "wrong": 8, "unparsed": 1},
        "wrong": {"right": 2, "wrong": 1, "unparsed": 0},
        "unparsed": {"right": 1, "wrong": 0, "unparsed": 1},
    }
    # By hand: 2 (C(10,0) + C(10,1) + C(10,2)) / 2^10 = 112 / 1024.
    assert (found.overall.of_parsed.only_a, found.overall.of_parsed.only_b) == (8, 2)
    assert found.overall.of_parsed.p == pytest.approx(112 / 1024)
    # With the unparsed as not right 9 to 3: 2 (1 + 12 + 66 + 220) / 2^12.
    assert (found.overall.of_all.only_a, found.overall.of_all.only_b) == (9, 3)
    assert found.overall.of_all.p == pytest.approx(2 * 299 / 4096)
    assert found.overall.difference == pytest.approx(6 / 17)
    assert (found.both_letter, found.same_letter) == (14, 4)


def test_the_interval_of_the_difference_is_what_the_normal_distribution_nearly_says() -> None:
    found = compare(of("r" * 60 + "w" * 40, model="a"), of("r" * 40 + "w" * 20 + "r" * 10 + "w" * 30, model="b"))
    assert found.overall is not None
    # 20 of 100 only A, 10 only B: mean 0.1, variance (0.2 + 0.1 - 0.01) / 100.
    assert found.overall.interval == pytest.approx((0.1 - 1.96 * 0.0539, 0.1 + 1.96 * 0.0539), abs=0.011)


def test_subjects_have_their_own_tests() -> None:
    rows = (*of("rrrrrr", "h", "heaps").rows, *of("ww", "g", "graphs").rows)
    others = (*of("wwwwww", "h", "heaps").rows, *of("rw", "g", "graphs").rows)
    found = compare(Results(settings(), rows), Results(settings(seed=1), others))
    assert [(one.name, one.questions, one.difference) for one in found.subjects] == [("graphs", 2, -0.5), ("heaps", 6, 1.0)]
    assert found.subjects[1].of_all.p == pytest.approx(2 / 2**6)
    assert (found.a, found.b) == ("smollm2-135m, seed 0", "smollm2-135m, seed 1")


def test_two_runs_alike_have_no_difference_and_no_warning_of_one() -> None:
    found = compare(A, A)
    assert found.overall is not None
    assert (found.overall.of_all.p, found.overall.difference, found.overall.interval) == (1.0, 0.0, (0.0, 0.0))
    assert (found.a, found.b) == ("a (A)", "a (B)")
    assert "could be chance" in as_text(found)


def test_questions_that_only_one_has_are_left_out_and_told() -> None:
    more = replace(B, rows=(*B.rows[1:], result("extra", "A"), result("more", "A")))
    found = compare(A, more)
    assert (found.only_in_a, found.only_in_b, found.in_both) == (("0",), ("extra", "more"), 16)
    assert "16 questions in both; 1 only in A, left out; 2 only in B, left out" in as_text(found)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"key": "C"}, "key"),
        ({"key": None}, "key"),
        ({"options": {**OPTIONS, "C": "purple"}}, "options"),
        ({"options": {"A": "red", "B": "green"}}, "options"),
        ({"question": "Another?"}, "text"),
    ],
)
def test_another_question_under_the_same_id_is_refused_in_one_line(changed, what: str) -> None:
    other = replace(B, rows=(replace(B.rows[0], **changed), *B.rows[1:]))
    with pytest.raises(GradingError, match=f"^question '0': a and b have a different {what} for it. Give results of the same"):
        compare(A, other)


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(GradingError, match="no question in common"):
        compare(A, of("r", prefix="x"))


def test_without_keys_only_letters_are_compared() -> None:
    ours, theirs = (Results(one.settings, tuple(replace(row, key=None) for row in one.rows)) for one in (A, B))
    found = compare(ours, theirs)
    assert found.overall is None
    assert (found.both_letter, found.same_letter, found.without_key) == (14, 4, 17)
    assert "no question has a key" in as_text(found)


def test_text_and_json_say_the_same() -> None:
    found = compare(A, B)
    text = as_text(found)
    assert "A right              3         8           1" in text
    assert "only where both have a letter: 8 only A, 2 only B, p = 0.109" in text.lower().replace("only a,", "only A,").replace(
        "only b,", "only B,"
    )
    told = json.loads(json.dumps(found.as_dict()))
    assert told["overall"]["of_all"]["p"] == pytest.approx(598 / 4096)
    assert told["overall"]["counts"]["right"]["wrong"] == 8
