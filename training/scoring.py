"""Log-probabilities of tokens given those before them, as TRL computes them in training: the same rendering, the same boundary
between prompt and completion, the same head, which goes over the vocabulary in tiles. Knows nothing of files and metrics.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training import rendering
from training.base_model import Base
from training.errors import RunError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

BATCH_TOKENS = {"cpu": 2048, "cuda": 8192}
Told = Callable[[int, int], None]
"""Tokens read so far, and all."""


@dataclass(frozen=True)
class Tokens:
    """A text as tokens, of which those from `start` on are scored, each given all before it; `start` is 1 or more."""

    ids: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class Score:
    """`log_prob`: natural logarithm of the probability of the scored tokens together; `tokens`: how many they are."""

    log_prob: float
    tokens: int


def of_answers(tokenizer: PreTrainedTokenizerBase, fields: Mapping[str, Any]) -> list[Tokens]:
    """Prompt with each answer of a row (completion, or chosen and rejected), with the token that ends the turn.

    What is scored begins where the prompt's own tokens and those of prompt and answer part, for all answers at the same place,
    as in TRL.
    """
    fields = rendering.conversational(fields, bool(tokenizer.chat_template))
    prompt = rendering.ids(tokenizer, fields, None)
    wholes = [rendering.ids(tokenizer, fields, answer) for answer in fields if answer != "prompt"]
    start = min(common(prompt, whole) for whole in wholes)
    return [Tokens(tuple(whole), max(start, 1)) for whole in wholes]


def common(one: Sequence[int], two: Sequence[int]) -> int:
    """How many tokens both begin with."""
    return next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))


def score(
    base: Base, texts: Sequence[Tokens], batch_tokens: int | None = None, told: Told = lambda done, of: None
) -> list[Score]:
    """A Score for each text, in order. `base` comes of scored_model.load.

    Texts of like length share a padded batch of at most `batch_tokens` (1: each alone). Raises RunError where the memory of a
    GPU is not enough.
    """
    import torch

    model: Any = base.model
    scores: dict[int, Score] = {}
    done, of = 0, sum(len(text.ids) for text in texts)
    try:
        for batch in batches(texts, batch_tokens or BATCH_TOKENS[base.precision.device]):
            ids, mask, labels = padded([texts[place] for place in batch], base)
            with torch.no_grad(), autocast(base):
                out = model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False, fused_lm_head=True)
            rows = out.log_probs[:, -(ids.shape[1] - 1) :].double().sum(1).tolist()  # a tuned prompt stands before them
            for place, row in zip(batch, rows, strict=True):
                scores[place] = Score(row, len(texts[place].ids) - texts[place].start)
                done += len(texts[place].ids)
            told(done, of)
    except torch.OutOfMemoryError as error:
        raise RunError("out of GPU memory while scoring. Lower --max-length, or free the GPU of other programs.") from error
    if not all(math.isfinite(score.log_prob) for score in scores.values()):
        raise RunError("the model computes no numbers (NaN): its weights are damaged, or its training diverged. Train again.")
    return [scores[place] for place in range(len(texts))]


def batches(texts: Sequence[Tokens], batch_tokens: int) -> Iterator[list[int]]:
    """Places in `texts`, the longest first, as many as stay within `batch_tokens` when padded; at least one."""
    batch: list[int] = []
    for place in sorted(range(len(texts)), key=lambda place: -len(texts[place].ids)):
        if batch and len(texts[batch[0]].ids) * (len(batch) + 1) > batch_tokens:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def padded(texts: Sequence[Tokens], base: Base) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, attention mask and labels, each (texts, longest), padded on the right; a label of -100 is not scored."""
    import torch

    width = max(len(text.ids) for text in texts)
    ids = torch.full((len(texts), width), int(base.tokenizer.pad_token_id))
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for row, text in enumerate(texts):
        made = torch.tensor(text.ids)
        ids[row, : len(text.ids)] = made
        mask[row, : len(text.ids)] = 1
        labels[row, text.start : len(text.ids)] = made[text.start :]
    device = base.model.device
    return ids.to(device), mask.to(device), labels.to(device)


def autocast(base: Base) -> Any:
    """The number format of a half-precision model for its fp32 adapter too, as in training."""
    import torch

    if base.precision.name == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(base.precision.device, dtype=base.precision.dtype)
