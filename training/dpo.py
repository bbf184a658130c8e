"""Direct preference optimization: an adapter learns to prefer the chosen answer, measured from where it began.

The reference is a frozen copy of the parent's adapter, or the base where there is no parent. Its log-probabilities are computed
once, before training. TRL trains; this module gives it a base that is held right, and an adapter that can move.
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
    from trl import DPOTrainer

    from training.base_model import Base
    from training.recipe import Recipe


def build_trainer(
    recipe: Recipe,
    base: Base,
    train: Dataset,
    validation: Dataset | None,
    folder: Path,
    callbacks: Sequence[TrainerCallback] = (),
) -> DPOTrainer:
    """A trainer ready to run, the reference's log-probabilities computed."""
    import trl

    model = adapted(recipe, base)
    with adapter.held_in_fp32(model):
        return trl.DPOTrainer(
            model=model,
            args=arguments.of(recipe, base.precision, folder, validation is not None),
            train_dataset=train,
            eval_dataset=validation,
            processing_class=base.tokenizer,
            callbacks=list(callbacks),
        )
