"""Whether the values of a recipe are of the kind and in the range that its names take; before anything loads.

Of TRL's arguments the kind is that of the field in its config. Knows nothing of stages' own rules (training/refusals.py).
"""

from __future__ import annotations

import difflib
import functools
import math
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any

KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", list: "a list", dict: "a mapping"}
ABOVE_0 = (
    "per_device_train_batch_size",
    "per_device_eval_batch_size",
    "gradient_accumulation_steps",
    "num_train_epochs",
    "learning_rate",
    "max_length",
    "logging_steps",
    "save_steps",
    "eval_steps",
    "save_total_limit",
    "beta",
)
NOT_BELOW_0 = ("weight_decay", "warmup_steps", "max_grad_norm", "seed", "label_smoothing", "dataloader_num_workers")
# As in the trainers at trl 1.16: a name that they do not know fails in the first step, DPO's after the reference's pass.
LOSSES = {
    "dpo": (
        "sigmoid",
        "sigmoid_norm",
        "hinge",
        "ipo",
        "exo_pair",
        "nca_pair",
        "robust",
        "bco_pair",
        "sppo_hard",
        "aot",
        "aot_unpaired",
        "apo_zero",
        "apo_down",
        "discopop",
        "sft",
    ),
    "sft": ("nll", "dft"),
}


@functools.cache
def trainer_arguments(stage: str) -> dict[str, Any]:
    """The names that TRL's config for `stage` takes, and the type of each."""
    import dataclasses

    import trl

    config: Any = trl.DPOConfig if stage == "dpo" else trl.SFTConfig
    hints = typing.get_type_hints(config)
    return {field.name: hints[field.name] for field in dataclasses.fields(config) if field.init}


def of_trainer(stage: str, trainer: Mapping[str, Any]) -> list[str]:
    """What is wrong with the values of these TRL arguments; names that TRL does not know are passed over."""
    kinds = trainer_arguments(stage)
    faults = []
    for name, value in trainer.items():
        if name in kinds and (fault := _of_type(value, kinds[name]) or _of_range(name, value)):
            faults.append(f"trainer.{name} is {value!r}, {fault}")
    losses = trainer.get("loss_type") or []
    known = LOSSES["dpo" if stage == "dpo" else "sft"]
    for loss in [losses] if isinstance(losses, str) else losses if isinstance(losses, list) else []:
        if loss not in known:
            faults.append(f"trainer.loss_type {loss!r} is none of {', '.join(known)}{_nearest(loss, known)}")
    return faults


def number(name: str, value: Any, low: float, below: float = math.inf, open_low: bool = False) -> str | None:
    """What is wrong with `value` as a number from `low` (above it: `open_low`) and below `below`; None where nothing is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{name} is {value!r}, not a number"
    if not math.isfinite(value) or value < low or (open_low and value == low) or value >= below:
        upper = f" and below {below:g}" if below != math.inf else ""
        return f"{name} is {value!r}: it has to be {'above' if open_low else 'at least'} {low:g}{upper}"
    return None


def _of_type(value: Any, kind: Any) -> str | None:
    from pydantic import TypeAdapter, ValidationError

    choices = [item.value for part in typing.get_args(kind) if _is_enum(part) for item in part]
    if choices and isinstance(value, str) and value not in choices:
        listed = f"one of {', '.join(map(str, choices))}" if len(choices) < 12 else "a name that transformers knows"
        return f"not {listed}{_nearest(value, choices)}"
    try:
        made = TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return f"not {_named(kind)}"
    # YAML's own types are handed on as they are, so what would have to be converted is refused: "8" is no 8.
    same = isinstance(value, bool) == isinstance(made, bool) and isinstance(value, str) == isinstance(made, str | Enum)
    return None if same else f"not {_named(kind)}"


def _of_range(name: str, value: Any) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return "not a finite number"
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    if name in ABOVE_0 and value <= 0:
        return "not above 0"
    if name in NOT_BELOW_0 and value < 0:
        return "below 0"
    if name == "max_steps" and value <= 0 and value != -1:
        return "neither above 0 nor -1 (as many as the epochs have)"
    return None


def _named(kind: Any) -> str:
    several = typing.get_args(kind) if typing.get_origin(kind) in (types.UnionType, typing.Union) else (kind,)
    parts = [part for part in several if part is not type(None) and not _is_enum(part)]
    return " or ".join(KINDS.get(typing.get_origin(part) or part, str(part)) for part in parts)


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _nearest(value: Any, known: Any) -> str:
    near = difflib.get_close_matches(str(value), list(map(str, known)), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
