"""A model to be measured, by one name, and its weights when it is its turn.

    smollm2-135m, FOLDER, FILE.gguf, owner/name@COMMIT   in the device's full precision; a merged folder is one of these
    NAME@nf4                                             the same in 4-bit NF4, as an adapter was trained on it
    runs/sft                                             a run of `tutor train`: its base, held as then, with what was trained

Knows nothing of what is measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import base_model, precision, rendering, run_folder, stage
from training.base_model import Base
from training.errors import RunError
from training.run_folder import RunFolder, sha256

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ADAPTER = "adapter_model.safetensors"


@dataclass(frozen=True)
class ScoredModel:
    """What a name stands for; nothing is loaded yet. `run` is None for what is no run, `adapter` where all weights are the
    run's own. `trained` is the run's manifest."""

    name: str
    model: str
    revision: str | None
    quantization: str
    precision: precision.Precision
    run: RunFolder | None = None
    adapter: Path | None = None
    trained: dict[str, Any] | None = None

    @property
    def held(self) -> str:
        """How the weights are held, in words."""
        held = "4-bit NF4" if self.quantization == "nf4" else self.precision.name
        return held + (", adapter" if self.adapter else "")

    @property
    def stage(self) -> str | None:
        """Of the run: sft, dpo, ..."""
        return str(self.trained["stage"]) if self.trained else None

    def identity(self) -> dict[str, Any]:
        """What says later which weights these were, and how they were held."""
        made = base_model.identity(self.model, self.revision)
        adapter = sha256(self.adapter / ADAPTER) if self.adapter else None
        return {**made, "adapter": adapter, "quantization": self.quantization, "precision": self.precision.name}


def named(name: str) -> ScoredModel:
    """The model that `name` stands for. Raises TrainingError where it names none, or a run that is not complete."""
    plain, quantization = (name.removesuffix("@nf4"), "nf4") if name.endswith("@nf4") else (name, "none")
    commit = re.fullmatch(r"(.+)@([0-9a-f]{40})", plain)
    plain, revision = (commit[1], commit[2]) if commit else (plain, None)
    folder = Path(plain).expanduser()
    if (folder / "manifest.json").is_file() or (folder / "recipe.yaml").is_file():
        if quantization != "none":
            raise RunError(f"{name}: a run's base is held as it was trained. Leave @nf4 out.")
        return _of_run(name, RunFolder(folder))
    if (folder / "adapter_config.json").is_file():
        raise RunError(f"{name}: an adapter alone. Give the folder of its run.")
    base_model.where(plain, revision)
    return ScoredModel(name, plain, revision, quantization, precision.pick())


def _of_run(name: str, run: RunFolder) -> ScoredModel:
    done = run.manifest
    if done is None:
        raise RunError(f"{run.path}: not a complete run (no manifest.json). Go on with it: tutor train ... --resume.")
    recipe = done["recipe"]
    held = precision.pick(recipe["precision"])
    if not (run.adapter / "adapter_config.json").is_file():
        whole = next((config.parent for config in sorted(run.path.glob("*/config.json"))), None)
        if whole is None:
            raise RunError(f"{run.path}: holds neither an adapter nor a model. Restore its files, or train again.")
        run.require_unchanged(done, (str(file.relative_to(run.path)) for file in sorted(whole.glob("*.safetensors"))))
        return ScoredModel(name, str(whole), None, "none", held, run, None, done)
    run.require_unchanged(done, [str((run.adapter / ADAPTER).relative_to(run.path))])
    base_model.require_same(recipe["model"], recipe["revision"], done["base"], run.path)
    return ScoredModel(name, recipe["model"], recipe["revision"], recipe["quantization"], held, run, run.adapter, done)


def reference_of(model: ScoredModel) -> str | None:
    """The name of what `model` was trained against: a DPO run's parent, else the base as the run held it; None for no run.

    Raises RunError where the parent is gone or is not what the run began from.
    """
    if not model.trained or not model.run:
        return None
    recipe, parent = model.trained["recipe"], model.trained.get("parent")
    if model.stage != "dpo" or not parent:
        revision = f"@{recipe['revision']}" if recipe["revision"] else ""
        return f"{recipe['model']}{revision}{'@nf4' if recipe['quantization'] == 'nf4' else ''}"
    folder = Path(parent["folder"])
    if not folder.is_dir() and (model.run.path.parent / folder.name).is_dir():
        folder = model.run.path.parent / folder.name  # both were moved
    # A run that trained every weight names its parent by the manifest, which has the hash of every file.
    file, digest = ("manifest.json", parent["model"]) if "model" in parent else (f"adapter/{ADAPTER}", parent["adapter"])
    if sha256(folder / file) != digest:
        raise RunError(f"{model.name}: its parent {folder} is not there as it was. Name the reference with --reference.")
    return str(folder)


def learned(model: ScoredModel, digest: str) -> bool:
    """Whether the run behind the model, or the one that it was merged from, was trained on the very file of this sha256."""
    folder = Path(model.model)
    made = model.trained or (folder.is_dir() and run_folder.read_json(folder / "merge.json")) or {}
    return bool(made.get("data")) and run_folder.learned_from(made, digest)


def memory_too(name: str, file: Path | str) -> str:
    """What is told where `name` was trained on `file`."""
    return f"{file}: {name} was trained on this file, so what is measured is memory too"


def tokenizer_for(model: ScoredModel, longest: int) -> PreTrainedTokenizerBase:
    """As the model reads texts; loads no weights. Raises RunError where it has no positions for `longest` tokens."""
    tokenizer, config = base_model.without_weights(model.model, model.revision)
    context = getattr(config, "max_position_embeddings", None)
    if context and longest > context:
        raise RunError(f"{model.name}: reads {context} tokens at most. Lower --max-length and --window to that.")
    rendering.prepare(tokenizer)
    return tokenizer


def quiet(models: Iterable[ScoredModel]) -> None:
    """No telemetry and no bars; the hub is asked only where one of `models` is there."""
    stage.quiet(hub=any(model.revision for model in models))


def load(model: ScoredModel, tokenizer: PreTrainedTokenizerBase | None = None) -> Base:
    """The weights, ready for `training.scoring` and to generate. Raises TrainingError where they cannot be loaded.

    `tokenizer`: of `tokenizer_for`, where texts were read by it before.
    """
    import torch
    from trl.trainer.utils import add_fused_lm_head

    if tokenizer is None:
        tokenizer, _ = base_model.without_weights(model.model, model.revision)
        rendering.prepare(tokenizer)
    try:
        base = base_model.load(model.model, model.revision, model.quantization, model.precision, tokenizer)
        inner: PreTrainedModel = base.model
        add_fused_lm_head(inner)  # before PEFT wraps it
        whole = _with_adapter(inner, model.adapter) if model.adapter else inner
    except torch.OutOfMemoryError as error:
        raise RunError(f"{model.name}: does not fit this GPU. Give NAME@nf4, or free the GPU of other programs.") from error
    whole.eval()
    return Base(whole, tokenizer, model.precision)


def _with_adapter(inner: PreTrainedModel, adapter: Path) -> Any:
    import peft
    from safetensors import SafetensorError

    try:
        return peft.PeftModel.from_pretrained(inner, str(adapter))
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError, json.JSONDecodeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise RunError(f"{adapter}: cannot be put on its base: {reason}. Restore the run's files.") from error


def free() -> None:
    """What models that are no longer used held. They are held in cycles, so they go when these are looked for.

    The C library keeps what it was given back; Linux's is asked to hand it on, or a peak would tell of what was before.
    """
    import ctypes
    import gc
    import sys

    import torch

    gc.collect()
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
