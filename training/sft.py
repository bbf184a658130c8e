"""Supervised fine-tuning: an adapter learns to write the completions. The way through this stage, top to bottom.

TRL trains; this module gives it a base that is held right, and an adapter that can move.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training import adapter, arguments
from training.adapted import adapted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTTrainer

    from training.base_model import Base
    from training.recipe import Recipe


def build_trainer(
    recipe: Recipe,
    base: Base,
    train: Dataset,
    validation: Dataset | None,
    folder: Path,
    callbacks: Sequence[TrainerCallback] = (),
) -> SFTTrainer:
    """A trainer ready to run, its adapter new or the parent's."""
    import trl

    model = adapted(recipe, base)
    with adapter.held_in_fp32(model):
        return trl.SFTTrainer(
            model=model,
            args=arguments.of(recipe, base.precision, folder, validation is not None),
            train_dataset=train,
            eval_dataset=validation,
            processing_class=base.tokenizer,
            callbacks=list(callbacks),
        )
