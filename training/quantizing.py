"""One checkpoint held in each number format: by bitsandbytes, or rounded through a GGUF type by the `gguf` library.

What a GGUF type makes of the weights is computed as a file holds it, then held in torch in full precision: the values are the
file's, memory and speed are not. Knows nothing of what is measured.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training import base_model, gguf_model, rendering
from training.base_model import Base
from training.precision import Precision
from training.scored_model import ScoredModel

if TYPE_CHECKING:
    import torch
    from gguf import GGMLQuantizationType
    from transformers import BitsAndBytesConfig, PreTrainedModel

FULL = "full"
BITSANDBYTES = ("int8", "nf4", "nf4-double", "fp4")
GGUF = ("gguf-f16", "gguf-q8_0", "gguf-q4_0")
KINDS = (FULL, *BITSANDBYTES, *GGUF)


@dataclass(frozen=True)
class Held:
    """A model in one format. `weights`: bytes of its weights, as a file of that format holds them without its header."""

    base: Base
    weights: int


def called(kind: str, precision: Precision) -> str:
    """What a format is called in a table."""
    names = {"int8": "int8 (LLM.int8)", "nf4": "NF4", "nf4-double": "NF4, double quantization", "fp4": "FP4"}
    gguf = {name: f"GGUF {name.removeprefix('gguf-').upper()}" for name in GGUF}
    return {FULL: precision.name, **names, **gguf}[kind]


def load(model: ScoredModel, kind: str) -> Held:
    """`model` (no run) held as `kind`. Raises TrainingError, and what bitsandbytes or torch raise where the device cannot."""
    from trl.trainer.utils import add_fused_lm_head

    held = model.precision
    tokenizer, _ = base_model.without_weights(model.model, model.revision)
    rendering.prepare(tokenizer)
    where = held if kind == FULL else Precision(held.name, "cpu", False)  # the source is not to take room on the device
    made: Any = base_model.load(model.model, model.revision, "none", where, tokenizer).model
    weights = 0
    if kind in BITSANDBYTES:
        made = _assembled(made, bitsandbytes_config(kind, held), held, dict(made.named_parameters()))
    elif kind in GGUF:
        weights = gguf_bytes(made, kind)
        made = _assembled(made, None, held, _Rounded(made, kind))
    add_fused_lm_head(made)
    return Held(Base(made.eval(), tokenizer, held), weights or held_bytes(made))


def bitsandbytes_config(kind: str, precision: Precision) -> BitsAndBytesConfig:
    import transformers

    if kind == "int8":
        # It says at every product that it casts fp32 to fp16.
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=kind[:3],
        bnb_4bit_use_double_quant=kind.endswith("-double"),
        bnb_4bit_compute_dtype=precision.dtype,
    )


def _assembled(
    source: PreTrainedModel, quantize: BitsAndBytesConfig | None, held: Precision, values: Mapping[str, torch.Tensor]
) -> PreTrainedModel:
    config = copy.deepcopy(source.config)
    config.__dict__.pop("quantization_config", None)  # of a GGUF file that was read
    made = base_model.assemble(config, quantize, held, lambda name, shape: values[name])
    made.generation_config = source.generation_config
    made.config.use_cache = False
    return made.requires_grad_(False)


class _Rounded(dict[str, "torch.Tensor"]):
    """The parameters of a model by name, each rounded through a GGUF type when it is asked for."""

    def __init__(self, model: PreTrainedModel, kind: str) -> None:
        super().__init__(model.named_parameters())
        self._kind = kind

    def __getitem__(self, name: str) -> torch.Tensor:
        return rounded(name, super().__getitem__(name), self._kind)


def gguf_type(name: str, weight: torch.Tensor, kind: str) -> GGMLQuantizationType:
    """The type that a GGUF file of `kind` holds `weight` in, as `tutor export` writes it."""
    by_word = name.endswith(("embed_tokens.weight", "lm_head.weight"))
    return gguf_model.type_of(by_word, weight.shape, kind.removeprefix("gguf-"))


def rounded(name: str, weight: torch.Tensor, kind: str) -> torch.Tensor:
    """The values that a GGUF file of `kind` gives back for `weight`."""
    import gguf
    import torch

    made = gguf_type(name, weight, kind)
    values = gguf.quants.quantize(weight.detach().float().numpy(), made)
    return torch.from_numpy(gguf.quants.dequantize(values, made).copy()).to(weight.dtype).reshape(weight.shape)


def gguf_bytes(model: PreTrainedModel, kind: str) -> int:
    """Of all tensors, by their blocks; a tied head is held once."""
    import gguf

    total = 0
    for name, weight in model.named_parameters():
        block, size = gguf.GGML_QUANT_SIZES[gguf_type(name, weight, kind)]
        total += weight.numel() // block * size
    return total


def held_bytes(model: PreTrainedModel) -> int:
    """Of all that save_pretrained would write, a tied head once; with the scales of quantized weights."""
    import torch

    sizes = {
        value.data_ptr(): value.numel() * value.element_size()
        for value in model.state_dict().values()
        if isinstance(value, torch.Tensor)
    }
    return sum(sizes.values())
