"""One stage of training as data: a YAML file and `key=value` overrides, refused with every fault at once before anything loads.

A recipe has a few sections of its own and `trainer`, where every argument of TRL's config for the stage may stand. What is
known to go wrong is refused with its reason (`training/refusals.py`). Knows nothing of weights, tokenizers or devices.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from training import refusals
from training.errors import RecipeError
from training.precision import NAMES

STAGES = ("cpt", "sft", "dpo", "prompt_tuning")
ALL_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
TOO_LONG = ("refuse", "drop", "truncate")


@dataclass(frozen=True)
class Lora:
    """`scale` multiplies the adapter's product: alpha / sqrt(rank) with rank stabilization (rsLoRA), alpha / rank without."""

    rank: int
    scale: float
    rslora: bool = True
    targets: tuple[str, ...] = ALL_LINEAR
    dropout: float = 0.0

    @property
    def alpha(self) -> float:
        return self.scale * (math.sqrt(self.rank) if self.rslora else self.rank)


@dataclass(frozen=True)
class Prompt:
    """What prompt tuning trains: so many virtual tokens before every prompt, at first those of the text `init`."""

    tokens: int
    init: str


@dataclass(frozen=True)
class Data:
    """Files of examples, one JSON object a line. `test` is never trained on: what leaks into it is refused.

    For CPT `train` is a text, or `course` names the course whose books are read; of documents without `validation`, the share
    `held_out` is kept back, by section.
    """

    train: Path | None
    validation: Path | None = None
    test: Path | None = None
    course: str | None = None
    held_out: float = refusals.HELD_OUT
    too_long: str = "refuse"


@dataclass(frozen=True)
class Recipe:
    """One stage. `parent` is the folder of the run whose adapter, or whose model where `full`, is trained further.

    What is trained is `lora`, `prompt`, or with `full` every weight.
    """

    stage: str
    model: str
    data: Data
    lora: Lora | None
    prompt: Prompt | None = None
    full: bool = False
    revision: str | None = None
    parent: Path | None = None
    quantization: str = "nf4"
    quantization_storage: str = "uint8"
    precision: str = "auto"
    kernels: bool = True
    early_stopping: int = 0
    trainer: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def resolved(self) -> dict[str, Any]:
        """As plain data, for the run folder; `load` reads it back."""
        plain = dataclasses.asdict(self)
        plain["trainer"] = dict(self.trainer)
        if self.lora:
            plain["lora"]["targets"] = list(self.lora.targets)
        for section, key in (("", "parent"), ("data", "train"), ("data", "validation"), ("data", "test")):
            part = plain[section] if section else plain
            part[key] = str(part[key]) if part[key] is not None else None
        return plain

    @property
    def max_length(self) -> int | None:
        """Most tokens of a row; TRL's own default where the recipe gives none."""
        return self.trainer.get("max_length", 1024)


def load(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in `path` with `key=value` overrides. Raises RecipeError naming every fault."""
    try:
        written = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe. Give the path of a .yaml file.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(written, dict):
        raise RecipeError(f"{path}: a recipe is a mapping of names to values. Start from one in recipes/.")
    return build(override(written, overrides), str(path))


def override(written: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """`written` with each `key=value`; a key is a name of the recipe, `section.name`, or a trainer argument alone."""
    merged: dict[str, Any] = {key: dict(value) if isinstance(value, dict) else value for key, value in written.items()}
    for item in overrides:
        key, equals, text = item.partition("=")
        if not equals:
            raise RecipeError(f"{item}: not of the form key=value.")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise RecipeError(f"{item}: the value is not valid YAML: {' '.join(str(error).split())}") from error
        if isinstance(value, str):
            value = _number(value)
        section, dot, name = key.partition(".")
        if dot:
            merged[section] = {**(merged.get(section) or {}), name: value}
        elif key in _names(Recipe):
            merged[key] = value
        else:
            merged["trainer"] = {**(merged.get("trainer") or {}), key: value}
    return merged


def build(written: Mapping[str, Any], place: str) -> Recipe:
    """The recipe that `written` gives. Raises RecipeError naming `place` and every fault."""
    faults: list[str] = []
    stage = written.get("stage")
    if stage not in STAGES:
        raise RecipeError(f"{place}: stage is {stage!r}. It has to be one of {', '.join(STAGES)}.")
    faults += _unknown("", written, _names(Recipe))
    full = written.get("full") is True
    lora = _section(written, "lora", {**dict.fromkeys(_names(Lora)), "alpha": None}, faults)
    prompt = _section(written, "prompt", dict.fromkeys(_names(Prompt)), faults)
    data = _section(written, "data", dict.fromkeys(_names(Data)), faults)
    trainer = _section(written, "trainer", None, faults)
    faults += _unknown("trainer.", trainer, trainer_arguments(str(stage)), refusals.LORA)
    for name in ("learning_rate", "weight_decay", "beta", "warmup_steps"):
        if name in trainer:
            trainer[name] = _number(trainer[name])
    for name in trainer:
        if name.endswith("_strategy") and trainer[name] is False:
            trainer[name] = "no"  # YAML 1.1 reads the word as false
    if not isinstance(written.get("model"), str):
        faults.append("model is missing: a built-in name, a folder, a .gguf file or a hub id")
    faults += refusals.of_data(str(stage), data)
    quantization = written.get("quantization") or ("none" if full else "nf4")
    storage, held = written.get("quantization_storage") or "uint8", written.get("precision") or "auto"
    for name, value, allowed in (
        ("full", written.get("full") or False, (True, False)),
        ("quantization", quantization, ("nf4", "none")),
        ("quantization_storage", storage, ("uint8", "bf16")),
        ("precision", held, NAMES),
    ):
        if value not in allowed:
            faults.append(f"{name} is {value!r}, not one of {', '.join(map(str, allowed))}")
    if data.get("too_long", "refuse") not in TOO_LONG:
        faults.append(f"data.too_long is {data['too_long']!r}, not one of {', '.join(TOO_LONG)}")
    faults += refusals.of_trained(str(stage), written, quantization)
    wanted = stage != "prompt_tuning" and not full
    adapter = _lora(lora, faults) if wanted else None
    virtual = _prompt(prompt, faults) if stage == "prompt_tuning" else None
    if stage == "cpt":
        trainer = {"packing": True, "packing_strategy": "bfd_split", **trainer}
    faults += refusals.of_trainer(str(stage), trainer, adapter=not full) + refusals.of_lora(lora)
    if faults:
        count = "" if len(faults) == 1 else f"{len(faults)} faults: "
        raise RecipeError(f"{place}: {count}{'; '.join(faults)}.")
    paths = {key: Path(data[key]) if data.get(key) else None for key in ("train", "validation", "test")}
    return Recipe(
        stage=str(stage),
        model=str(written["model"]),
        data=Data(
            paths["train"],
            paths["validation"],
            paths["test"],
            str(data["course"]) if data.get("course") else None,
            float(data.get("held_out", refusals.HELD_OUT)),
            data.get("too_long", "refuse"),
        ),
        lora=adapter,
        prompt=virtual,
        full=full,
        revision=written.get("revision"),
        parent=Path(written["parent"]) if written.get("parent") else None,
        quantization=quantization,
        quantization_storage=storage,
        precision=held,
        kernels=bool(written.get("kernels", True)),
        early_stopping=int(written.get("early_stopping") or 0),
        trainer=trainer,
    )


@functools.cache
def trainer_arguments(stage: str) -> tuple[str, ...]:
    """The names that TRL's config for `stage` takes."""
    import trl

    config = trl.DPOConfig if stage == "dpo" else trl.SFTConfig
    return tuple(field.name for field in dataclasses.fields(config) if field.init)


def _prompt(written: Mapping[str, Any], faults: list[str]) -> Prompt | None:
    """The virtual tokens, or None with the faults told."""
    tokens, init = written.get("tokens"), written.get("init")
    if not isinstance(tokens, int) or tokens < 1:
        faults.append("prompt.tokens is missing or not a whole number above 0: how many virtual tokens are trained")
        return None
    if not isinstance(init, str) or not init.strip():
        faults.append("prompt.init is missing: the text whose tokens they begin as (random ones learn slowly)")
        return None
    return Prompt(tokens, init)


def _lora(written: Mapping[str, Any], faults: list[str]) -> Lora | None:
    """The adapter, or None with the faults told. The scale has to be said: its formula differs, and rsLoRA's surprises."""
    rank, rslora = written.get("rank"), bool(written.get("rslora", True))
    if not isinstance(rank, int) or rank < 1:
        faults.append("lora.rank is missing or not a whole number above 0")
        return None
    formula, divisor = ("alpha / sqrt(rank)", math.sqrt(rank)) if rslora else ("alpha / rank", float(rank))
    scale, alpha = written.get("scale"), written.get("alpha")
    if not isinstance(scale, int | float):
        told = f", here {alpha / divisor:g}" if isinstance(alpha, int | float) else ""
        faults.append(f"lora.scale is missing: what the adapter's product is multiplied with ({formula}{told})")
        return None
    if isinstance(alpha, int | float) and not math.isclose(alpha / divisor, scale, rel_tol=1e-3):
        faults.append(f"lora.alpha {alpha:g} at rank {rank} is a scale of {alpha / divisor:g} ({formula}), not {scale:g}")
        return None
    targets = written.get("targets") or ALL_LINEAR
    if isinstance(targets, str) or not isinstance(targets, Sequence):
        faults.append("lora.targets has to be a list of layers, such as [q_proj, v_proj]")
        return None
    return Lora(rank, float(scale), rslora, tuple(map(str, targets)), float(written.get("dropout") or 0.0))


def _section(written: Mapping[str, Any], name: str, known: Mapping[str, Any] | None, faults: list[str]) -> dict[str, Any]:
    section = written.get(name) or {}
    if not isinstance(section, dict):
        faults.append(f"{name} has to be a mapping of names to values")
        return {}
    if known is not None:
        faults += _unknown(f"{name}.", section, known, refusals.LORA)
    return dict(section)


def _unknown(prefix: str, given: Iterable[str], known: Iterable[str], told: Iterable[str] = ()) -> list[str]:
    """A fault for each name that is not known, with the nearest that is."""
    known = tuple(known)
    faults = []
    for name in given:
        if name in known or name in told:
            continue
        near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
        faults.append(f"{prefix}{name} is unknown" + (f", did you mean {near[0]}?" if near else ""))
    return faults


def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def _number(value: Any) -> Any:
    """YAML 1.1 reads 2e-5, without a point, as text."""
    try:
        return float(value) if isinstance(value, str) and "e" in value.lower() else value
    except ValueError:
        return value
