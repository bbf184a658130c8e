"""A merged Llama model as one GGUF file, for llama.cpp and the CPU engine. One tensor is in memory at a time.

Quantizing is the gguf library's. Knows nothing of runs or merging.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import gguf_llama, gguf_tokenizer, pre_tokenizers
from training.errors import RunError

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGMLQuantizationType
    from transformers import PreTrainedTokenizerBase

TYPES = ("f16", "q8_0", "q4_0")
BY_WORD = ("token_embd.weight", "output.weight")
BLOCK = 32  # weights of a row that are quantized together


def check(folder: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raises RunError where `write` would, but for a value out of range."""
    gguf_tokenizer.vocabulary(tokenizer, gguf_llama.config_of(folder)["vocab_size"])


def cautions(folder: Path, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """What the CPU engine (OpenVINO GenAI 2026.4) makes otherwise of such a file, which llama.cpp reads rightly."""
    found = []
    if pre_tokenizers.name(tokenizer) != "smollm":
        found.append("it splits apostrophes and line ends otherwise than this tokenizer")
    if gguf_llama.rope_type(gguf_llama.config_of(folder)) != "default":
        found.append("it leaves out the stretched rotary positions")
    return found


def write(folder: Path, tokenizer: PreTrainedTokenizerBase, kind: str, out: Path, name: str) -> None:
    """The model in `folder` as `out`; `kind` is one of TYPES. Raises RunError where it cannot be."""
    import gguf

    config = gguf_llama.config_of(folder)
    words = gguf_tokenizer.vocabulary(tokenizer, config["vocab_size"])
    writer = gguf.GGUFWriter(out, gguf_llama.ARCHITECTURE)
    try:
        writer.add_type(gguf.GGUFType.MODEL)
        writer.add_name(name)
        gguf_llama.add_numbers(writer, config)
        writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{kind.upper()}"])
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        gguf_tokenizer.add(writer, tokenizer, words)
        shapes = dict(shapes_of(folder))
        if config.get("tie_word_embeddings"):
            shapes.pop("lm_head.weight", None)  # llama.cpp takes the embedding where there is no output
        factors = gguf_llama.rope_factors(config)
        if factors is not None:
            writer.add_tensor_info("rope_freqs.weight", factors.shape, factors.dtype, factors.nbytes)
        for parameter, shape in shapes.items():
            target = gguf_llama.tensor_name(parameter)
            held = type_of(target in BY_WORD, shape, kind)
            stored = gguf.quant_shape_to_byte_shape(shape, held)
            size = 1
            for length in stored:
                size *= length
            writer.add_tensor_info(target, stored, gguf_bytes(), size, raw_dtype=held)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        if factors is not None:
            writer.write_tensor_data(factors)
        for parameter, values in tensors(folder, tuple(shapes)):
            target = gguf_llama.tensor_name(parameter)
            writer.write_tensor_data(stored_as(target, gguf_llama.ordered(target, values, config), kind))
    finally:
        writer.close()


def type_of(by_word: bool, shape: Sequence[int], kind: str) -> GGMLQuantizationType:
    """How a tensor is held: vectors in fp32; matrices as `kind`, in fp16 where a row is no whole number of blocks.

    With q4_0, embedding and output, which have a row `by_word`, keep 8 bits: every token passes through them, and a small model
    suffers most by them.
    """
    import gguf

    if len(shape) == 1:
        return gguf.GGMLQuantizationType.F32
    if kind == "f16" or shape[-1] % BLOCK:
        return gguf.GGMLQuantizationType.F16
    if kind == "q4_0" and by_word:
        return gguf.GGMLQuantizationType.Q8_0
    return gguf.GGMLQuantizationType[kind.upper()]


def stored_as(name: str, values: np.ndarray, kind: str) -> np.ndarray:
    """The bytes of a tensor. Raises RunError for a value that fp16 does not hold."""
    import gguf
    import numpy as np

    held = type_of(name in BY_WORD, values.shape, kind)
    with np.errstate(over="ignore"):
        stored: Any = gguf.quants.quantize(np.ascontiguousarray(values), held)
    if held == gguf.GGMLQuantizationType.F16 and not np.isfinite(stored).all():
        raise RunError(f"{name}: a weight is larger than f16 holds (65504). Export with --type q8_0.")
    return np.ascontiguousarray(stored).view(np.uint8)


def shapes_of(folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every parameter of a folder of safetensors, with its shape."""
    import safetensors

    for file in sorted(folder.glob("*.safetensors")):
        with safetensors.safe_open(str(file), "pt") as opened:
            for name in opened.keys():  # noqa: SIM118  it is no mapping
                yield name, tuple(opened.get_slice(name).get_shape())


def tensors(folder: Path, names: tuple[str, ...]) -> Iterator[tuple[str, np.ndarray]]:
    """The values of `names`, in the order of `shapes_of`, fp32."""
    import safetensors

    for file in sorted(folder.glob("*.safetensors")):
        with safetensors.safe_open(str(file), "pt") as opened:
            for name in opened.keys():  # noqa: SIM118  as above
                if name in names:
                    yield name, opened.get_tensor(name).float().numpy()


def gguf_bytes() -> Any:
    """The number type by which the library knows that a shape is given in bytes."""
    import numpy as np

    return np.dtype(np.uint8)
