"""The folder of one run: what went in, what is on the way, what came out. `manifest.json` is written last, so its being there
means that the run is complete.

    recipe.yaml    the resolved recipe          inputs.json   hashes of data, base and parent; library versions
    checkpoints/   to go on from                curves.jsonl, curves.png
    adapter/       adapter (or virtual tokens), tokenizer, stop tokens; model/ where every weight was trained
    perplexity.json  before, of a CPT run       course.jsonl  its text, where a course was read
    README.md, manifest.json

Knows nothing of how a stage trains.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from training.errors import RunError
from training.recipe import Recipe

# The stages that each goes on from.
PARENTS = {"cpt": ("cpt",), "sft": ("cpt", "sft"), "dpo": ("sft",), "prompt_tuning": ()}
TOKENS = "tokens.json"
BEGUN = (
    "recipe.yaml",
    "inputs.json",
    "course.jsonl",
    "examples",
    "checkpoints",
    "curves.jsonl",
    "curves.png",
    "perplexity.json",
)
LIBRARIES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate", "datasets", "liger-kernel")


@dataclass(frozen=True)
class RunFolder:
    path: Path

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    @property
    def model(self) -> Path:
        """Of a run that trained every weight."""
        return self.path / "model"

    @property
    def perplexity(self) -> Path:
        return self.path / "perplexity.json"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def curves(self) -> Path:
        return self.path / "curves.jsonl"

    @property
    def manifest(self) -> dict[str, Any] | None:
        """None where the run is not complete. Raises RunError for one that cannot be read, or is no run's."""
        made = read_json(self.path / "manifest.json")
        if made is not None:
            recipe, files = made.get("recipe"), made.get("files")
            whole = isinstance(recipe, dict) and isinstance(files, dict) and "model" in recipe and "stage" in made
            if not whole or not isinstance(recipe.get("lora") or {}, dict):  # type: ignore[union-attr]
                raise RunError(f"{self.path / 'manifest.json'}: not the manifest of a run. Restore it from a copy.")
        return made

    def require_unchanged(self, done: Mapping[str, Any], names: Iterable[str]) -> None:
        """Raises RunError for a file of `names` that is not what the run wrote by `done`, its manifest."""
        for name in names:
            if done["files"].get(name) != sha256(self.path / name):
                raise RunError(f"{self.path / name}: is not the file that the run wrote. Train again, or restore it.")

    @contextmanager
    def held(self) -> Iterator[None]:
        """No other process trains into the folder meanwhile. Raises RunError where one does."""
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        self.path.mkdir(parents=True, exist_ok=True)
        held = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(
                    f"{self.path}: another process trains into it. Wait for its end, or choose another --out."
                ) from None
            yield
        finally:
            os.close(held)

    def last_checkpoint(self) -> Path | None:
        """The newest that was written to its end, which its count of tokens says: it comes last."""
        found = {int(path.name.split("-")[1]): path for path in self.checkpoints.glob("checkpoint-[0-9]*") if whole(path)}
        return found[max(found)] if found else None

    def begin(self, recipe: Recipe, inputs: Mapping[str, Any], resume: bool) -> Path | None:
        """Make the folder, or find the checkpoint to go on from. Raises RunError where that would mix two runs."""
        written = self.path / "recipe.yaml"
        if self.manifest is not None:
            raise RunError(f"{self.path}: holds a complete run. Choose another --out.")
        if not resume:
            if self.path.exists() and any(self.path.iterdir()):
                if self.last_checkpoint():
                    raise RunError(f"{self.path}: holds a run that was ended. Go on with --resume, or choose another --out.")
                if not self.without_a_step():
                    raise RunError(f"{self.path}: is not empty. Choose another --out.")
                for name in BEGUN:
                    remove(self.path / name)
            self.path.mkdir(parents=True, exist_ok=True)
            written.write_text(yaml.safe_dump(recipe.resolved(), sort_keys=False, allow_unicode=True), "utf-8")
            write_json(self.path / "inputs.json", inputs)
            return None
        before = read_json(self.path / "inputs.json")
        if before is None or not written.is_file():
            raise RunError(f"{self.path}: no run to go on with. Leave --resume out.")
        try:
            began = yaml.safe_load(written.read_text("utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError):
            began = None
        began_with = ("data", "base", "parent", "precision", "processes")
        parts: dict[str, Any] = {key: before[key] for key in began_with if key in before}
        if not isinstance(began, dict) or len(parts) < 3:
            raise RunError(f"{self.path}: recipe.yaml or inputs.json is damaged. Restore them, or start anew in another --out.")
        changed = [
            *differences(unplaced(began), unplaced(recipe.resolved()), "recipe."),
            *differences(unplaced(parts), unplaced(inputs), ""),
        ]
        if changed:
            raise RunError(
                f"{self.path}: cannot go on, for it began otherwise: {'; '.join(changed[:4])}. Start anew in another --out."
            )
        return self.last_checkpoint()  # None: nothing was kept yet, so it begins at the first step

    def without_a_step(self) -> bool:
        """Whether it holds nothing but what a run makes before its first checkpoint, which is made again in no time.

        A recipe.yaml alone may be somebody's own.
        """
        names = {path.name for path in self.path.iterdir()}
        begun = {"recipe.yaml", "inputs.json"} <= names <= set(BEGUN) and self.last_checkpoint() is None
        return begun and "versions" in (read_json(self.path / "inputs.json") or {})

    def finish(self, result: Mapping[str, Any]) -> None:
        """The manifest, last of all: the hash of every file that came out."""
        made = [*self.adapter.rglob("*"), *self.model.rglob("*"), *self.path.glob("*")]
        files = sorted(path for path in made if path.is_file())
        hashes = {str(path.relative_to(self.path)): sha256(path) for path in files if path.name != "manifest.json"}
        write_json(self.path / "manifest.json", {**result, "files": hashes})


def unfit(stage: str, before: str) -> str | None:
    """Why a run of the stage `before` cannot be the parent of `stage`; None where it can."""
    if before in PARENTS[stage]:
        return None
    if before == "prompt_tuning":
        return "it trained virtual tokens, which no stage goes on from (DPO's reference would lack them); give another run"
    if stage == "dpo" and before == "dpo":
        return "its policy would silently become the reference and margins start at 0; give the SFT run"
    if stage == "dpo":
        return "its model has not learned to answer yet, and would be the reference; train SFT on it first, then give that run"
    if stage == "cpt":
        return f"books would wash out what {before.upper()} taught; CPT comes before SFT: leave parent out, or give a CPT run"
    return f"{stage.upper()} goes on from {' or '.join(name.upper() for name in PARENTS[stage])} runs only"


def learned_from(manifest: Mapping[str, Any], digest: str) -> bool:
    """Whether the run of `manifest` was trained on the very file that has this sha256."""
    return bool(manifest["data"]["train"]["sha256"] == digest)


def existing(folder: Path) -> RunFolder:
    """The run in `folder`, complete or not. Raises RunError where there is no folder."""
    if not folder.is_dir():
        raise RunError(f"{folder}: no such run. Give the folder that `tutor train --out` wrote.")
    return RunFolder(folder)


def parent(folder: Path, stage: str, recipe: Recipe) -> RunFolder:
    """The run in `folder`, fit to be trained on by `stage`. Raises RunError with the reason where it is not."""
    run = existing(folder)
    done = run.manifest
    if done is None:
        raise RunError(
            f"{folder}: not a complete run (no manifest.json). Of a checkpoint, DPO would make its reference in the middle of "
            "the way; go on with --resume on the run's own folder, then give that."
        )
    reason = unfit(stage, done["stage"])
    if reason:
        raise RunError(f"{folder}: is a {done['stage']} run; {reason}.")
    before = done["recipe"]
    full = bool(before.get("full"))
    if full and not recipe.full:
        raise RunError(
            f"{folder}: trained every weight and left no adapter. Set full=true, or take its model as the base: parent=null "
            f"model={run.model}."
        )
    if recipe.full and not full:
        raise RunError(
            f"{folder}: trained an adapter. Leave full out; or merge it (tutor merge) and give that folder as model."
        )
    run.require_unchanged(done, (path for path in done["files"] if path.startswith(("adapter/", "model/"))))
    mine, lora = recipe.resolved()["lora"] or {}, before.get("lora") or {}
    for adapter in (mine, lora):
        adapter["targets"] = sorted(adapter.get("targets") or ())
    unlike = [
        f"lora.{name} {mine[name]} (there {lora[name]})"
        for name in ("rank", "scale", "rslora", "targets")
        if mine.get(name) != lora.get(name)
    ]
    unlike += [
        f"{name} {getattr(recipe, name)} (there {before.get(name)})"
        for name in ("model", "revision", "quantization")
        if place(getattr(recipe, name)) != place(before.get(name))
    ]
    if unlike:
        raise RunError(f"{folder}: does not fit this recipe: {'; '.join(unlike)}. Take its values.")
    return run


def whole(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / TOKENS).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return True


def unplaced(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe, or a run's inputs, without where files are: what they hold is known by hashes, and files are moved."""
    made = {key: unplaced(value) if isinstance(value, dict) else value for key, value in kept.items()}
    for key in ("train", "validation", "test", "parent", "model"):
        value = made.get(key)
        if isinstance(value, str) and Path(value).is_absolute():
            made[key] = "given"
    return {key: value for key, value in made.items() if key not in ("file", "folder")}


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def place(value: Any) -> Any:
    """The folder that a text names, however it is written; anything else as it is."""
    return Path(value).resolve() if isinstance(value, str) and Path(value).is_dir() else value


def versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def sha256(path: Path) -> str:
    """Of a file; "missing" where there is none."""
    if not path.is_file():
        return "missing"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def differences(one: Mapping[str, Any], two: Mapping[str, Any], prefix: str) -> list[str]:
    found = []
    for key in one:
        if isinstance(one[key], dict) and isinstance(two.get(key), dict):
            found += differences(one[key], two[key], f"{prefix}{key}.")
        elif one[key] != two.get(key):
            found.append(f"{prefix}{key} was {one[key]}, now {two.get(key)}")
    return found


def read_json(path: Path) -> dict[str, Any] | None:
    try:
        made = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise RunError(f"{path}: not valid JSON ({error}). Train again in another folder.") from error
    if not isinstance(made, dict):
        raise RunError(f"{path}: not a JSON object. Train again in another folder.")
    return made


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, indent=1, ensure_ascii=False), "utf-8")
    os.replace(part, path)
