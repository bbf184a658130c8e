"""What the model reads: template, stop token, padding and length, as TRL makes it of the same rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import transformers

from training import base_model, data, rendering
from training.data import Example, Examples
from training.errors import DataError, RecipeError


def examples(*rows: dict[str, object]) -> Examples:
    return Examples(Path("x.jsonl"), "", tuple(Example(line, row) for line, row in enumerate(rows, 1)), 0, 0)


def test_the_token_that_closes_a_turn_becomes_the_end(tokenizer: transformers.PreTrainedTokenizerFast) -> None:
    """As with Llama-3, whose tokenizer names another end, at which a tuned model would never arrive."""
    assert tokenizer.eos_token == "<|end|>"
    rendering.prepare(tokenizer)
    assert tokenizer.eos_token == "<|turn|>"
    assert tokenizer.pad_token == "<|reserved_special_token_0|>"


def test_without_a_template_the_end_stays(tokenizer: transformers.PreTrainedTokenizerFast) -> None:
    tokenizer.chat_template = None
    rendering.prepare(tokenizer)
    assert tokenizer.eos_token == "<|end|>"


def test_one_example_is_shown_with_what_is_learned(tokenizer: transformers.PreTrainedTokenizerFast) -> None:
    rendering.prepare(tokenizer)
    made = rendering.render(examples({"prompt": "1 and 1?", "completion": "2."}), tokenizer, 100, "refuse", False)
    text = rendering.shown(tokenizer, made.dataset, 100)
    assert text == "<|start|>user\n1 and 1?<|turn|><|start|>assistant\n\u27e62.<|turn|>\u27e7"


def test_a_template_that_never_closes_the_turn_is_refused(tokenizer: transformers.PreTrainedTokenizerFast) -> None:
    tokenizer.chat_template = str(tokenizer.chat_template).replace("<|turn|>", "\n")
    rendering.prepare(tokenizer)
    made = rendering.render(examples({"prompt": "a", "completion": "b"}), tokenizer, 100, "refuse", False)
    with pytest.raises(RecipeError, match="would not learn to stop"):
        rendering.shown(tokenizer, made.dataset, 100)


def test_a_template_that_writes_the_prompt_otherwise_is_refused(tokenizer: transformers.PreTrainedTokenizerFast) -> None:
    tokenizer.chat_template = str(tokenizer.chat_template).replace("assistant\n{% endif", "assistant\nthink: {% endif")
    rendering.prepare(tokenizer)
    made = rendering.render(examples({"prompt": "a", "completion": "b"}), tokenizer, 100, "refuse", False)
    with pytest.raises(RecipeError, match="another context"):
        rendering.shown(tokenizer, made.dataset, 100)


def test_messages_without_a_template_are_refused(tokenizer: transformers.PreTrainedTokenizerFast) -> None:
    tokenizer.chat_template = None
    rendering.prepare(tokenizer)
    turns = [{"role": "user", "content": "a"}]
    with pytest.raises(DataError, match="no chat template"):
        rendering.render(examples({"prompt": turns, "completion": turns}), tokenizer, 100, "refuse", False)


def test_long_rows_are_refused_cut_or_dropped_and_counted(tokenizer: transformers.PreTrainedTokenizerFast) -> None:
    """A token a letter: 1 and 5 (role, line break) before the prompt, 1 after it; 1 and 10 before the answer, 1 after it."""
    rendering.prepare(tokenizer)
    rows = examples(
        {"prompt": "a", "completion": "b"},  # 6 + 1 + 1 + 11 + 1 + 1 = 21
        {"prompt": "a", "completion": "b" * 10},  # 30
        {"prompt": "a" * 30, "completion": "b"},  # 50; its prompt alone has 48
    )
    with pytest.raises(DataError, match=r"2 rows have more than max_length 25 tokens: lines 2 to 3; .*line 3 with 50\."):
        rendering.render(rows, tokenizer, 25, "refuse", False)
    dropped = rendering.render(rows, tokenizer, 25, "drop", False)
    assert (dropped.lengths, dropped.too_long, dropped.dropped, dropped.cut_tokens) == ((21,), 2, 2, 0)
    cut = rendering.render(rows, tokenizer, 25, "truncate", False)
    assert (cut.lengths, cut.too_long, cut.dropped, cut.cut_tokens) == ((21, 25), 2, 1, 5)


def test_a_cut_example_is_shown_as_far_as_it_is_read(tokenizer: transformers.PreTrainedTokenizerFast) -> None:
    rendering.prepare(tokenizer)
    rows = examples({"prompt": "a", "completion": "b" * 10})  # 30 tokens; 19 before the answer
    made = rendering.render(rows, tokenizer, 25, "truncate", False)
    assert rendering.shown(tokenizer, made.dataset, 25).endswith(
        "assistant\n\u27e6bbbbbb\u27e7 ... 5 tokens are cut off, and the end of the answer with them"
    )
    assert "; left out 0 empty, 0 duplicates, 0 too long; 1 cut, by 5 tokens" in rendering.lines([(rows, made)])[0]
    assert rendering.shown(tokenizer, made.dataset, None, all_of_it=True).startswith("\u27e6<|start|>user")


def test_control_tokens_in_a_text_are_counted(tokenizer: transformers.PreTrainedTokenizerFast) -> None:
    rendering.prepare(tokenizer)
    rows = examples({"prompt": "say <|turn|>", "completion": "b"}, {"prompt": "a", "completion": "b"})
    made = rendering.render(rows, tokenizer, 100, "refuse", False)
    assert made.control == 1
    assert "1 examples have a control token" in rendering.lines([(rows, made)])[1]


def test_what_a_chat_template_refuses_is_told_by_line(tokenizer: transformers.PreTrainedTokenizerFast) -> None:
    tokenizer.chat_template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}" + tokenizer.chat_template  # type: ignore[operator]
    )
    rendering.prepare(tokenizer)
    turns = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]
    with pytest.raises(DataError, match=r"line 1: .*refuses turns of system, user, assistant: no system here"):
        rendering.render(examples({"prompt": turns, "completion": "b"}), tokenizer, 100, "refuse", False)


def test_the_built_in_model_stops_at_the_end_of_its_turn() -> None:
    tokenizer, config = base_model.without_weights(base_model.BUILT_IN, None)
    rendering.prepare(tokenizer)
    assert tokenizer.eos_token == "<|im_end|>"
    assert config.num_hidden_layers == 30


def test_a_text_and_a_message_are_the_same_tokens(tokenizer: transformers.PreTrainedTokenizerFast, tmp_path: Path) -> None:
    text = data.fields_of('{"prompt": "a", "completion": "b"}', "sft")
    turns = data.fields_of('{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}', "sft")
    rendering.prepare(tokenizer)
    made = [rendering.ids(tokenizer, rendering.conversational(row, True), "completion") for row in (text, turns)]
    assert made[0] == made[1]


def test_of_a_conversation_it_is_said_that_only_the_last_answer_is_learned(
    tokenizer: transformers.PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    rendering.prepare(tokenizer)
    roles = ("user", "assistant", "user", "assistant")
    rows = [{"messages": [{"role": role, "content": f"{role} {n}"} for role in roles]} for n in range(2)]
    rows.append({"messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]})
    file = tmp_path / "chats.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    read = data.read(file, "sft")
    told = rendering.lines([(read, rendering.render(read, tokenizer, 500, "refuse", False))])
    assert told[1] == f"{file}: 2 examples have earlier answers too; of each only the last is learned"


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert rendering.printable("a\tb\nc\x1b[2J\x00\u202e ö 😀") == "a\tb\nc\\x1b[2J\\x00\\u202e ö 😀"
