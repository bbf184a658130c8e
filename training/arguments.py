"""From a recipe to TRL's arguments: what this package chooses, then what the recipe says. Knows nothing of weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training import distributed
from training.errors import RecipeError
from training.precision import Precision
from training.recipe import Recipe


def of(recipe: Recipe, precision: Precision, folder: Path, validation: bool) -> Any:
    """TRL's config for the stage of `recipe`. Raises RecipeError for a value that TRL refuses. TF32 comes with bf16."""
    import transformers
    import trl

    chosen: dict[str, Any] = {
        "report_to": "none",
        "logging_steps": 10,
        "save_total_limit": 2,
        "disable_tqdm": True,
        "log_level_replica": "error",
        "logging_nan_inf_filter": False,  # it would show a loss that is no number as 0
        "activation_checkpointing": True,
        "dataloader_pin_memory": precision.device == "cuda",
        "save_strategy": recipe.trainer.get("eval_strategy", "epoch") if validation else "epoch",
        "eval_strategy": "epoch" if validation else "no",
        "per_device_eval_batch_size": recipe.trainer.get("per_device_train_batch_size", 8),
    }
    if recipe.stage == "dpo":
        chosen["precompute_ref_log_probs"] = True
    often = recipe.trainer.get("save_steps") if recipe.trainer.get("save_strategy") == "steps" else None
    if recipe.early_stopping and often and "eval_strategy" not in recipe.trainer:
        chosen |= {"eval_strategy": "steps", "eval_steps": often}  # and what is saved is evaluated
    elif validation and recipe.trainer.get("eval_strategy") == "steps":
        # What is evaluated is saved, or there would be nothing to take back where the loss was lowest.
        chosen["save_steps"] = recipe.trainer.get("eval_steps") or recipe.trainer.get("logging_steps", 10)
    if recipe.early_stopping:
        if "save_steps" in chosen and recipe.trainer.get("save_steps", chosen["save_steps"]) != chosen["save_steps"]:
            raise RecipeError(
                f"trainer.save_steps {recipe.trainer['save_steps']} with early_stopping: the step with the lowest loss would "
                f"not be kept. Set it to {chosen['save_steps']}, or leave it out; what is evaluated is saved."
            )
        chosen["restore_callback_states_from_checkpoint"] = True  # how long it has waited already
        chosen |= {"load_best_model_at_end": True, "metric_for_best_model": "eval_loss", "greater_is_better": False}
    if distributed.launch().sharing == "ddp":
        chosen["ddp_find_unused_parameters"] = False  # all that is trained is used, and looking costs a pass
    fixed = {
        "output_dir": str(folder),
        "bf16": precision.name == "bf16",
        "fp16": precision.name == "fp16",
        "use_cpu": precision.device == "cpu",
    }
    config: Any = trl.DPOConfig if recipe.stage == "dpo" else trl.SFTConfig
    try:
        made = config(**(chosen | dict(recipe.trainer) | fixed))
        transformers.Trainer.get_optimizer_cls_and_kwargs(made)  # whether the optimizer's package is there
        return made
    except (ValueError, TypeError, ImportError) as error:
        raise RecipeError(f"trainer: {' '.join(str(error).split())}") from error
