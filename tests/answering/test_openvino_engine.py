"""The embedded engine with the built-in model, compared with transformers on the same weights."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from llama_index.core.llms import ChatMessage, MessageRole

pytestmark = pytest.mark.model

SURE = 0.5  # nats between the likeliest token and the next; rounding to Q8_0 moves them by hundredths
QUESTIONS = ("What is gravity?", "What is 2+2?", "Who was Isaac Newton?")


@pytest.fixture(scope="module")
def llm(service):
    return service.model.llm


def user(text):
    return [ChatMessage(role=MessageRole.USER, content=text)]


def sure_tokens(reference, question, most=12):
    """Greedy tokens of transformers up to the first of which it is not sure."""
    import torch

    ids = reference.tokenizer(reference.prompt(question), add_special_tokens=False, return_tensors="pt").input_ids
    out = reference.model.generate(ids, max_new_tokens=most, do_sample=False, output_scores=True, return_dict_in_generate=True)
    margins = [torch.log_softmax(scores[0], -1).topk(2).values for scores in out.scores]
    sure = list(itertools.takewhile(lambda pair: float(pair[0] - pair[1]) >= SURE, margins))
    return out.sequences[0][ids.shape[1] :].tolist()[: len(sure)]


@pytest.mark.long
def test_greedy_tokens_are_those_of_transformers_wherever_it_is_sure(llm, reference):
    compared = 0
    for question in QUESTIONS:
        expected = sure_tokens(reference, question)
        got = list(llm._batcher.generate(llm._encode(reference.prompt(question)), llm._config(max_tokens=12)))
        assert got[: len(expected)] == expected, question
        compared += len(expected)
    assert compared >= 12, "the questions are meant to have answers that the model is sure of"


def test_the_prompt_is_that_of_the_chat_template_and_its_special_tokens_are_not_doubled(llm, reference):
    messages = [
        ChatMessage(role=MessageRole.SYSTEM, content="Be brief."),
        ChatMessage(role=MessageRole.USER, content="What is entropy? Ünïcödé, 数学."),
        ChatMessage(role=MessageRole.ASSISTANT, content="Disorder."),
        ChatMessage(role=MessageRole.USER, content="Why?"),
    ]
    rows = [{"role": message.role.value, "content": message.content} for message in messages]
    rendered = reference.tokenizer.apply_chat_template(rows, tokenize=False, add_generation_prompt=True)
    assert llm.render(messages) == rendered
    expected = reference.tokenizer(rendered, add_special_tokens=False).input_ids
    assert llm._encode(rendered).data[0].tolist() == expected
    assert llm.count_tokens(messages) == len(expected)


def test_chat_and_its_stream_say_the_same(llm):
    parts = list(llm.stream_chat(user("What is gravity?"), max_tokens=12))
    assert len(parts) > 3
    assert "".join(part.delta for part in parts) == parts[-1].message.content
    assert llm.chat(user("What is gravity?"), max_tokens=12).message.content == parts[-1].message.content
    assert llm.complete("What is gravity?", max_tokens=12).text == parts[-1].message.content


def test_an_answer_has_at_most_the_tokens_asked_for(llm, reference):
    text = llm.chat(user("Write a long story."), max_tokens=7).message.content
    assert 0 < len(reference.tokenizer(text).input_ids) <= 7


def test_several_threads_at_once_each_get_their_own_answer(llm):
    # What each must say is set by a grammar: a free answer may differ by a word with who shares its batch.
    told = [f"{name} is a word of its own, and so are the {number} that come after it" for number, name in enumerate("abcde")]

    def ask(words):
        return llm.chat(user("Say it."), grammar=f'root ::= "{words}"', max_tokens=120).message.content

    with ThreadPoolExecutor(len(told)) as pool:
        assert list(pool.map(ask, told)) == told


def wait_until_idle(llm):
    deadline = time.monotonic() + 60
    while llm._batcher._running and time.monotonic() < deadline:
        time.sleep(0.02)
    return not llm._batcher._running


def test_closing_a_stream_ends_its_generation_and_the_next_is_answered(llm):
    assert wait_until_idle(llm)
    # A grammar without an end: only closing can stop it before its 8,000 tokens.
    stream = llm.stream_chat(user("Count."), grammar='root ::= "one " root', max_tokens=8000)
    first = next(stream)
    assert first.delta
    assert len(llm._batcher._running) == 1
    stream.close()
    assert wait_until_idle(llm)
    assert llm.chat(user("What is 2+2?"), max_tokens=4).message.content


def test_closing_one_stream_leaves_the_others_running(llm):
    # A grammar decides the text: a batch's rounding depends on who shares it, so that a free answer may differ by a word.
    words = "one two three four five six seven eight nine ten eleven twelve"
    closing = llm.stream_chat(user("Count."), grammar='root ::= "one " root', max_tokens=8000)
    next(closing)
    other = llm.stream_chat(user("Count to twelve."), grammar=f'root ::= "{words}"')
    parts = [next(other)]
    assert len(llm._batcher._running) == 2
    closing.close()
    parts += other
    assert parts[-1].message.content == words


def test_a_grammar_leaves_the_model_nothing_else_to_write(llm):
    text = llm.chat(user("Is water wet?"), grammar='root ::= "perhaps " ("not" | "so")').message.content
    assert text in {"perhaps not", "perhaps so"}


@pytest.mark.parametrize("words", ["Erdős, Gauß ∀ε 数学 🎓 done", "thé 👩‍🏫", "ends in 🎓"])
def test_letters_of_several_tokens_are_streamed_whole(llm, words):
    parts = list(llm.stream_chat(user("Go."), grammar=f'root ::= "{words}"'))
    assert "".join(part.delta for part in parts) == words
    assert not any("\N{REPLACEMENT CHARACTER}" in part.delta for part in parts)
    assert [part.message.content for part in parts] == list(itertools.accumulate(part.delta for part in parts))


def test_a_request_that_the_pipeline_refuses_fails_alone(llm):
    with pytest.raises(RuntimeError):
        llm.chat(user("Hello"), grammar="root ::= (((")
    assert llm.chat(user("What is 2+2?"), max_tokens=4).message.content


def test_generation_stops_at_a_stop_string(llm):
    whole = llm.chat(user("What is gravity?"), max_tokens=16).message.content
    assert " is " in whole
    stopped = llm.chat(user("What is gravity?"), max_tokens=16, stop=[" is"]).message.content
    assert whole.startswith(stopped)
    assert len(stopped) < len(whole)
