"""Direct preference optimization: the chosen answer is learned to be preferred, measured from where training began.

The reference is a frozen copy of the parent's adapter, or the base where there is no parent; with every weight trained, the
model as it was. Its log-probabilities are computed once, before training. TRL trains; this module gives it a base that is held
right, and weights that can move.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    settings: Any = None,
) -> DPOTrainer:
    """A trainer ready to run, the reference's log-probabilities computed."""
    import trl

    model = adapted(recipe, base)
    with adapter.held_in_fp32(model):
        return trl.DPOTrainer(
            model=model,
            args=settings or arguments.of(recipe, base.precision, folder, validation is not None),
            train_dataset=train,
            eval_dataset=validation,
            processing_class=base.tokenizer,
            callbacks=list(callbacks),
        )
