"""The prediction of memory, against sizes worked out by hand and against a real model's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import transformers

from training import base_model, memory
from training.distributed import Launch
from training.errors import RecipeError
from training.precision import Precision
from training.recipe import Recipe, load

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


FULL = ("full=true", "quantization=none")
ALL = 6_979_321_856 + 2 * 128256 * 4096  # blocks, embedding and head


def test_full_fine_tuning_holds_every_weight_four_times_in_fp32(tiny_recipe: Callable[..., Recipe]) -> None:
    """Weight, gradient and AdamW's two moments; a DPO run's reference is measured before the weights move and takes nothing."""
    for stage in ("sft", "dpo", "cpt"):
        parts = memory.plan(tiny_recipe(stage, *FULL), LLAMA3, GPU, 80e9).parts
        assert [parts[name] for name in ("weights", "gradients", "optimizer")] == [4 * ALL, 4 * ALL, 8 * ALL]
    one, two = (memory.plan(tiny_recipe("sft", *given), LLAMA3, GPU, 80e9).parts for given in ((), FULL))
    # autocast's copies of blocks and head in bf16, and no dequantized layer
    assert two["buffers"] - one["buffers"] == 2 * (ALL - 128256 * 4096) - 2 * 4096 * 14336


def test_processes_that_divide_a_model_each_hold_their_share(tiny_recipe: Callable[..., Recipe]) -> None:
    recipe = tiny_recipe("sft", *FULL)

    def gigabytes(sharing: str, offload: bool = False) -> list[float]:
        parts = memory.plan(recipe, LLAMA3, GPU, 80e9, Launch(8, sharing=sharing, offload=offload)).parts
        return [parts[name] / ALL for name in ("weights", "gradients", "optimizer")]

    assert gigabytes("ddp") == [4, 4, 8]
    assert gigabytes("fsdp") == [4 / 8, 4 / 8, 8 / 8]
    assert gigabytes("zero2") == [2, 2 / 8, (8 + 4) / 8]  # bf16 weights, their fp32 copy with the optimizer
    assert gigabytes("zero3") == [2 / 8, 2 / 8, (8 + 4) / 8]
    assert gigabytes("zero3", offload=True)[2] == 0
    adapter = memory.plan(tiny_recipe("sft"), LLAMA3, GPU, 80e9, Launch(8, sharing="fsdp")).parts
    assert adapter["weights"] == pytest.approx(5.7e9 / 8, rel=0.02)
    with pytest.raises(RecipeError, match=r"each of 8 GPUs has 16\.0; most is weights"):
        memory.plan(recipe, LLAMA3, GPU, 16e9, Launch(8, sharing="zero2", offload=True)).require()


def test_the_shipped_recipe_for_eight_gpus_fits_them_divided_only() -> None:
    recipe = load(Path(__file__).parents[2] / "recipes" / "llama3-8b-full-sft.yaml", ["data.train=x"])
    for sharing, offload in (("fsdp", False), ("zero3", True), ("zero2", True)):
        memory.plan(recipe, LLAMA3, GPU, 80e9, Launch(8, sharing=sharing, offload=offload)).require()
    with pytest.raises(RecipeError, match=r"Train an adapter on a 4-bit base \(leave full out\), or divide the model"):
        memory.plan(recipe, LLAMA3, GPU, 80e9).require()


def test_virtual_tokens_lengthen_every_row(tiny_recipe: Callable[..., Recipe]) -> None:
    one, two = (memory.plan(tiny_recipe("prompt_tuning", f"prompt.tokens={n}"), LLAMA3, GPU, 80e9).parts for n in (32, 64))
    assert two["virtual tokens"] == 64 * 4096 * 4
    assert two["gradients"] == two["virtual tokens"]
    assert two["activations"] / one["activations"] == pytest.approx((96 + 64) / (96 + 32))  # rows of 96


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
