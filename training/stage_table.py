"""The way through the stage table: each stage loaded, measured on the same items, kept on disk, freed; then the table.

    base=smollm2-135m sft=runs/sft dpo=runs/dpo merged=runs/merged exported=model.gguf

What is kept of a stage (`stages/NAME.json`) is its score of every item, so that a run that was ended goes on with the next, and
all figures are computed from the files at the end (training/stage_report.py). Knows nothing of how the models came to be.
"""

from __future__ import annotations

import dataclasses
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import answers, data, items, run_folder, scored_model, scoring
from training.base_model import Base
from training.errors import RunError
from training.items import Items
from training.scored_model import ScoredModel

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Notify = Callable[[str], None]
Judge = Callable[[str, Base], Mapping[str, bool]]
"""From a stage's name and its loaded model to which items of a sheet it has right, by id."""
SECONDS = 30  # between two lines on how far scoring is


@dataclass(frozen=True)
class Plan:
    """What every stage is measured on. `longest`: most tokens of a prompt with its answer; longer rows are left out.

    `answers`: of how many `examples`, drawn by `seed`, the greedy answers of at most `answer_tokens` tokens are kept.
    """

    pairs: Path | None = None
    examples: Path | None = None
    general: Path | None = None
    longest: int = 2048
    window: int = items.WINDOW
    stride: int | None = None
    answers: int = 0
    answer_tokens: int = 200
    seed: int = 0

    def settings(self) -> dict[str, Any]:
        files = {name: getattr(self, name) for name in ("pairs", "examples", "general")}
        plain = {name: value for name, value in dataclasses.asdict(self).items() if name not in files}
        return {**plain, "files": {name: run_folder.sha256(file) if file else None for name, file in files.items()}}


@dataclass(frozen=True)
class Stage:
    """A name in the table, and the model behind it. `reference`: the stage that its accuracy is measured against."""

    name: str
    model: ScoredModel
    reference: str | None


def stages(given: Sequence[str]) -> list[Stage]:
    """From NAME=MODEL to stages. Raises TrainingError for what cannot be a table."""
    pairs = [text.partition("=") for text in given]
    for text, (name, equals, model) in zip(given, pairs, strict=True):
        if not equals or not model or not re.fullmatch(r"[\w.-]+", name):
            raise RunError(f"{text}: not of the form NAME=MODEL, such as sft=runs/sft.")
    names = [name for name, _, _ in pairs]
    if len(set(names)) < len(names):
        raise RunError(f"two stages have the same name ({', '.join(names)}). Give each its own.")
    made: list[Stage] = []
    for name, _, model in pairs:
        found = scored_model.named(model)
        made.append(Stage(name, found, _reference(name, found, made)))
    return made


def _reference(name: str, model: ScoredModel, before: Sequence[Stage]) -> str | None:
    """A run's is what it was trained against; of what is no run (merged, exported), that of the run before it."""
    parent = (model.trained or {}).get("parent") if model.stage == "dpo" else None
    hash_of_parent = (parent or {}).get("adapter")
    for stage in before if hash_of_parent else ():
        adapter = stage.model.adapter  # known by its weights: a run that was moved is the same run
        if adapter and run_folder.sha256(adapter / scored_model.ADAPTER) == hash_of_parent:
            return stage.name
    wanted = scored_model.reference_of(model)
    if wanted is None:
        return next((stage.reference for stage in reversed(before) if stage.model.run), None)
    folder = Path(wanted)
    for stage in before:
        if stage.model.run and folder.is_dir() and stage.model.run.path.resolve() == folder.resolve():
            return stage.name
    plain = [stage for stage in before if not stage.model.run]
    same = [stage for stage in plain if stage.model.model == wanted.removesuffix("@nf4").partition("@")[0]]
    if (folder.is_dir() and (folder / "manifest.json").is_file()) or not plain:
        raise RunError(f"{name}: was trained against {wanted}, which is no stage before it. Put NAME={wanted} there.")
    return (same or plain)[0].name


def measure(
    plan: Plan,
    given: Sequence[Stage],
    folder: Path,
    notify: Notify = lambda message: None,
    judges: Mapping[str, Judge] | None = None,
) -> list[dict[str, Any]]:
    """What is kept of each stage, in order; stages that `folder` has are not measured again. Raises TrainingError.

    `judges`: further measures, each by what it is called in the table.
    """
    judges = judges or {}
    if not (plan.pairs or plan.examples or plan.general or judges):
        raise RunError("nothing to measure. Give --pairs, --examples, --general or --mcqa.")
    if plan.answers and not plan.examples:
        raise RunError("answers are written to the prompts of --examples. Give that too.")
    scored_model.quiet(stage.model for stage in given)
    kept = folder / "stages"
    settings = {stage.name: _settings(plan, stage, judges) for stage in given}
    files = {stage.name: kept / f"{stage.name}.json" for stage in given}
    rows = {name: _kept(files[name], settings[name]) for name in files}
    tokenizer = scored_model.tokenizer_for(given[0].model, max(plan.longest, plan.window))
    for found in read(plan, tokenizer).values():  # what is wrong with a file is told before weights load
        notify(f"{found.file}: {items.counted(len(found.keys), found.kind)} {found.left_out()}".rstrip())
    learned = {stage.name: learned_by(stage.model, plan) for stage in given}
    for name, files_learned in learned.items():
        for file in files_learned:
            notify(scored_model.memory_too(name, file))
    kept.mkdir(parents=True, exist_ok=True)
    for stage in given:
        if rows[stage.name] is not None:
            notify(f"{stage.name}: measured before")
            continue
        begun = time.monotonic()
        notify(f"{stage.name}: loading {stage.model.name} ({stage.model.held})")
        row = {"settings": settings[stage.name], **_measured(plan, stage, judges, notify)}
        run_folder.write_json(files[stage.name], row)
        rows[stage.name] = row
        scored_model.free()
        notify(f"{stage.name}: done in {time.monotonic() - begun:,.0f} seconds")
    return [
        {"name": stage.name, "reference": stage.reference, "learned": learned[stage.name], **(rows[stage.name] or {})}
        for stage in given
    ]


def learned_by(model: ScoredModel, plan: Plan) -> list[str]:
    """Files of `plan` that the model was trained on."""
    files = [file for file in (plan.pairs, plan.examples, plan.general) if file]
    return [str(file) for file in files if scored_model.learned(model, run_folder.sha256(file))]


def read(plan: Plan, tokenizer: PreTrainedTokenizerBase) -> dict[str, Items]:
    """The items by what they are for, as `tokenizer` reads them. Raises DataError."""
    found: dict[str, Items] = {}
    if plan.pairs:
        found["pairs"] = items.rows(plan.pairs, "dpo", tokenizer, plan.longest)
    if plan.examples:
        found["examples"] = items.rows(plan.examples, "sft", tokenizer, plan.longest)
    if plan.general:
        found["general"] = items.text(plan.general, tokenizer, plan.window, plan.stride)
    return found


def _measured(plan: Plan, stage: Stage, judges: Mapping[str, Judge], notify: Notify) -> dict[str, Any]:
    base = scored_model.load(stage.model)
    scores: dict[str, Any] = {}
    digests: dict[str, str] = {}
    for name, found in read(plan, base.tokenizer).items():
        flat = iter(scoring.score(base, found.flat, told=_told(f"{stage.name}: {name}", notify)))
        digests[name] = found.digest
        scores[name] = {
            key: [[score.log_prob, score.tokens] for score in (next(flat) for _ in texts)]
            for key, texts in zip(found.keys, found.texts, strict=True)
        }
    written = []
    if plan.answers and plan.examples:
        asked = answers.chosen(data.read(plan.examples, "sft").rows, plan.answers, plan.seed)
        notify(f"{stage.name}: {len(asked)} answers")
        texts = answers.write(base, asked, plan.answer_tokens)
        written = [
            {
                "line": example.line,
                "prompt": data.plain(example.fields["prompt"]),
                "expected": data.plain(example.fields["completion"]),
                **dataclasses.asdict(text),
            }
            for example, text in zip(asked, texts, strict=True)
        ]
    judged = {name: dict(judge(stage.name, base)) for name, judge in judges.items()}
    held = {"model": stage.model.name, "held": stage.model.held, "device": base.precision.device}
    return {**held, "tokens": digests, "scores": scores, "answers": written, "judged": judged}


def _settings(plan: Plan, stage: Stage, judges: Mapping[str, Judge]) -> dict[str, Any]:
    versions = {name: version for name, version in run_folder.versions().items() if name in ("torch", "transformers", "peft")}
    return {**plan.settings(), "judges": sorted(judges), "identity": stage.model.identity(), "versions": versions}


def _kept(file: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was kept of a stage; None where there is nothing. Raises RunError where it was measured otherwise."""
    row = run_folder.read_json(file)
    if row is None:
        return None
    before, now = row.get("settings", {}), json.loads(json.dumps(settings))
    others = [name for name, digest in now["files"].items() if before.get("files", {}).get(name) != digest]
    changed = [f"--{name} is another file" if now["files"][name] else f"there was a file for --{name}" for name in others]
    changed += run_folder.differences({**before, "files": None}, {**now, "files": None}, "")
    if changed:
        raise RunError(f"{file}: was measured otherwise: {'; '.join(changed[:3])}. Choose another --out, or remove the file.")
    return row


def _told(what: str, notify: Notify) -> scoring.Told:
    last = time.monotonic()

    def told(done: int, of: int) -> None:
        nonlocal last
        if done < of and time.monotonic() - last > SECONDS:
            last = time.monotonic()
            notify(f"{what}, {done / of:.0%} of {of:,} tokens")

    return told
