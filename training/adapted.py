"""The base as a stage trains it: with the kernels that the device has, and an adapter, new or the parent's.

Knows nothing of examples and trainers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from training import adapter, fused_lora, kernels
from training.run_folder import RunFolder

if TYPE_CHECKING:
    from peft import PeftModel

    from training.base_model import Base
    from training.recipe import Recipe


def adapted(recipe: Recipe, base: Base) -> PeftModel:
    """`base` with the recipe's adapter on it, ready for a trainer. Raises RunError for a parent that cannot be trained on."""
    if recipe.kernels:
        kernels.apply(base.model, base.precision)
    assert recipe.lora
    model = (
        adapter.load(base.model, RunFolder(recipe.parent).adapter) if recipe.parent else adapter.attach(base.model, recipe.lora)
    )
    if recipe.kernels:
        fused_lora.fuse(model, recipe.trainer.get("activation_checkpointing", True))
    return model
