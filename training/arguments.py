"""From a recipe to TRL's arguments: what this package chooses, then what the recipe says. Knows nothing of weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import RecipeError
from training.precision import Precision
from training.recipe import Recipe

if TYPE_CHECKING:
    from trl import DPOConfig, SFTConfig


def chosen(recipe: Recipe, precision: Precision, folder: Path) -> dict[str, Any]:
    """The arguments for both stages. TF32 comes with bf16."""
    return {
        "output_dir": str(folder),
        "bf16": precision.name == "bf16",
        "fp16": precision.name == "fp16",
        "use_cpu": precision.device == "cpu",
        "report_to": "none",
        "logging_steps": 10,
        "save_total_limit": 2,
        "disable_tqdm": True,
        "activation_checkpointing": True,
        "dataloader_pin_memory": precision.device == "cuda",
    } | dict(recipe.trainer)


def sft(recipe: Recipe, precision: Precision, folder: Path) -> SFTConfig:
    """Raises RecipeError for a value that TRL refuses."""
    import trl

    return _build(trl.SFTConfig, chosen(recipe, precision, folder))


def dpo(recipe: Recipe, precision: Precision, folder: Path) -> DPOConfig:
    """Raises RecipeError for a value that TRL refuses."""
    import trl

    return _build(trl.DPOConfig, {"precompute_ref_log_probs": True} | chosen(recipe, precision, folder))


def _build(config: Any, arguments: dict[str, Any]) -> Any:
    try:
        return config(**arguments)
    except (ValueError, TypeError, ImportError) as error:
        raise RecipeError(f"trainer: {' '.join(str(error).split())}") from error
