"""The way through one stage: recipe and files checked, memory predicted, base loaded, trained, kept. `tutor train` calls this.

What differs between stages is in training/sft.py and training/dpo.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import arguments, base_model, data, leakage, memory, precision, rendering, run_folder
from training.errors import RecipeError, RunError
from training.recipe import Recipe
from training.run_folder import RunFolder

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

Notify = Callable[[str], None]


@dataclass(frozen=True)
class Checked:
    """A recipe found fit to run, with its examples rendered and its memory predicted. No weights are loaded yet."""

    recipe: Recipe
    precision: precision.Precision
    tokenizer: PreTrainedTokenizerBase
    config: PretrainedConfig
    examples: dict[str, data.Examples]
    rendered: dict[str, rendering.Rendered]
    plan: memory.Plan
    parent: RunFolder | None
    shown: str

    def inputs(self) -> dict[str, Any]:
        """What the run is made of, for its folder."""
        return {
            "data": {
                name: {"file": str(made.file), "sha256": made.sha256, "examples": len(made.rows)}
                for name, made in self.examples.items()
            },
            "base": base_model.identity(self.recipe.model, self.recipe.revision),
            "parent": {
                "folder": str(self.parent.path),
                "adapter": run_folder.sha256(self.parent.adapter / "adapter_model.safetensors"),
            }
            if self.parent
            else None,
            "versions": run_folder.versions(),
        }


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `finished` is false where it was interrupted; then it can go on."""

    folder: Path
    finished: bool
    steps: int
    tokens: int
    metrics: dict[str, float]


def check(recipe: Recipe, limit: float | None = None) -> Checked:
    """Everything that can be known before weights load. Raises TrainingError for the first thing that stands in the way.

    `limit`: bytes of the device to plan for; None: this machine's.
    """
    quiet(hub="revision" in base_model.where(recipe.model, recipe.revision))
    held = precision.pick(recipe.precision)
    parent = run_folder.parent(recipe.parent, recipe.stage, recipe) if recipe.parent else None
    files = {"train": recipe.data.train, "validation": recipe.data.validation, "test": recipe.data.test}
    examples = {name: data.read(file, recipe.stage) for name, file in files.items() if file}
    for name in ("validation", "test"):
        if name in examples:
            leakage.refuse(examples["train"], examples[name])
    if recipe.early_stopping and "validation" not in examples:
        raise RecipeError("early_stopping needs data.validation: it stops when the loss there no longer falls.")
    tokenizer, config = base_model.without_weights(recipe.model, recipe.revision)
    rendering.prepare(tokenizer)
    rendered = {
        name: rendering.render(made, tokenizer, recipe.max_length, recipe.data.too_long, recipe.stage == "dpo")
        for name, made in examples.items()
        if name != "test"
    }
    arguments.of(recipe, held, Path("unused"), "validation" in rendered)
    plan = memory.plan(recipe, config, held, limit if limit is not None else memory.available(held))
    shown = rendering.shown(tokenizer, rendered["train"].dataset)
    return Checked(recipe, held, tokenizer, config, examples, rendered, plan, parent, shown)


def run(checked: Checked, folder: Path, resume: bool = False, notify: Notify = lambda message: None) -> Outcome:
    """Train into `folder`. Raises TrainingError; an interruption saves a checkpoint and is told in the outcome."""
    import torch
    import transformers

    from training import adapter, card, curves, dpo, progress, sft

    recipe, run = checked.recipe, RunFolder(folder)
    checked.plan.require()
    inputs = checked.inputs()
    checkpoint = run.begin(recipe, inputs, resume)
    transformers.set_seed(int(recipe.trainer.get("seed", 42)))  # a new adapter's values come of it
    notify(f"loading {recipe.model}, {recipe.quantization}, {checked.precision.name} on {checked.precision.device}")
    base = base_model.load(recipe.model, recipe.revision, recipe.quantization, checked.precision, checked.tokenizer)
    sets = {name: made.dataset for name, made in checked.rendered.items()}
    interruption = progress.Interruption(notify)
    tokens = progress.Tokens()
    callbacks = [interruption, curves.Curves(run.curves), tokens, progress.Told(notify), *progress.early_stopping(recipe)]
    build = {"sft": sft.build_trainer, "dpo": dpo.build_trainer}[recipe.stage]
    if recipe.stage == "dpo":
        notify(f"computing the reference's log-probabilities of {len(sets['train'])} pairs")
    trainer = build(recipe, base, sets["train"], sets.get("validation"), run.checkpoints, callbacks)
    trainer.remove_callback(transformers.PrinterCallback)
    tokens.follow(trainer)
    model: Any = trainer.model
    notify(f"training {sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad):,} weights")
    try:
        with interruption:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except torch.OutOfMemoryError as error:
        step = trainer.state.global_step
        raise RunError(
            f"{folder}: out of GPU memory after step {step}. Lower trainer.per_device_train_batch_size or max_length, or "
            "free the GPU of other programs, and start anew."
        ) from error
    state = trainer.state
    metrics = last_metrics(state.log_history)
    outcome = Outcome(folder, not interruption.asked, state.global_step, tokens.total, metrics)
    if not outcome.finished:
        return outcome
    adapter.save(trainer.model, checked.tokenizer, base.model.generation_config, run.adapter)
    result = {
        "stage": recipe.stage,
        "recipe": recipe.resolved(),
        "precision": checked.precision.name,
        "steps": outcome.steps,
        "tokens": outcome.tokens,
        "metrics": metrics,
        **inputs,
    }
    for place in (folder, run.adapter):
        (place / "README.md").write_text(card.write(recipe, inputs, result), "utf-8")
    run.finish(result)
    return outcome


def last_metrics(history: list[dict[str, Any]]) -> dict[str, float]:
    """The last value of what tells how training went."""
    wanted = ("loss", "eval_loss", "rewards/margins", "rewards/accuracies", "eval_rewards/margins", "eval_rewards/accuracies")
    return {
        name: entry[name] for name in wanted for entry in [next((e for e in reversed(history) if name in e), None)] if entry
    }


def quiet(hub: bool) -> None:
    """Nothing is sent anywhere (TRL reports its use otherwise), and unless the model is a hub's, nothing is asked there.

    The hub's library reads its environment when it is imported, so what it read is set. Its bars and the others' warnings would
    stand between what this package says.
    """
    import warnings

    import datasets
    import huggingface_hub
    import transformers

    huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True
    if not hub:
        huggingface_hub.constants.HF_HUB_OFFLINE = True
    os.environ.setdefault("TQDM_DISABLE", "1")
    warnings.filterwarnings("ignore", message="Could not find a config file")  # PEFT, of a base that is a GGUF file
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers|trl|peft")
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    huggingface_hub.utils.logging.set_verbosity_error()
