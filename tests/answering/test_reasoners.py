"""Many chains of thought at once, and how likely each letter is, from each engine: compared with transformers' own figures."""

from __future__ import annotations

import math

import pytest
from llama_index.core.llms import ChatMessage, MessageRole

from tutor.answering.models import load_model
from tutor.answering.prompts import COMMIT
from tutor.mcqa.grade import asked_with
from tutor.mcqa.reasoner import Prompt, normalised, reasoner_of
from tutor.mcqa.sheet import Question
from tutor.settings import load_settings

pytestmark = pytest.mark.model

QUESTION = Question("q", "Which planet is the largest?", {"A": "Mars", "B": "Venus", "C": "Jupiter", "D": "Mercury"})
REASONED = "Jupiter is the largest planet; its mass is more than that of all others together."
LABELS = list("ABCD")


def thought(temperature=0.0, seed=0, group=0, order=()):
    return Prompt(tuple(asked_with(QUESTION, order=order)), group, temperature, seed)


def behind():
    return Prompt(tuple(asked_with(QUESTION)), begun=REASONED + COMMIT)


@pytest.fixture(scope="module")
def expected(reference):
    """The letters' log-probabilities by transformers in fp32."""
    import torch

    rows = [{"role": message.role.value, "content": message.content} for message in behind().messages]
    text = reference.tokenizer.apply_chat_template(rows, tokenize=False, add_generation_prompt=True) + behind().begun
    ids = reference.tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
    with torch.inference_mode():
        logits = reference.model(ids).logits[0, -1].log_softmax(-1)
    letters = {label: reference.tokenizer(label, add_special_tokens=False).input_ids for label in LABELS}
    return normalised({label: float(logits[token]) for label, (token,) in letters.items()})


@pytest.fixture(scope="module", params=["openvino", "endpoint", "transformers"])
def reasoner(request):
    if request.param == "openvino":
        return reasoner_of(request.getfixturevalue("service").model)
    if request.param == "endpoint":
        address = request.getfixturevalue("llama_server")
        return reasoner_of(load_model(load_settings(model=f"{address}/v1#smol")))
    return reasoner_of(load_model(load_settings(model=str(request.getfixturevalue("chat_folder")))))


def test_the_letters_log_probabilities_are_those_of_transformers(reasoner, expected):
    # Q4_1 in llama.cpp, Q8_0 made of it in OpenVINO, fp32: the same weights but for rounding.
    (weight,) = reasoner.weigh([behind()], [LABELS])
    assert weight == pytest.approx(expected, abs=0.25)
    assert sum(map(math.exp, weight.values())) == pytest.approx(1)


def test_the_model_is_made_to_choose_among_the_labels_alone(reasoner, expected):
    best = max(expected, key=expected.get)
    others = [label for label in LABELS if label != best]
    chosen = reasoner.choose([behind(), behind()], [LABELS, others])
    assert chosen[0] == best
    assert chosen[1] in others


def test_chains_of_thought_come_with_their_place_length_and_end(reasoner):
    prompts = [thought(), thought(0.7, 1, order=("B", "A", "C", "D"))]
    written = dict(reasoner.write(prompts, 12))
    assert sorted(written) == [0, 1]
    assert all(one.text.strip() and 0 < one.tokens <= 12 for one in written.values())
    assert all(one.truncated == (one.tokens == 12) for one in written.values())
    assert dict(reasoner.write(prompts[:1], 12))[0].truncated


def test_one_batch_of_openvino_gets_the_same_each_time(service):
    reasoner = reasoner_of(service.model)
    prompts = [thought(0.7 * (n > 0), n, order=tuple(order)) for n, order in enumerate(("ABCD", "BADC", "CDAB", "DABC"))]
    runs = []
    for _ in range(2):
        reasoner.forget()
        runs.append(dict(reasoner.write(prompts, 40)))
    assert runs[0] == runs[1]
    assert len({one.text for one in runs[0].values()}) == 4


def test_two_samples_of_a_temperature_differ_by_their_seed_alone(reasoner):
    first, second = (dict(reasoner.write([thought(1.5, seed)], 10))[0] for seed in (1, 2))
    assert first.text != second.text


def test_a_closed_batch_leaves_nothing_running(service):
    short = Prompt((ChatMessage(role=MessageRole.USER, content="Hi"),), temperature=0.9)
    written = reasoner_of(service.model).write([short, thought(1.5, 3)], 400)
    next(written)
    written.close()
    assert not service.model.llm._batcher._running
    assert service.model.llm.complete("What is 2+2?", max_tokens=4).text


def test_equal_questions_in_one_batch_do_no_harm(service):
    reasoner = reasoner_of(service.model)
    weights = reasoner.weigh([behind(), behind()], [LABELS, LABELS])
    assert weights[0] == weights[1]
