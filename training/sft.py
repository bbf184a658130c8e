"""Supervised fine-tuning: the completions are learned. The way through this stage, top to bottom.

The trainer of CPT and prompt tuning too: CPT's rows are whole documents, all of which is learned. TRL trains; this module gives
it a base that is held right, and weights that can move.
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
    settings: Any = None,
) -> SFTTrainer:
    """A trainer ready to run, what is trained new or the parent's."""
    import trl

    model = adapted(recipe, base)
    with adapter.held_in_fp32(model):
        return trl.SFTTrainer(
            model=model,
            args=settings or arguments.of(recipe, base.precision, folder, validation is not None),
            train_dataset=train,
            eval_dataset=validation,
            processing_class=base.tokenizer,
            callbacks=list(callbacks),
        )
