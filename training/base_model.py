"""The frozen base model and its tokenizer: a transformers folder, a hub id with a pinned revision, or a GGUF file.

Weights are safetensors or GGUF and never bring code. Knows nothing of examples, adapters or trainers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import RecipeError
from training.precision import Precision

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from transformers import BitsAndBytesConfig, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Base:
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    precision: Precision


def nf4(precision: Precision) -> BitsAndBytesConfig:
    """4-bit NF4 with double quantization; transformers' own defaults are fp4 and fp32 compute."""
    import transformers

    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=precision.dtype,
    )


def where(name: str, revision: str | None) -> dict[str, Any]:
    """The arguments of `from_pretrained` that find `name`. Raises RecipeError for what would not be safe or the same tomorrow."""
    path = Path(name).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise RecipeError(f"{name}: no such file. Give the GGUF file's path.")
        return {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name, "local_files_only": True}
    if path.is_dir():
        return {"pretrained_model_name_or_path": str(path), "local_files_only": True}
    return {"pretrained_model_name_or_path": name, "revision": revision}


def load(name: str, revision: str | None, quantization: str, precision: Precision) -> Base:
    """Raises RecipeError where transformers cannot load it. `quantization` is nf4 or none."""
    import torch
    import transformers
    from safetensors import SafetensorError

    place = where(name, revision) | {"trust_remote_code": False}
    weights: dict[str, Any] = {"dtype": precision.dtype, "use_safetensors": True}
    if precision.device == "cuda":
        weights["device_map"] = {"": torch.cuda.current_device()}
    quantize = nf4(precision) if quantization == "nf4" else None
    if "gguf_file" in place:
        weights.pop("use_safetensors")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(**place)
        if quantize and "gguf_file" not in place:
            weights["quantization_config"] = quantize
        model = transformers.AutoModelForCausalLM.from_pretrained(**place, **weights)
    except (OSError, ValueError, ImportError, RuntimeError, KeyError, SafetensorError) as error:
        raise RecipeError(f"{name}: transformers cannot load it: {str(error).strip().splitlines()[0]}") from error
    if quantize and "gguf_file" in place:
        model = quantized(model, quantize, precision)
    return Base(model, tokenizer, precision)


def quantized(model: PreTrainedModel, config: BitsAndBytesConfig, precision: Precision) -> PreTrainedModel:
    """`model` with its linear layers in 4 bits, for weights that transformers reads but does not quantize on the way (GGUF)."""
    held = dict(model.named_parameters())
    new = assemble(model.config, config, precision, lambda name, shape: held[name])
    new.generation_config = model.generation_config
    return new


def assemble(
    config: PretrainedConfig,
    quantize: BitsAndBytesConfig | None,
    precision: Precision,
    values: Callable[[str, torch.Size], torch.Tensor],
) -> PreTrainedModel:
    """A model of `config`, made without weights and filled one tensor at a time, each quantized as it comes.

    `values(name, shape)` gives the parameter `name` unquantized. No more than one tensor is held in full precision.
    """
    import torch
    import transformers
    from transformers.quantizers import AutoHfQuantizer
    from transformers.quantizers.quantizers_utils import get_module_from_name

    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=precision.dtype)
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    quantizer = AutoHfQuantizer.from_config(quantize) if quantize else None
    if quantizer:
        quantizer.preprocess_model(model=model, device_map={"": precision.device})
        model.hf_quantizer = quantizer
    for name, shape in shapes.items():
        module, leaf = get_module_from_name(model, name)
        old = module.get_parameter(leaf)
        full = values(name, shape).detach().to(precision.device, precision.dtype)
        if quantizer and quantizer.param_needs_quantization(model, name):
            new = type(old)(full, requires_grad=False, **old.__dict__).to(precision.device)
        else:
            new = torch.nn.Parameter(full, requires_grad=not quantize)
        setattr(module, leaf, new)
    for module in model.modules():  # what is computed and not stored, such as the rotary frequencies
        if any(buffer.is_meta for buffer in module.buffers(recurse=False)):
            fresh = dict(type(module)(module.config).named_buffers(recurse=False))
            for name in dict(module.named_buffers(recurse=False)):
                setattr(module, name, torch.nn.Buffer(fresh[name].to(precision.device), persistent=False))
    model.tie_weights()
    if quantizer:
        quantizer.postprocess_model(model)
    return model.eval()
