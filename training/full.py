"""Full fine-tuning: every weight of the base is trained, in fp32, and a whole model comes out.

A weight held in 16 bits would lose updates smaller than half the distance to the next number, as an adapter's would; what is
computed is in the device's format all the same. Knows nothing of examples, trainers or run folders.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import adapter

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase


def unfreeze(model: PreTrainedModel) -> PreTrainedModel:
    """`model` with every weight to be trained."""
    for parameter in model.parameters():
        parameter.requires_grad = True
    return model


def save(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    generation: GenerationConfig,
    folder: Path,
    state: dict[str, Any] | None,
) -> None:
    """The model in safetensors, as it was trained, with the tokenizer and the tokens that end a turn.

    `state`: its weights, where they are divided among processes.
    """
    model.config.use_cache = True  # off in training only
    model.generation_config = adapter.ends(generation, tokenizer)
    model.save_pretrained(str(folder), **({"state_dict": state} if state else {}))
    tokenizer.save_pretrained(str(folder))
