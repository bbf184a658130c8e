"""What training's libraries do wrong without a word, and this package must not: on a trainer as a stage makes it.

Refusals are in test_recipe.py, parents in test_runs.py and test_stages.py; docs/training.md lists all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bitsandbytes
import peft.helpers
import peft.utils
import pytest
import torch

from training import base_model, precision, sft, stage
from training.recipe import Recipe

Made = Callable[..., Recipe]
CPU = precision.Precision("fp32", "cpu", False)


def trainer_of(recipe: Recipe, folder: Path) -> Any:
    checked = stage.check(recipe)
    return sft.build_trainer(recipe, stage.load(checked), checked.rendered["train"].dataset, None, folder)


def test_the_4_bit_weights_stay_what_they_are(tiny_recipe: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PEFT's cast_mixed_precision_params makes plain tensors of them, and the layer fails."""

    def called(*given: Any, **options: Any) -> None:
        raise AssertionError("cast_mixed_precision_params was called")

    for module in (peft, peft.helpers, peft.utils):
        monkeypatch.setattr(module, "cast_mixed_precision_params", called, raising=False)
    for recipe in (tiny_recipe("sft"), tiny_recipe("prompt_tuning")):
        trainer = trainer_of(recipe, tmp_path)
        layers = [module for module in trainer.model.modules() if isinstance(module, bitsandbytes.nn.Linear4bit)]
        before = [layer.weight.data.clone() for layer in layers]
        trainer.train()
        assert len(layers) == 14
        assert all(isinstance(layer.weight, bitsandbytes.nn.Params4bit) and layer.weight.quant_state for layer in layers)
        assert all(torch.equal(layer.weight.data, kept) for layer, kept in zip(layers, before, strict=True))


def test_documents_of_a_packed_row_do_not_see_each_other(tiny_recipe: Made, tmp_path: Path) -> None:
    """With a cache, transformers' default, they do."""
    trainer = trainer_of(tiny_recipe("sft"), tmp_path)
    batch = trainer.data_collator([trainer.train_dataset[0]])
    starts = (batch["position_ids"][0] == 0).nonzero().flatten().tolist()
    assert len(starts) > 1
    ends = [*starts[1:], batch["input_ids"].shape[1]]
    ids = batch["input_ids"][:, starts[1] : ends[1]]
    trainer.model.eval()
    with torch.no_grad():
        packed = trainer.model(**{name: value for name, value in batch.items() if name != "labels"}).logits
        alone = trainer.model(input_ids=ids).logits
        leaking = trainer.model(**{n: v for n, v in batch.items() if n != "labels"}, use_cache=True).logits
    place = slice(starts[1], starts[1] + ids.shape[1])
    torch.testing.assert_close(packed[:, place], alone, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(leaking[:, place], alone, rtol=1e-4, atol=1e-5)  # once this fails, the setting is not needed


@pytest.mark.parametrize(("quantization", "held", "dtype"), [("none", "bf16", torch.bfloat16), ("fp32", "bf16", torch.float32)])
def test_the_base_is_held_in_the_format_that_was_asked_for(
    tiny_model: Path, quantization: str, held: str, dtype: torch.dtype
) -> None:
    """TRL, given a name, holds any model in fp32; every weight trained has to be."""
    tokenizer, _ = base_model.without_weights(str(tiny_model), None)
    base = base_model.load(str(tiny_model), None, quantization, precision.Precision(held, "cpu", False), tokenizer)
    assert {parameter.dtype for parameter in base.model.parameters()} == {dtype}


def test_4_bit_weights_stored_as_bf16_compute_the_same(tiny_model: Path) -> None:
    """As FSDP needs them: uint8 it would leave whole on every GPU."""
    tokenizer, _ = base_model.without_weights(str(tiny_model), None)
    ids = torch.arange(20)[None]
    logits = []
    for storage, dtype in (("uint8", torch.uint8), ("bf16", torch.bfloat16)):
        model = base_model.load(str(tiny_model), None, "nf4", CPU, tokenizer, storage).model
        layer = model.model.layers[0].mlp.down_proj
        assert layer.weight.dtype is dtype
        with torch.no_grad():
            logits.append(model(ids, use_cache=False).logits)
    assert torch.equal(*logits)


def test_every_test_that_the_documentation_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (Path(__file__).parents[2] / "docs" / "training.md").read_text("utf-8")))
    written = "".join(file.read_text("utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    assert len(named) > 15
    assert named <= set(re.findall(r"^def (test_\w+)", written, re.M))
