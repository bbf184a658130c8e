"""One stage of training as data: a YAML file and `key=value` overrides, refused with every fault at once before anything loads.

A recipe has a few sections of its own and `trainer`, where every argument of TRL's config for the stage may stand. What is
known to go wrong is refused with its reason (`training/refusals.py`). Knows nothing of weights, tokenizers or devices.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from training import refusals, values
from training.errors import RecipeError
from training.precision import NAMES

STAGES = ("cpt", "sft", "dpo", "prompt_tuning")
ALL_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SHORT = {
    "lr": "learning_rate",
    "epochs": "num_train_epochs",
    "batch_size": "per_device_train_batch_size",
    "accumulation": "gradient_accumulation_steps",
    "checkpointing": "activation_checkpointing",
}  # what people write
FLAGS = ("full", "kernels")
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
        """As plain data, for the run folder, with whole paths: a run is read from other folders. `load` reads it back."""
        plain = dataclasses.asdict(self)
        plain["trainer"] = dict(self.trainer)
        if self.lora:
            plain["lora"]["targets"] = list(self.lora.targets)
        for section, key in (("", "parent"), ("data", "train"), ("data", "validation"), ("data", "test")):
            part = plain[section] if section else plain
            part[key] = str(Path(part[key]).absolute()) if part[key] is not None else None
        return plain

    @property
    def max_length(self) -> int | None:
        """Most tokens of a row; TRL's own default where the recipe gives none."""
        return self.trainer.get("max_length", 1024)


def load(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in `path` with `key=value` overrides. Raises RecipeError naming every fault."""
    try:
        written = yaml.load(path.read_text("utf-8"), Once)
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe. Give the path of a .yaml file.") from None
    except IsADirectoryError:
        raise RecipeError(f"{path}: a folder. Give the path of a .yaml file.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(written, dict):
        raise RecipeError(f"{path}: a recipe is a mapping of names to values. Start from one in recipes/.")
    return build(override(written, overrides), str(path))


class Once(yaml.SafeLoader):
    """YAML whose mappings name each key once; plain YAML lets the last one win without a word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} is written twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


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
        if dot and section in values.trainer_arguments(str(merged.get("stage"))):  # a trainer argument that is a mapping
            trainer = merged.get("trainer") or {}
            inner = trainer.get(section)
            merged["trainer"] = {**trainer, section: {**(inner if isinstance(inner, dict) else {}), name: value}}
        elif dot and not isinstance(merged.get(section), dict | None):
            raise RecipeError(f"{item}: {section} is one value and has no {name}.")
        elif dot:
            merged[section] = {**(merged.get(section) or {}), name: value}
        elif key in _names(Recipe):
            merged[key] = value
        else:
            known = values.trainer_arguments(str(merged.get("stage")))
            if key not in known and key not in refusals.LORA:
                raise RecipeError(_ended(f"{item}: {key} is unknown{_meant(key, known)}"))
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
    faults += [
        f"{name} is {written[name]!r}, not true or false" for name in FLAGS if not isinstance(written.get(name), bool | None)
    ]
    lora = _section(written, "lora", {**dict.fromkeys(_names(Lora)), "alpha": None}, faults)
    prompt = _section(written, "prompt", dict.fromkeys(_names(Prompt)), faults)
    data = _section(written, "data", dict.fromkeys(_names(Data)), faults)
    trainer = _section(written, "trainer", None, faults)
    arguments = values.trainer_arguments(str(stage))
    for name in trainer:
        if name not in arguments and name not in refusals.LORA:
            faults.append(f"trainer.{name} is unknown{_meant(str(name), arguments)}")
    for name in ("learning_rate", "weight_decay", "beta", "warmup_steps"):
        if name in trainer:
            trainer[name] = _number(trainer[name])
    for name in trainer:
        if str(name).endswith("_strategy") and trainer[name] is False:
            trainer[name] = "no"  # YAML 1.1 reads the word as false
    if isinstance(trainer.get("loss_type"), str) and stage == "dpo":
        trainer["loss_type"] = [trainer["loss_type"]]
    if not isinstance(written.get("model"), str):
        faults.append("model is missing: a built-in name, a folder, a .gguf file or a hub id")
    faults += refusals.of_data(str(stage), data)
    quantization = written.get("quantization") or ("none" if full else "nf4")
    storage, held = written.get("quantization_storage") or "uint8", written.get("precision") or "auto"
    for name, value, allowed in (
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
    early = written.get("early_stopping") or 0
    if not isinstance(early, int) or isinstance(early, bool) or early < 0:
        faults.append(f"early_stopping is {early!r}, not a whole number: evaluations without a lower loss, or 0")
    unsound = values.of_trainer(str(stage), trainer)
    faults += unsound or refusals.of_trainer(str(stage), trainer, adapter=not full)
    faults += refusals.of_lora(lora)
    if trainer.get("eval_strategy") in ("steps", "epoch") and not data.get("validation") and stage != "cpt":
        faults.append("trainer.eval_strategy needs data.validation: the examples whose loss is measured")
    if faults:
        count = "" if len(faults) == 1 else f"{len(faults)} faults: "
        raise RecipeError(_ended(f"{place}: {count}{'; '.join(faults)}"))
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
        kernels=written.get("kernels") is not False,
        early_stopping=early,
        trainer=trainer,
    )


def _prompt(written: Mapping[str, Any], faults: list[str]) -> Prompt | None:
    """The virtual tokens, or None with the faults told."""
    tokens, init = written.get("tokens"), written.get("init")
    if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 1:
        faults.append("prompt.tokens is missing or not a whole number above 0: how many virtual tokens are trained")
        return None
    if not isinstance(init, str) or not init.strip():
        faults.append("prompt.init is missing: the text whose tokens they begin as (random ones learn slowly)")
        return None
    return Prompt(tokens, init)


def _lora(written: Mapping[str, Any], faults: list[str]) -> Lora | None:
    """The adapter, or None with the faults told. The scale has to be said: its formula differs, and rsLoRA's surprises."""
    rank, rslora = written.get("rank"), written.get("rslora", True)
    if not isinstance(rslora, bool):
        faults.append(f"lora.rslora is {rslora!r}, not true or false")
        return None
    if not isinstance(rank, int) or isinstance(rank, bool) or rank < 1:
        faults.append("lora.rank is missing or not a whole number above 0")
        return None
    formula, divisor = ("alpha / sqrt(rank)", math.sqrt(rank)) if rslora else ("alpha / rank", float(rank))
    scale, alpha = written.get("scale"), written.get("alpha")
    if scale is None:
        told = f", here {alpha / divisor:g}" if isinstance(alpha, int | float) else ""
        faults.append(f"lora.scale is missing: what the adapter's product is multiplied with ({formula}{told})")
        return None
    if (
        isinstance(alpha, int | float)
        and isinstance(scale, int | float)
        and not math.isclose(alpha / divisor, scale, rel_tol=1e-3)
    ):
        faults.append(f"lora.alpha {alpha:g} at rank {rank} is a scale of {alpha / divisor:g} ({formula}), not {scale:g}")
        return None
    targets, dropout = written.get("targets") or ALL_LINEAR, written.get("dropout") or 0.0
    if isinstance(targets, str) or not isinstance(targets, Sequence):
        faults.append("lora.targets has to be a list of layers, such as [q_proj, v_proj]")
        return None
    unsound = [values.number("lora.scale", scale, 0, open_low=True), values.number("lora.dropout", dropout, 0, 1)]
    if found := [fault for fault in unsound if fault]:
        faults += found
        return None
    return Lora(rank, float(scale), rslora, tuple(map(str, targets)), float(dropout))


def _section(written: Mapping[str, Any], name: str, known: Mapping[str, Any] | None, faults: list[str]) -> dict[str, Any]:
    section = written.get(name)
    section = {} if section is None else section
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


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith("?") else f"{sentence}."


def _meant(name: str, arguments: Iterable[str]) -> str:
    """What an unknown `name` stands for most likely, among a recipe's own names and those of TRL that are set here."""
    own = {
        **{key: key for key in _names(Recipe)},
        **{key: f"lora.{key}" for key in (*_names(Lora), "alpha")},
        **{key: f"data.{key}" for key in _names(Data)},
        **{key: f"prompt.{key}" for key in _names(Prompt)},
    }
    known = {key: key for key in arguments if key not in refusals.ELSEWHERE and key not in refusals.NEVER} | own | SHORT
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.7)
    return f", did you mean {known[near[0]]}?" if near else ""


def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def _number(value: Any) -> Any:
    """YAML 1.1 reads 2e-5, without a point, as text."""
    try:
        return float(value) if isinstance(value, str) and "e" in value.lower() else value
    except ValueError:
        return value
