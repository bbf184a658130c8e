"""What a model answers, greedily: prompts of like length padded to one batch. Knows nothing of what is right."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training import rendering, scoring
from training.base_model import Base
from training.data import Example

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

AT_ONCE = 8


@dataclass(frozen=True)
class Answer:
    """The text as it came. `cut`: the tokens that it was given were not enough."""

    text: str
    tokens: int
    cut: bool


def chosen(examples: Sequence[Example], count: int, seed: int) -> list[Example]:
    """`count` of the examples, drawn by `seed`, in the file's order."""
    places = random.Random(seed).sample(range(len(examples)), min(count, len(examples)))
    return [examples[place] for place in sorted(places)]


def write(base: Base, examples: Sequence[Example], max_tokens: int) -> list[Answer]:
    """A greedy answer to each prompt."""
    import torch

    model: Any = base.model
    stops = stop_tokens(base)
    prompts = [prompt(base.tokenizer, example) for example in examples]
    found: dict[int, Answer] = {}
    for batch in by_length(prompts):
        width = max(len(prompts[place]) for place in batch)
        pad = int(base.tokenizer.pad_token_id)
        ids = torch.tensor([[pad] * (width - len(prompts[place])) + prompts[place] for place in batch], device=model.device)
        mask = torch.tensor([[0] * (width - len(prompts[place])) + [1] * len(prompts[place]) for place in batch])
        with torch.no_grad(), scoring.autocast(base):
            rows = model.generate(
                input_ids=ids,
                attention_mask=mask.to(model.device),
                max_new_tokens=max_tokens,
                do_sample=False,
                use_cache=True,  # switched off in the model's config, for packed rows
                eos_token_id=stops,
                pad_token_id=pad,
            )[:, width:].tolist()
        for place, row in zip(batch, rows, strict=True):
            end = next((at for at, token in enumerate(row) if token in stops), None)
            text = base.tokenizer.decode(row if end is None else row[:end], skip_special_tokens=True)
            found[place] = Answer(str(text), len(row) if end is None else end, end is None)
    return [found[place] for place in range(len(prompts))]


def prompt(tokenizer: PreTrainedTokenizerBase, example: Example) -> list[int]:
    """The prompt alone, as the model reads it before it answers."""
    return rendering.ids(tokenizer, rendering.conversational(example.fields, bool(tokenizer.chat_template)), None)


def stop_tokens(base: Base) -> list[int]:
    """The tokenizer's end, which closes a turn, and the ends that the model itself names."""
    model: Any = base.model
    ends = model.generation_config.eos_token_id
    named = ends if isinstance(ends, list) else [ends]
    return sorted({int(base.tokenizer.eos_token_id), *(int(end) for end in named if end is not None)})


def by_length(prompts: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Places, those of like length together."""
    places = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    for begun in range(0, len(places), AT_ONCE):
        yield places[begun : begun + AT_ONCE]
