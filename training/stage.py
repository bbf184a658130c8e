"""The way through one stage: recipe and files checked, memory predicted, base loaded, trained, kept. `tutor train` calls this.

What differs between stages is in training/sft.py and training/dpo.py, what CPT reads and measures in training/corpus.py and
training/perplexity.py. Of several processes (training/distributed.py) each comes this way; the main one alone writes.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import (
    adapter,
    arguments,
    base_model,
    corpus,
    data,
    distributed,
    leakage,
    memory,
    precision,
    rendering,
    run_folder,
)
from training.errors import DataError, RecipeError, RunError
from training.recipe import Recipe
from training.run_folder import RunFolder

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

Notify = Callable[[str], None]
UNWRITTEN = ("inline_container", "PytorchStreamWriter", "No space left", "File too large")  # torch's words on a full disk


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
    launch: distributed.Launch
    held_out: corpus.HeldOut | None = None
    course: list[Mapping[str, Any]] | None = None
    base: Mapping[str, Any] | None = None  # its identity, where it was asked for already: hashing weights takes time

    def inputs(self) -> dict[str, Any]:
        """What the run is made of, for its folder."""
        files: dict[str, dict[str, Any]] = {
            name: {"file": str(made.file.absolute()), "sha256": made.sha256, "examples": len(made.rows)}
            for name, made in self.examples.items()
        }
        if self.held_out:
            files["validation"] |= {"held_out": list(self.held_out.sections), "left_out_of_training": self.held_out.near}
        if self.recipe.data.course:
            files["train"]["course"] = self.recipe.data.course
        parent: dict[str, Any] | None = None
        if self.parent:
            parent = {"folder": str(self.parent.path)}
            if self.recipe.full:  # the manifest names the hash of every file of the model
                parent["model"] = run_folder.sha256(self.parent.path / "manifest.json")
            else:
                parent["adapter"] = run_folder.sha256(self.parent.adapter / "adapter_model.safetensors")
        return {
            "data": files,
            "base": self.base or base_model.identity(self.recipe.model, self.recipe.revision),
            "parent": parent,
            "precision": self.precision.name,
            "processes": self.launch.processes,
            "versions": run_folder.versions(),
        }

    def told(self) -> list[str]:
        """What was found in the data."""
        lines = rendering.lines([(self.examples[name], made) for name, made in self.rendered.items()])
        if self.recipe.stage == "dpo":
            reference = f"the run {self.parent.path}" if self.parent else "the untouched base, for no parent is given"
            lines.append(f"the reference is {reference}")
        lines.append(f"an answer ends with {self.tokenizer.eos_token}; rows are padded with {self.tokenizer.pad_token}")
        if self.held_out:
            sections = self.held_out.sections
            lines.append(
                f"held out to measure perplexity: {len(sections)} sections ({'; '.join(sections[:3])}"
                f"{'; ...' if len(sections) > 3 else ''}); {self.held_out.near} documents much like them left out"
            )
        return lines


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `finished` is false where it was interrupted; then it can go on."""

    folder: Path
    finished: bool
    steps: int
    tokens: int
    metrics: dict[str, float]


def check(recipe: Recipe, limit: float | None = None, course: list[Mapping[str, Any]] | None = None) -> Checked:
    """Everything that can be known before weights load. Raises TrainingError for the first thing that stands in the way.

    `limit`: bytes of a GPU to plan for, where it is not for this machine. `course`: the documents of `data.course`.
    """
    recipe = placed(recipe)
    quiet(hub="revision" in base_model.where(recipe.model, recipe.revision))
    held, launch = precision.pick(recipe.precision), distributed.launch()
    here = held
    if limit is not None and held.device == "cpu":
        held = precision.gpu(recipe.precision)
    distributed.check(launch, recipe, held.device)
    distributed.take_device(launch, here)
    parent = run_folder.parent(recipe.parent, recipe.stage, recipe) if recipe.parent else None
    base = None
    if parent and not recipe.full:
        then = (parent.manifest or {}).get("base", {})
        base = base_model.require_same(recipe.model, recipe.revision, then, parent.path)
    examples = read(recipe, course)
    for name in ("validation", "test"):
        if name in examples:
            leakage.refuse(examples["train"], examples[name])
    if {"validation", "test"} <= set(examples) and examples["validation"].sha256 == examples["test"].sha256:
        raise DataError(f"{recipe.data.test}: is data.validation too, which training is steered by. Give another file as test.")
    held_out = None
    if recipe.stage == "cpt" and "validation" not in examples:
        held_out = corpus.hold_out(examples["train"], recipe.data.held_out, int(recipe.trainer.get("seed", 42)))
        examples |= {"train": held_out.train, "validation": held_out.validation}
    if recipe.early_stopping and "validation" not in examples:
        raise RecipeError("early_stopping needs data.validation: it stops when the loss there no longer falls.")
    tokenizer, config = base_model.without_weights(recipe.model, recipe.revision)
    end = rendering.document_end(tokenizer)
    rendering.prepare(tokenizer)
    rendered = {
        name: rendering.render_documents(made, tokenizer, end)
        if recipe.stage == "cpt"
        else rendering.render(made, tokenizer, recipe.max_length, recipe.data.too_long, recipe.stage == "dpo")
        for name, made in examples.items()
        if name != "test"
    }
    check_positions(recipe, config)
    if recipe.lora:
        adapter.check_targets(recipe.lora, config)
    arguments.of(recipe, here, Path("unused"), "validation" in rendered)
    plan = memory.plan(recipe, config, held, limit if limit is not None else memory.available(held), launch)
    if limit is not None:
        plan = replace(plan, device="the memory given")
    whole = recipe.trainer.get("completion_only_loss") is False
    shown = rendering.printable(rendering.shown(tokenizer, rendered["train"].dataset, recipe.max_length, whole))
    return Checked(recipe, held, tokenizer, config, examples, rendered, plan, parent, shown, launch, held_out, course, base)


def placed(recipe: Recipe) -> Recipe:
    """With the whole path of a model or a parent that is a file here: a run is read again from other folders."""
    model = Path(recipe.model).expanduser()
    here = recipe.model != base_model.BUILT_IN and model.exists()
    return replace(
        recipe,
        model=str(model.resolve()) if here else recipe.model,
        parent=recipe.parent.expanduser().resolve() if recipe.parent else None,
    )


def read(recipe: Recipe, course: list[Mapping[str, Any]] | None) -> dict[str, data.Examples]:
    """The examples of every file. Raises DataError."""
    files = {"train": recipe.data.train, "validation": recipe.data.validation, "test": recipe.data.test}
    if recipe.stage != "cpt":
        return {name: data.read(file, recipe.stage) for name, file in files.items() if file}
    documents = {name: corpus.read(file) for name, file in files.items() if file}
    if recipe.data.course:
        documents = {"train": corpus.of_course(recipe.data.course, course or []), **documents}
    return documents


def check_positions(recipe: Recipe, config: PretrainedConfig) -> None:
    """Raises RecipeError for rows longer than the model has positions for."""
    virtual = recipe.prompt.tokens if recipe.prompt else 0
    most = getattr(config, "max_position_embeddings", None)
    if most and recipe.max_length and recipe.max_length + virtual > most:
        beside = f" and {virtual} virtual tokens" if virtual else ""
        raise RecipeError(
            f"trainer.max_length {recipe.max_length}{beside}: the model has {most} positions. Lower trainer.max_length."
        )


def run(checked: Checked, folder: Path, resume: bool = False, notify: Notify = lambda message: None) -> Outcome:
    """Train into `folder`. Raises TrainingError; an interruption saves a checkpoint and is told in the outcome."""
    checked.plan.require()
    if not checked.launch.main or (resume and not folder.is_dir()):
        return _run(checked, folder, resume, notify)
    with RunFolder(folder).held():
        return _run(checked, folder, resume, notify)


def _run(checked: Checked, folder: Path, resume: bool, notify: Notify) -> Outcome:
    import safetensors
    import torch
    import transformers

    from training import curves, dpo, full, perplexity, progress, sft

    recipe, run, main = checked.recipe, RunFolder(folder), checked.launch.main
    if not main:
        notify = lambda message: None  # noqa: E731
    inputs = checked.inputs()
    checkpoint = begin(checked, run, inputs, resume)
    validated = "validation" in checked.rendered
    # Made before the base is loaded, and kept: DeepSpeed divides the weights while they load if it is there already.
    settings = arguments.of(recipe, checked.precision, run.checkpoints, validated)
    transformers.set_seed(int(recipe.trainer.get("seed", 42)))  # a new adapter's values come of it
    notify(f"loading {recipe.model}, {recipe.quantization}, {checked.precision.name} on {checked.precision.device}")
    base = load(checked)
    sets = distributed.shared({name: made.dataset for name, made in checked.rendered.items()}, run.path / "examples")
    interruption = progress.Interruption(notify)
    tokens = progress.Tokens()
    callbacks: list[Any] = [interruption, tokens, progress.Finite(), *progress.early_stopping(recipe)]
    if main:
        callbacks += [curves.Curves(run.curves), progress.Told(notify)]
    before = perplexity.Before(run.perplexity, sets["validation"], recipe.max_length or 0) if recipe.stage == "cpt" else None
    if before:
        callbacks.append(before)
    if recipe.stage == "dpo":
        notify(f"computing the reference's log-probabilities of {len(sets['train'])} pairs")
    build = dpo.build_trainer if recipe.stage == "dpo" else sft.build_trainer
    trainer: Any = build(recipe, base, sets["train"], sets.get("validation"), run.checkpoints, callbacks, settings)
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.create_model_card = lambda *args, **given: None  # TRL's own, beside the checkpoints, of a model without a name
    tokens.follow(trainer)
    if before:
        before.follow(trainer)
    notify(f"training {sum(p.numel() for p in trainer.model.parameters() if p.requires_grad):,} weights")
    try:
        with interruption:
            if checkpoint and not checked.launch.divided and progress.over(checkpoint, recipe):
                progress.take_back(trainer, checkpoint, recipe)
            else:
                trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except torch.OutOfMemoryError as error:
        step = trainer.state.global_step
        raise RunError(
            f"{folder}: out of GPU memory after step {step}. Lower trainer.per_device_train_batch_size or max_length, or "
            "free the GPU of other programs, and start anew."
        ) from error
    except (RuntimeError, OSError, safetensors.SafetensorError) as error:
        if not any(name in str(error) for name in UNWRITTEN) and getattr(error, "errno", None) != errno.ENOSPC:
            raise
        raise RunError(
            f"{folder}: the checkpoint of step {trainer.state.global_step} could not be written. Free some space there, and "
            "go on with --resume."
        ) from error
    finished = not interruption.asked or trainer.state.global_step >= trainer.state.max_steps
    kept = best_step(trainer.state) if recipe.early_stopping and finished else None
    metrics = last_metrics([row for row in trainer.state.log_history if kept is None or row["step"] <= kept])
    if kept is not None and main:
        notify(f"ended after step {trainer.state.global_step}; kept is step {kept}, which has the lowest validation loss")
    if before and finished:
        metrics |= {"perplexity_before": before.value, "perplexity_after": before.measure()}
        notify(
            f"perplexity on held-out text: {metrics['perplexity_before']:.2f} before, {metrics['perplexity_after']:.2f} after"
        )
    outcome = Outcome(folder, finished, trainer.state.global_step, tokens.total, metrics)
    if finished:
        state = trainer.accelerator.get_state_dict(trainer.model_wrapped) if checked.launch.divided else None
        if main:
            save = full.save if recipe.full else adapter.save
            made = run.model if recipe.full else run.adapter
            save(trainer.model, checked.tokenizer, base.model.generation_config, made, state)
            finish(checked, run, made, inputs, outcome)
            shutil.rmtree(run.path / "examples", ignore_errors=True)
        distributed.wait()
    return outcome


def begin(checked: Checked, run: RunFolder, inputs: Mapping[str, Any], resume: bool) -> Path | None:
    """The run's folder made by the main process, and what to go on from. Raises RunError where that would mix two runs."""
    if checked.launch.main:
        run.begin(checked.recipe, inputs, resume)
        if checked.course is not None and not resume:
            (run.path / corpus.COURSE).write_text(corpus.as_lines(checked.course), "utf-8")
    distributed.wait()
    return run.last_checkpoint() if resume else None


def load(checked: Checked) -> base_model.Base:
    """The base as the stage holds it: in 4 bits, in the computed format, or in fp32 where every weight is trained."""
    recipe, sharing = checked.recipe, checked.launch.sharing
    name, revision = recipe.model, recipe.revision
    if recipe.full and checked.parent:
        name, revision = str(checked.parent.model), None
    return base_model.load(
        name,
        revision,
        "fp32" if recipe.full else recipe.quantization,
        checked.precision,
        checked.tokenizer,
        recipe.quantization_storage,
        whole=not (recipe.full and (sharing == "fsdp" or sharing.startswith("zero"))),
    )


def finish(checked: Checked, run: RunFolder, made: Path, inputs: Mapping[str, Any], outcome: Outcome) -> None:
    """Model card and manifest, beside what was `made`."""
    from training import card

    result = {
        "stage": checked.recipe.stage,
        "recipe": checked.recipe.resolved(),
        "steps": outcome.steps,
        "tokens": outcome.tokens,
        "metrics": outcome.metrics,
        **inputs,
    }
    for place in (run.path, made):
        (place / "README.md").write_text(card.write(checked.recipe, inputs, result), "utf-8")
    run.finish(result)


def best_step(state: Any) -> int | None:
    """Of the checkpoint that the trainer took back at the end; None where it has none."""
    return int(state.best_model_checkpoint.rpartition("-")[2]) if state.best_model_checkpoint else None


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
