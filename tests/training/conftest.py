"""A Llama of 0.1 million weights with a tokenizer of bytes and Llama-3's kind of template, and examples for it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import torch
import transformers

from training import recipe
from training.recipe import Recipe

TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] }}<|turn|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


def make_tokenizer() -> transformers.PreTrainedTokenizerFast:
    """As with Llama-3: the end that the tokenizer names (<|end|>) is not the one that closes a turn (<|turn|>)."""
    letters = {chr(code): code - 32 for code in range(32, 127)} | {"\n": 95}
    inner = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=letters, merges=[]))
    inner.decoder = tokenizers.decoders.Fuse()
    inner.add_special_tokens(["<|end|>", "<|start|>", "<|turn|>", "<|reserved_special_token_0|>"])
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|end|>")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


@pytest.fixture(autouse=True, scope="module")
def _one_thread_of_the_cpu() -> Iterator[None]:
    """The layers are so small that a second thread is waited for longer than it works; and a GPU would compute in bf16."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        yield
    torch.set_num_threads(before)


@pytest.fixture
def tokenizer() -> transformers.PreTrainedTokenizerFast:
    return make_tokenizer()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny-model")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        num_hidden_layers=2,
        hidden_size=64,
        intermediate_size=128,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=100,
        eos_token_id=96,
        bos_token_id=None,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def write_rows(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files for each stage, and for validation."""
    folder = tmp_path_factory.mktemp("examples")
    asked = [(one, two) for one in range(4) for two in range(3, 9)]
    sums = [{"prompt": f"{one} and {two}?", "completion": f"{one + two}."} for one, two in asked]
    pairs = [{"prompt": row["prompt"], "chosen": row["completion"], "rejected": "No idea."} for row in sums]
    other = [{"prompt": f"How is the letter {letter} written large?", "completion": letter.upper()} for letter in "abcd"]
    other_pairs = [{"prompt": row["prompt"], "chosen": row["completion"], "rejected": "No idea."} for row in other]
    things = ["a", "heap", "a", "queue", "a", "stack", "a", "graph", "the", "tree", "the", "list", "of", "keys", "in"]
    books = [
        {"section": ["Book", f"Part {number}"], "text": " ".join(random.Random(number).choices(things, k=5 + 2 * number))}
        for number in range(20)
    ]
    return {
        "cpt": write_rows(folder / "books.jsonl", books),
        "prompt_tuning": write_rows(folder / "asked.jsonl", sums),
        "dpo-validation": write_rows(folder / "dpo-validation.jsonl", other_pairs),
        "sft": write_rows(folder / "sft.jsonl", sums),
        "dpo": write_rows(folder / "dpo.jsonl", pairs),
        "validation": write_rows(folder / "validation.jsonl", other),
    }


@pytest.fixture
def tiny_recipe(tiny_model: Path, examples: dict[str, Path]) -> Callable[..., Recipe]:
    """A recipe for the tiny model; arguments are overrides."""

    def made(stage: str, *overrides: str) -> Recipe:
        trainer = {
            "max_length": 96,
            "per_device_train_batch_size": 2,
            "max_steps": 4,
            "logging_steps": 1,
            "learning_rate": 0.01,
            "activation_checkpointing": False,
        }
        written = {
            "stage": stage,
            "model": str(tiny_model),
            "data": {"train": str(examples[stage])},
            "trainer": trainer | ({"packing": True} if stage == "sft" else {}),
        }
        if stage == "prompt_tuning":
            written["prompt"] = {"tokens": 5, "init": "Add both."}
        elif "full=true" not in overrides:
            written["lora"] = {"rank": 4, "scale": 2}
        return recipe.build(recipe.override(written, overrides), "tiny")

    return made
