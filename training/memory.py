"""How much memory a recipe will need on a device, by part, before anything loads; and the refusal of what cannot fit.

Arithmetic over the model's configuration, in bytes; of fixed costs only the CUDA context. Knows Llama-like models: blocks of
attention with q, k, v, o and a gated feed-forward layer. benchmarks/train_throughput.py prints it beside the measured peak.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from training.distributed import Launch
from training.errors import RecipeError
from training.precision import Precision
from training.recipe import Recipe

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# 4 bits, one byte of absmax for 64 weights, and its own absmax (4 bytes) for 256 of those: QLoRA's double quantization
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
# Bytes of optimizer state for a trained parameter; others are taken as AdamW's two moments in fp32.
OPTIMIZER = {"8bit": 2 + 8 / 256, "adafactor": 0.1, "sgd": 0, "lion": 4}
CONTEXT = 0.5e9
HEAD_TILE = (4096, 32768)  # tokens and words of TRL's chunked head


@dataclass(frozen=True)
class Plan:
    """Bytes by part; `limit` is what the device has."""

    parts: dict[str, float]
    limit: float
    device: str
    remedies: Mapping[str, str] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return sum(self.parts.values())

    def lines(self) -> list[str]:
        width = max(map(len, self.parts))
        rows = [f"  {name:<{width}}  {size / 1e9:7.2f} GB" for name, size in self.parts.items()]
        return [*rows, f"  {'in all':<{width}}  {self.total / 1e9:7.2f} GB of {self.limit / 1e9:.1f} ({self.device})"]

    def require(self) -> None:
        """Raises RecipeError where it does not fit."""
        if self.total <= self.limit:
            return
        largest = max(self.parts, key=lambda name: self.parts[name])
        raise RecipeError(
            f"this needs about {self.total / 1e9:.1f} GB and {self.device} has {self.limit / 1e9:.1f}; most is {largest} "
            f"({self.parts[largest] / 1e9:.1f} GB). {self.remedies[largest]}"
        )


REMEDY = {
    "weights": "Set quantization=nf4, or choose a smaller model.",
    "adapters": "Lower lora.rank.",
    "virtual tokens": "Lower prompt.tokens.",
    "gradients": "Lower lora.rank.",
    "optimizer": "Set trainer.optim=adamw_8bit, or lower lora.rank.",
    "activations": "Lower trainer.per_device_train_batch_size or max_length, or set activation_checkpointing=true.",
    "buffers": "Lower trainer.per_device_train_batch_size or max_length.",
    "CUDA context": "Use another device.",
}
ADAPTER = "Train an adapter on a 4-bit base (leave full out), or divide the model among GPUs (recipes/accelerate/)."
REMEDY_FULL = REMEDY | {
    "weights": ADAPTER,
    "gradients": ADAPTER,
    "optimizer": f"Set trainer.optim=adamw_8bit. {ADAPTER}",
}


NEEDED = ("num_attention_heads", "num_hidden_layers", "hidden_size", "intermediate_size", "vocab_size")


@dataclass(frozen=True)
class Shape:
    """Numbers of weights of a Llama-like model."""

    layers: int
    width: int
    inner: int
    keys: int
    words: int
    heads: int
    tied: bool

    @classmethod
    def of(cls, config: PretrainedConfig) -> Shape:
        missing = [name for name in NEEDED if not isinstance(getattr(config, name, None), int)]
        if missing:
            raise RecipeError(
                f"a model of type {config.model_type} (its config has no {', '.join(missing)}) is none that is trained here. "
                "Choose a Llama-like one."
            )
        heads = config.num_attention_heads
        head = getattr(config, "head_dim", None) or config.hidden_size // heads
        keys = head * (getattr(config, "num_key_value_heads", None) or heads)
        return cls(
            config.num_hidden_layers,
            config.hidden_size,
            config.intermediate_size,
            keys,
            config.vocab_size,
            heads,
            bool(config.tie_word_embeddings),
        )

    @property
    def projections(self) -> dict[str, tuple[int, int]]:
        """Inputs and outputs of each linear layer of a block."""
        return {
            "q_proj": (self.width, self.width),
            "k_proj": (self.width, self.keys),
            "v_proj": (self.width, self.keys),
            "o_proj": (self.width, self.width),
            "gate_proj": (self.width, self.inner),
            "up_proj": (self.width, self.inner),
            "down_proj": (self.inner, self.width),
        }

    @property
    def blocks(self) -> int:
        return self.layers * sum(inputs * outputs for inputs, outputs in self.projections.values())

    @property
    def embeddings(self) -> int:
        return self.words * self.width * (1 if self.tied else 2)

    def adapter(self, rank: int, targets: tuple[str, ...]) -> int:
        return self.layers * sum(rank * sum(sizes) for name, sizes in self.projections.items() if name in targets)


def plan(recipe: Recipe, config: PretrainedConfig, precision: Precision, limit: float, launch: Launch = Launch()) -> Plan:  # noqa: B008
    """What `recipe` needs of one process's device for a model of `config`; `limit` in bytes."""
    shape, trainer = Shape.of(config), recipe.trainer
    number = 4 if precision.name == "fp32" else 2
    pairs = recipe.stage == "dpo"
    rows = int(trainer.get("per_device_train_batch_size", 8)) * (2 if pairs else 1)
    virtual = recipe.prompt.tokens if recipe.prompt else 0
    tokens = rows * (int(recipe.max_length or 1024) + virtual)
    parts = {
        **held_bytes(shape, recipe, number, launch),
        "activations": tokens * activation_bytes(shape, trainer, number, recipe.kernels and precision.device == "cuda"),
        "buffers": buffer_bytes(shape, tokens, rows, number, recipe, precision) + cast_bytes(shape, recipe, number, launch),
    }
    if precision.device == "cuda":
        parts["CUDA context"] = CONTEXT
    device = "the GPU" if precision.device == "cuda" else "this machine"
    if launch.processes > 1:
        device = f"each of {launch.processes} GPUs" if precision.device == "cuda" else f"each of {launch.processes} processes"
    return Plan(parts, limit, device, REMEDY_FULL if recipe.full else REMEDY)


def held_bytes(shape: Shape, recipe: Recipe, number: int, launch: Launch) -> dict[str, float]:
    """Weights, what is trained beside them, gradients and the optimizer's state, as far as this process holds them.

    Full fine-tuning holds weights in fp32; DeepSpeed holds them in the format that is computed in, and an fp32 copy with the
    optimizer's state. A full run's reference is the model before it moves, and takes nothing.
    """
    state = optimizer_bytes(str(recipe.trainer.get("optim", "adamw")))
    apart = launch.processes if launch.divided else 1
    apart_state = launch.processes if launch.divided or launch.sharing == "zero2" else 1
    if recipe.full:
        all_weights = shape.blocks + shape.embeddings
        zero = launch.sharing.startswith("zero")
        size = number if zero else 4
        kept = state + (4 if zero and number < 4 else 0)
        return {
            "weights": all_weights * size / apart,
            "gradients": all_weights * size / apart_state,
            "optimizer": 0.0 if launch.offload else all_weights * kept / apart_state,
        }
    held = NF4_BYTES if recipe.quantization == "nf4" else number
    trained = shape.adapter(recipe.lora.rank, recipe.lora.targets) if recipe.lora else 0
    name, copies = "adapters", 2 if recipe.stage == "dpo" else 1  # the reference's frozen copy
    if recipe.prompt:
        name, trained = "virtual tokens", recipe.prompt.tokens * shape.width
    return {
        "weights": (shape.blocks * held + shape.embeddings * number) / apart,
        name: trained * 4.0 * copies / apart,
        "gradients": trained * 4.0 / apart_state,
        "optimizer": trained * state / apart_state,
    }


def cast_bytes(shape: Shape, recipe: Recipe, number: int, launch: Launch) -> float:
    """Weights in the format that is computed in, beside those held otherwise: autocast's copies, or a divided model's parts."""
    gathered = 2 * number * shape.blocks / shape.layers + number * shape.embeddings
    if launch.divided:
        return gathered if recipe.full else 0.0
    if recipe.full and number < 4 and not launch.sharing.startswith("zero"):
        return float(number * (shape.blocks + shape.words * shape.width))
    return 0.0


def optimizer_bytes(name: str) -> float:
    return next((size for part, size in OPTIMIZER.items() if part in name), 8)


def activation_bytes(shape: Shape, trainer: Any, number: int, fused: bool) -> float:
    """Of one token: a block's input where it is checkpointed, all that its backward pass needs where it is not.

    All: the input, two norms, q, k, v before and after rotation, attention's output, gate, up and their product. Unfused norms
    keep two copies in fp32, and the feed-forward layer one more product.
    """
    attention = 5 * shape.width + 3 * shape.keys + 2 * shape.width
    block = number * (attention + 3 * shape.inner)
    if not fused:
        block += 4 * 4 * shape.width + number * shape.inner
    if not trainer.get("activation_checkpointing", True):
        return shape.layers * block
    every = int((trainer.get("activation_checkpointing_kwargs") or {}).get("every_n_layers", 1))
    whole = shape.layers - -(-shape.layers // every)
    return (shape.layers - whole) * number * shape.width + (whole + 1) * block


def buffer_bytes(shape: Shape, tokens: int, rows: int, number: int, recipe: Recipe, precision: Precision) -> float:
    """What stands beside: a layer's weights dequantized, gradients on the way, a tile of the head, attention's mask."""
    dequantized = shape.width * shape.inner * number if recipe.quantization == "nf4" else 0
    on_the_way = tokens * number * (2 * shape.inner + 4 * shape.width)
    tile = min(tokens, HEAD_TILE[0]) * min(shape.words, HEAD_TILE[1]) * number * (1 if precision.device == "cuda" else 4)
    head = tile + 2 * tokens * shape.width * 4
    row = tokens if recipe.trainer.get("packing") else tokens // rows  # of a packed batch, all is one row
    mask = 0 if precision.flash and recipe.kernels else tokens * row * (1 + number)
    scores = tokens * row * shape.heads * 4 if precision.device == "cpu" and recipe.stage == "dpo" else 0
    return dequantized + on_the_way + head + mask + scores


def available(precision: Precision) -> float:
    """Bytes that the device has; of the machine's memory, what is free now."""
    if precision.device == "cuda":
        import torch

        return float(torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory)
    import psutil

    return float(psutil.virtual_memory().available)
