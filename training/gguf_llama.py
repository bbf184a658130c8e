"""What llama.cpp calls a Llama model's parts in GGUF: names of tensors, the order of query and key rows, the header's numbers.

As llama.cpp's convert_hf_to_gguf.py writes them; a model of another architecture is refused. Knows nothing of tokenizers.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import RunError

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGUFWriter

ARCHITECTURE = "llama"
OUTER = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
INNER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def config_of(folder: Path) -> dict[str, Any]:
    """config.json of a Llama model. Raises RunError as `checked` does."""
    return checked(json.loads((folder / "config.json").read_text("utf-8")), str(folder))


def checked(config: dict[str, Any], place: str) -> dict[str, Any]:
    """`config`. Raises RunError for another architecture than Llama's, or a part that GGUF's Llama does not have."""
    if config.get("model_type") != "llama":
        raise RunError(
            f"{place}: a model of type {config.get('model_type')}; GGUF is written for llama only (Llama 2 and 3, SmolLM2). "
            "Convert it with llama.cpp's own script."
        )
    if config.get("attention_bias") or config.get("mlp_bias"):
        raise RunError(
            f"{place}: a Llama with biases, which is not written as GGUF here. Convert it with llama.cpp's own script."
        )
    if rope_type(config) not in ("default", "llama3", "linear"):
        raise RunError(
            f"{place}: rotary positions of type {rope_type(config)}, not written as GGUF here. Use llama.cpp's own script."
        )
    return config


def tensor_name(name: str) -> str:
    """GGUF's name of transformers' parameter `name`. Raises RunError for one that a Llama does not have."""
    if name in OUTER:
        return OUTER[name]
    found = re.fullmatch(r"model\.layers\.(\d+)\.(.+)\.weight", name)
    if found is None or found[2] not in INNER:
        raise RunError(
            f"{name}: not a parameter of a Llama model, so the folder is not what its config.json says. Merge again."
        )
    return f"blk.{found[1]}.{INNER[found[2]]}.weight"


def ordered(name: str, rows: np.ndarray, config: Mapping[str, Any]) -> np.ndarray:
    """`rows` (outputs first) of GGUF's tensor `name` in llama.cpp's order.

    It rotates neighbouring rows of a head's queries and keys, transformers the first half's with the second's.
    """
    heads = {"attn_q": config["num_attention_heads"], "attn_k": key_heads(config)}.get(name.split(".")[-2])
    if heads is None:
        return rows
    shape = rows.shape
    return rows.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def key_heads(config: Mapping[str, Any]) -> int:
    return int(config.get("num_key_value_heads") or config["num_attention_heads"])


def head_size(config: Mapping[str, Any]) -> int:
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def rope(config: Mapping[str, Any]) -> dict[str, Any]:
    return dict(
        config.get("rope_parameters") or {"rope_theta": config.get("rope_theta", 10000.0)} | (config.get("rope_scaling") or {})
    )


def rope_type(config: Mapping[str, Any]) -> str:
    return str(rope(config).get("rope_type", "default"))


def add_numbers(writer: GGUFWriter, config: Mapping[str, Any]) -> None:
    """The header's numbers of the architecture."""
    import gguf

    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(key_heads(config))
    writer.add_key_length(head_size(config))
    writer.add_value_length(head_size(config))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_rope_dimension_count(head_size(config))
    writer.add_rope_freq_base(float(rope(config).get("rope_theta", 10000.0)))
    if rope_type(config) == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(rope(config)["factor"]))


def rope_factors(config: Mapping[str, Any]) -> np.ndarray | None:
    """Llama-3.1's: what each frequency is divided by, (half a head,), fp32; None for a model without.

    Wavelengths that the original context holds `high_freq_factor` times stay, those that it does not hold `low_freq_factor`
    times are stretched by `factor`, and between them it goes over smoothly.
    """
    import numpy as np

    if rope_type(config) != "llama3":
        return None
    given, size = rope(config), head_size(config)
    factor, low, high = given["factor"], given["low_freq_factor"], given["high_freq_factor"]
    context = given["original_max_position_embeddings"]
    divisors = []
    for place in range(0, size, 2):
        wavelength = 2 * math.pi * given["rope_theta"] ** (place / size)
        smooth = min(max((context / wavelength - low) / (high - low), 0.0), 1.0)
        divisors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(divisors, np.float32)
