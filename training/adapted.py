"""The base as a stage trains it: with the kernels that the device has, and an adapter, virtual tokens, or every weight free.

Knows nothing of examples and trainers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from training import adapter, distributed, full, fused_lora, kernels
from training.run_folder import RunFolder

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

    from training.base_model import Base
    from training.recipe import Recipe


def adapted(recipe: Recipe, base: Base) -> PeftModel | PreTrainedModel:
    """`base` with what the recipe trains on it, ready for a trainer. Raises RunError for a parent that cannot be trained on."""
    if recipe.kernels:
        kernels.apply(base.model, base.precision)
    if recipe.full:
        return full.unfreeze(base.model)
    if recipe.prompt:
        return adapter.attach_prompt(base.model, recipe.prompt, base.tokenizer)
    assert recipe.lora
    model = (
        adapter.load(base.model, RunFolder(recipe.parent).adapter) if recipe.parent else adapter.attach(base.model, recipe.lora)
    )
    if recipe.kernels and not distributed.launch().divided:  # FSDP takes the base's quantization state out of its weights
        fused_lora.fuse(model, recipe.trainer.get("activation_checkpointing", True))
    return model
