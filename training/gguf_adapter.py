"""A LoRA adapter alone as a GGUF file, for `llama-server --lora` over a GGUF of its base.

Named as llama.cpp's convert_lora_to_gguf.py does. Knows nothing of runs.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training import gguf_llama
from training.errors import RunError

PREFIX = "base_model.model."


def alpha_of(config: Mapping[str, Any]) -> float:
    """What gives llama.cpp the scale that PEFT has: it computes alpha / rank, also where rsLoRA's is alpha / sqrt(rank)."""
    rank, alpha = int(config["r"]), float(config["lora_alpha"])
    return alpha * math.sqrt(rank) if config.get("use_rslora") else alpha


def write(adapter: Path, lora: Mapping[str, Any], config: Mapping[str, Any], out: Path, name: str) -> None:
    """The adapter in the folder as `out`, in fp32; `config` is the base's. Raises RunError for what GGUF has no place for."""
    import gguf
    import safetensors.numpy

    unusual = [key for key in ("use_dora", "rank_pattern", "alpha_pattern", "modules_to_save", "lora_bias") if lora.get(key)]
    if unusual:
        raise RunError(f"{adapter}: {', '.join(unusual)} cannot be written as GGUF. Merge it, and export the merged model.")
    weights = safetensors.numpy.load_file(str(adapter / "adapter_model.safetensors"))
    part = out.with_name(f".{out.name}.part-{os.getpid()}")
    writer = gguf.GGUFWriter(part, gguf_llama.ARCHITECTURE)
    try:
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha_of(lora))
        writer.add_name(name)
        for key in sorted(weights):
            module, _, side = key.removeprefix(PREFIX).removesuffix(".weight").rpartition(".")
            target = gguf_llama.tensor_name(f"{module}.weight")
            values = weights[key].astype("float32")
            if side == "lora_B":  # its rows are the layer's outputs
                values = gguf_llama.ordered(target, values, config)
            writer.add_tensor(f"{target}.{side.lower()}", values)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
