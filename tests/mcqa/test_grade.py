"""A sheet through the built-in model: interrupted or not it comes to the same; unparsed stays apart; letters mapped back."""

from __future__ import annotations

import json
import math

import pytest

from index_store.errors import ModelError
from tutor.mcqa import grade as room
from tutor.mcqa.choice import extract
from tutor.mcqa.grade import Course, Plan, asked_with, grade, orders_of, seed_of, vote
from tutor.mcqa.openvino_reasoner import OpenVINOReasoner
from tutor.mcqa.reasoner import Written
from tutor.mcqa.results import CONSTRAINED, Sample, read_results
from tutor.mcqa.run import grade_into, run_settings
from tutor.mcqa.sheet import Question, read_sheet

DIJKSTRA = Question(
    "d", "Why can Dijkstra's algorithm fail when a graph has an edge of negative weight?",
    {"A": "It never reconsiders a vertex once that is finished", "B": "It ignores each edge whose weight is less than zero"},
    "A",
)  # fmt: skip


@pytest.fixture(scope="module")
def model(service):
    return service.model


@pytest.fixture(scope="module")
def quiz(request):
    return request.config.rootpath / "examples" / "quiz.csv"


def sample(letter):
    return Sample(("A", "B"), letter, None, None, "", 0, False)


# --- without a model ---------------------------------------------------------------------------------------------------


def test_the_first_sample_has_the_sheets_order_and_the_others_one_of_their_own():
    question = Question("q", "Which?", {letter: f"this {letter * 3}" for letter in "ABCDE"})
    orders = orders_of(question, 0, 6)
    assert orders[0] == tuple("ABCDE")
    assert all(sorted(order) == list("ABCDE") for order in orders)
    assert len(set(orders)) == 6
    assert orders == orders_of(question, 0, 8)[:6]
    assert orders[1:] != orders_of(question, 1, 6)[1:]
    two = orders_of(Question("q", "Which?", {"A": "x", "B": "y"}), 0, 5)
    assert two[:2] == (("A", "B"), ("B", "A"))
    assert len(two) == 5


@pytest.mark.parametrize("text", ["All of the above", "Both A and C", "None of these, the above are wrong", "(a) and (b)"])
def test_options_that_speak_of_others_are_not_shuffled(text):
    question = Question("q", "Which?", {"A": "x", "B": "y", "C": "z", "D": text})
    assert set(orders_of(question, 0, 20)) == {tuple("ABCD")}


@pytest.mark.parametrize("text", ["f(n) is in O(g)", "P(A, B) = P(A) P(B)", "Var(X)", "Fe(s)", "A point on the line"])
def test_letters_of_formulas_are_no_options(text):
    question = Question("q", "Which?", {"A": text, "B": "x", "C": "y", "D": "z"})
    assert len(set(orders_of(question, 0, 6))) == 6


def test_a_samples_seed_depends_on_nothing_else_in_the_sheet():
    assert seed_of(0, "q", 1) == seed_of(0, "q", 1)
    assert len({seed_of(seed, id, n) for seed in (0, 1) for id in ("q", "r") for n in (0, 1)}) == 8
    assert all(0 <= seed_of(0, "q", n) < 2**31 for n in range(100))


@pytest.mark.parametrize(
    ("letters", "letter"),
    [
        ("AAB", "A"),
        ("BAA", "A"),
        ("BA", "B"),
        ([None, "B"], "B"),
        ([None, "A", "B", "B"], "B"),
        ([None, None], None),
        ("CABAB", None),
    ],
)
def test_the_letter_is_what_most_samples_say_and_ties_go_to_the_first_sample_or_to_none(letters, letter):
    assert vote([sample(one) for one in letters]) == letter


def test_a_letter_is_mapped_back_to_the_sheets():
    question = Question("q", "Which?", {"A": "red", "B": "green", "C": "blue"})
    found = room._sample(question, ("C", "A", "B"), Written("It is red. The answer is (B).", 9, False))
    assert (found.letter, found.how) == ("A", "stated letter")
    assert "B" in found.text[slice(*found.span)]
    none = room._sample(question, ("C", "A", "B"), Written("It is hard to say wh", 5, True))
    assert (none.letter, none.why) == (None, "truncated")


def test_the_prompt_begins_with_what_varies_least():
    system, user = asked_with(DIJKSTRA, order=("B", "A"))
    assert "The answer is (X)." in system.content
    assert user.content.index("Question:") < user.content.index("(A) It ignores") < user.content.index("(B) It never")


class Broken:
    at_once = 8

    def forget(self):
        raise RuntimeError("out of memory\nsecond line")


def test_an_engine_that_fails_is_told_in_one_line(model, monkeypatch):
    monkeypatch.setattr(room, "reasoner_of", lambda model: Broken())
    with pytest.raises(ModelError) as error:
        list(grade([DIJKSTRA], model, Plan()))
    assert str(error.value) == (
        "smollm2-135m failed while grading: out of memory. Run the command again to go on, or choose another --model."
    )


# --- with the model ----------------------------------------------------------------------------------------------------


class Interrupted(Exception):
    pass


@pytest.mark.model
def test_an_interrupted_run_goes_on_and_comes_to_the_same_file(model, quiz, tmp_path, monkeypatch):
    monkeypatch.setattr(OpenVINOReasoner, "at_once", 4)
    questions = read_sheet(quiz).questions[:4]
    plan = Plan(samples=2, max_tokens=24)
    settings = run_settings(quiz, questions, model, plan, None, None)

    def rows(file):
        return [{**row.as_dict(), "seconds": 0} for row in read_results(file).rows]

    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    assert grade_into(whole, questions, model, plan, settings).graded == 4
    for most in (1, 3):  # within the first wave, and within the second

        def stop(before, done, total, most=most):
            if done == most:
                raise Interrupted

        with pytest.raises(Interrupted):
            grade_into(cut, questions, model, plan, settings, progress=stop)
        assert len(rows(cut)) == most
    run = grade_into(cut, questions, model, plan, settings)
    assert run.graded == 1
    assert rows(cut) == rows(whole)
    assert grade_into(cut, questions, model, plan, settings).graded == 0

    first = read_results(whole).rows[0]
    assert tuple(one.order for one in first.samples) == orders_of(questions[0], 0, 2)
    assert first.samples[0].text != first.samples[1].text
    assert first.tokens == sum(one.tokens for one in first.samples) <= 48
    assert sum(map(math.exp, first.letter_logprobs.values())) == pytest.approx(1, abs=1e-3)
    for row in read_results(whole).rows:
        for one in row.samples:
            shown = {letter: row.options[label] for letter, label in zip("ABCD", one.order, strict=True)}
            found = extract(one.text, shown).letter
            assert one.letter == (dict(zip("ABCD", one.order, strict=True))[found] if found else None)


@pytest.mark.model
def test_where_no_text_commits_the_model_is_made_to_choose_and_that_is_marked(model, quiz):
    questions = read_sheet(quiz).questions[:3]
    results = list(grade(questions, model, Plan(max_tokens=3)))
    assert all(result.samples[0].letter is None and result.samples[0].why == "truncated" for result in results)
    for result in results:
        assert (result.how, result.fallback, result.why) == (CONSTRAINED, True, None)
        assert result.letter == max(result.letter_logprobs, key=result.letter_logprobs.get)
    alone = list(grade(questions, model, Plan(max_tokens=3, fallback=False, letter_logprobs=False)))
    assert [(one.letter, one.how, one.why, one.fallback, one.outcome) for one in alone] == [
        (None, None, "truncated", False, "unparsed")
    ] * 3
    assert [one.letter_logprobs for one in alone] == [{}] * 3
    assert [one.reasoning for one in alone] == [one.reasoning for one in results]


@pytest.mark.model
def test_passages_are_given_cited_and_weighed(model, service):
    search = service.engine("sample").search
    course = Course(search, service.embedding)
    (result,) = grade([DIJKSTRA], model, Plan(max_tokens=8, passages=2, letter_logprobs=False), course)
    hits = search.search(DIJKSTRA.stem, 2)
    assert [(one.number, one.passage_id) for one in result.citations] == [(n, hit.passage.id) for n, hit in enumerate(hits, 1)]
    assert result.citations[0].file == "algorithms.pdf"
    assert result.citations[0].label == hits[0].passage.pages
    assert result.evidence["A"] > result.evidence["B"]
    json.dumps(result.as_dict())


@pytest.mark.model
def test_a_question_that_does_not_fit_is_named(model):
    long = Question("long", "word " * 9000, {"A": "x", "B": "y"})
    with pytest.raises(ModelError, match="question 'long' does not fit smollm2-135m's context of") as error:
        list(grade([long], model, Plan()))
    assert "\n" not in str(error.value)
