"""What benchmarks/train_throughput.py trains: Llama's shape with random weights, and texts of random words."""

from __future__ import annotations

import math
import random
from typing import Any

SHAPES: dict[str, dict[str, Any]] = {
    "llama3-8b": {
        "num_hidden_layers": 32,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
        "max_position_embeddings": 8192,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0},
    },
    "small": {
        "num_hidden_layers": 4,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 2048,
        "max_position_embeddings": 2048,
    },
}


def random_values(held: Any) -> Any:
    """Gaussian weights of 0.02, norms of one, made on the device."""
    import torch

    def values(name: str, shape: Any) -> Any:
        if len(shape) == 1:
            return torch.ones(shape, device=held.device, dtype=held.dtype)
        return torch.empty(shape, device=held.device, dtype=held.dtype).normal_(0, 0.02)

    return values


def words(size: int) -> Any:
    """A tokenizer whose tokens are words, so that a text's length in tokens is known."""
    import tokenizers
    import transformers

    vocabulary = {"<s>": 0, "</s>": 1, "<pad>": 2} | {f"w{index}": index for index in range(3, size)}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<pad>"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def text(count: int, size: int, chance: random.Random) -> str:
    return " ".join(f"w{chance.randrange(3, size)}" for _ in range(count))


def spread(length: int, chance: random.Random) -> int:
    """Document lengths from a sixteenth of the row to all of it, evenly on a log scale."""
    return round(math.exp(chance.uniform(math.log(length / 16), math.log(length - 2))))


def documents(count: int, length: int, size: int) -> Any:
    import datasets

    datasets.disable_progress_bars()
    chance = random.Random(0)
    return datasets.Dataset.from_list([{"text": text(spread(length, chance), size, chance)} for _ in range(count)])


def pairs(count: int, length: int, size: int) -> Any:
    """Prompts of a quarter to a half of the length, both answers within what remains."""
    import datasets

    datasets.disable_progress_bars()
    chance, rows = random.Random(0), []
    for _ in range(count):
        prompt = chance.randrange(length // 4, length // 2)
        answers = [chance.randrange(length // 4, length - prompt - 2) for _ in range(2)]
        rows.append(
            {
                "prompt": text(prompt, size, chance),
                "chosen": " " + text(answers[0], size, chance),
                "rejected": " " + text(answers[1], size, chance),
            }
        )
    return datasets.Dataset.from_list(rows)
