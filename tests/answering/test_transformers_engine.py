"""A folder of safetensors through transformers: the built-in model's weights, saved as a fine-tuned folder is."""

from __future__ import annotations

import threading

import pytest
from llama_index.core.llms import ChatMessage, MessageRole

from tutor.answering.models import load_model
from tutor.settings import load_settings

pytestmark = pytest.mark.model


def user(text):
    return [ChatMessage(role=MessageRole.USER, content=text)]


def generating():
    return [thread for thread in threading.enumerate() if thread.name == "transformers-generate"]


@pytest.fixture(scope="module")
def model(chat_folder, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return load_model(load_settings(home=home, model=str(chat_folder), max_new_tokens=24))


@pytest.fixture
def llm(model):
    return model.llm


def test_a_folder_explains_in_its_own_words_and_tells_its_context(model):
    import torch

    assert (model.name, model.style, model.context_window) == ("smollm2-tuned", "explain", 8192)
    expected = "4-bit NF4 on " if torch.cuda.is_available() else "fp32 on the CPU"
    assert model.engine.startswith(f"transformers, {expected}")


def test_it_ends_its_turn_although_the_folder_names_the_end_of_text_only(llm, reference):
    end_of_text, end_of_turn = reference.tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|im_end|>"])
    assert llm._model.generation_config.eos_token_id == end_of_text  # what the folder says
    assert llm._tokenizer.eos_token_id == end_of_text
    assert set(llm.generate_kwargs["eos_token_id"]) == {end_of_text, end_of_turn}
    ids = reference.tokenizer(reference.prompt("What is 2+2?"), add_special_tokens=False, return_tensors="pt").input_ids
    out = reference.model.generate(ids, max_new_tokens=24, do_sample=False, eos_token_id=end_of_turn)
    expected = reference.tokenizer.decode(out[0][ids.shape[1] :])
    assert expected.endswith("<|im_end|>"), "the question is meant to have a short answer"
    assert llm.chat(user("What is 2+2?")).message.content == expected.removesuffix("<|im_end|>")


def test_the_stream_brings_the_same_text_in_pieces(llm, monkeypatch):
    monkeypatch.setattr(llm, "max_new_tokens", 12)
    parts = list(llm.stream_chat(user("What is gravity?")))
    assert len(parts) > 5
    whole = "".join(part.delta for part in parts)
    assert whole == parts[-1].message.content == llm.chat(user("What is gravity?")).message.content
    assert whole == llm.complete("What is gravity?").text
    assert "<|im_" not in whole


def test_tokens_are_counted_as_the_template_writes_them(llm, reference):
    expected = len(reference.tokenizer(reference.prompt("What is gravity?"), add_special_tokens=False).input_ids)
    assert llm.count_tokens(user("What is gravity?")) == expected


def test_closing_a_stream_ends_its_thread_and_the_next_question_is_answered(llm, monkeypatch):
    monkeypatch.setattr(llm, "max_new_tokens", 4000)
    stream = llm.stream_chat(user("Write a very long story about a dragon."))
    next(stream)
    assert len(generating()) == 1
    stream.close()
    assert generating() == []
    monkeypatch.setattr(llm, "max_new_tokens", 5)
    assert llm.chat(user("What is 2+2?")).message.content


def test_what_goes_wrong_while_generating_reaches_the_reader_and_the_next_question_is_answered(llm, monkeypatch):
    monkeypatch.setitem(llm.generate_kwargs, "num_beams", 2)  # transformers refuses to stream a beam search
    with pytest.raises(ValueError, match="beam"):
        list(llm.stream_chat(user("Hello")))
    monkeypatch.delitem(llm.generate_kwargs, "num_beams")
    monkeypatch.setattr(llm, "max_new_tokens", 5)
    assert llm.chat(user("What is 2+2?")).message.content
    assert generating() == []


def test_two_readers_at_once_get_what_each_gets_alone(llm, monkeypatch):
    monkeypatch.setattr(llm, "max_new_tokens", 10)
    questions = ["What is gravity?", "What is 2+2?"]
    alone = [llm.chat(user(question)).message.content for question in questions]
    texts = {}
    readers = [
        threading.Thread(target=lambda q=question: texts.update({q: llm.chat(user(q)).message.content}))
        for question in questions
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(120)
    assert [texts[question] for question in questions] == alone
