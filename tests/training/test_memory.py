"""The prediction of memory, against sizes worked out by hand and against a real model's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import transformers

from training import base_model, memory
from training.errors import RecipeError
from training.precision import Precision
from training.recipe import Recipe

LLAMA3 = transformers.LlamaConfig(
    num_hidden_layers=32,
    hidden_size=4096,
    intermediate_size=14336,
    num_attention_heads=32,
    num_key_value_heads=8,
    vocab_size=128256,
)
GPU = Precision("bf16", "cuda", True)


def test_llama3_has_the_weights_that_are_published() -> None:
    shape = memory.Shape.of(LLAMA3)
    assert shape.blocks == 6_979_321_856
    norms = 65 * 4096
    assert shape.blocks + shape.embeddings + norms == 8_030_261_248
    assert shape.adapter(64, tuple(shape.projections)) == 167_772_160


def test_the_4_bit_base_takes_what_was_measured(tiny_recipe: Callable[..., Recipe]) -> None:
    """5.7 GB of weights, as published for Llama-3-8B in NF4 with double quantization and embeddings of 16 bits."""
    plan = memory.plan(tiny_recipe("sft"), LLAMA3, GPU, 80e9)
    assert plan.parts["weights"] == pytest.approx(5.7e9, rel=0.02)
    assert plan.parts["gradients"] == plan.parts["adapters"]


def test_pairs_hold_a_reference_and_twice_the_rows(tiny_recipe: Callable[..., Recipe]) -> None:
    one, two = (memory.plan(tiny_recipe(stage), LLAMA3, GPU, 80e9).parts for stage in ("sft", "dpo"))
    assert two["adapters"] == 2 * one["adapters"]
    assert two["activations"] == 2 * one["activations"]


def test_checkpointing_and_8_bit_states_need_less(tiny_recipe: Callable[..., Recipe]) -> None:
    plain = memory.plan(tiny_recipe("sft"), LLAMA3, GPU, 80e9).parts
    every = memory.plan(tiny_recipe("sft", "activation_checkpointing=true", "optim=adamw_8bit"), LLAMA3, GPU, 80e9).parts
    kwargs = "activation_checkpointing_kwargs={every_n_layers: 2}"
    second = memory.plan(tiny_recipe("sft", "activation_checkpointing=true", kwargs), LLAMA3, GPU, 80e9).parts
    assert every["activations"] < second["activations"] < plain["activations"]
    assert every["optimizer"] == pytest.approx(plain["optimizer"] / 4, rel=0.02)


def test_what_cannot_fit_is_refused_with_its_largest_part(tiny_recipe: Callable[..., Recipe]) -> None:
    memory.plan(tiny_recipe("sft"), LLAMA3, GPU, 15e9).require()
    with pytest.raises(RecipeError, match=r"needs about 1\d\.\d GB and the GPU has 15\.0; most is weights .* quantization=nf4"):
        memory.plan(tiny_recipe("sft", "quantization=none"), LLAMA3, GPU, 15e9).require()


def test_the_tiny_models_weights_are_predicted(tiny_recipe: Callable[..., Recipe], tiny_model: str) -> None:
    recipe = tiny_recipe("sft")
    held = Precision("fp32", "cpu", False)
    tokenizer, config = base_model.without_weights(recipe.model, None)
    base = base_model.load(recipe.model, None, "nf4", held, tokenizer)
    stored = base.model.get_memory_footprint() - 5 * 64 * 4  # the norms
    assert memory.plan(recipe, config, held, 1e9).parts["weights"] == pytest.approx(stored, rel=0.05)
