"""How well a model foretells held-out text: perplexity, before and after a stage. Knows nothing of recipes or run folders.

exp of the mean negative log-likelihood of a token, over all tokens but the first of each window; windows do not overlap.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from training.errors import RunError
from training.run_folder import read_json, write_json

if TYPE_CHECKING:
    from datasets import Dataset


class Before(TrainerCallback):  # type: ignore[misc]
    """Measures when training begins, and keeps it in `file` for a run that is resumed."""

    def __init__(self, file: Path, documents: Dataset, window: int) -> None:
        self.file, self.documents, self.window = file, documents, window
        self.trainer: Any = None

    def follow(self, trainer: Any) -> None:
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 0:
            value = self.measure()
            if state.is_world_process_zero:
                write_json(self.file, {"before": value})

    def measure(self) -> float:
        """Of the trainer's model as it is now."""
        with self.trainer.accelerator.autocast():
            return of(self.trainer.model, self.documents["input_ids"], self.window)

    @property
    def value(self) -> float:
        """What was measured before training. Raises RunError where it is no longer there."""
        kept = read_json(self.file) or {}
        if "before" not in kept:
            raise RunError(f"{self.file}: what was measured before training is missing. Restore it, or start anew.")
        return float(kept["before"])


def of(model: Any, documents: Iterable[list[int]], window: int) -> float:
    """`documents` are token ids; `model` is one that TRL has given its chunked head, which never holds a window's logits."""
    import torch

    training, total, tokens = model.training, 0.0, 0
    model.eval()
    with torch.no_grad():
        for document in documents:
            for start in range(0, len(document), window):
                ids = torch.tensor([document[start : start + window]], device=model.device)
                scored = ids.shape[1] - 1
                if scored:
                    mask = torch.ones_like(ids)
                    loss = model(input_ids=ids, attention_mask=mask, labels=ids, use_cache=False, fused_lm_head=True).loss
                    total, tokens = total + loss.item() * scored, tokens + scored
    model.train(training)
    return math.exp(total / tokens) if tokens else math.nan
