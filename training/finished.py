"""A complete run, opened for what comes after training: its files are the ones that it wrote, and its base is the one it had.

Knows nothing of merging or exporting.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training import recipe
from training.errors import RunError
from training.recipe import Recipe
from training.run_folder import RunFolder, existing


@dataclass(frozen=True)
class Finished:
    run: RunFolder
    recipe: Recipe
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        return self.run.path.resolve().name

    @property
    def adapter_sha256(self) -> str:
        return str(self.manifest["files"]["adapter/adapter_model.safetensors"])


def open_run(folder: Path) -> Finished:
    """The run in `folder`. Raises RunError where it is not complete, not what was written, or has no LoRA adapter."""
    run = existing(folder)
    manifest = run.manifest
    place = shlex.quote(str(folder))
    if manifest is None:
        raise RunError(
            f"{folder}: not a complete run (no manifest.json). Go on with: "
            f"tutor train {place}/recipe.yaml --out {place} --resume"
        )
    if manifest["recipe"].get("full"):
        raise RunError(
            f"{folder}: trained every weight, so it has no adapter to merge or export. Its model is whole: "
            f"tutor chat --model {place}/model, tutor export {place} --to gguf."
        )
    files = manifest["files"]
    run.require_unchanged(manifest, (path for path in files if path.startswith(("adapter/", "recipe.yaml"))))
    if "adapter/adapter_model.safetensors" not in files or lora_config(run.adapter)["peft_type"] != "LORA":
        raise RunError(f"{folder}: a {manifest['stage']} run without a LoRA adapter; there is nothing to merge or export.")
    return Finished(run, recipe.load(folder / "recipe.yaml"), manifest)


def lora_config(adapter: Path) -> dict[str, Any]:
    """PEFT's description of the adapter in the folder. Raises RunError where there is none."""
    try:
        read = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{adapter / 'adapter_config.json'}: cannot be read ({error}). Train again, or restore it.") from error
    if not isinstance(read, dict) or "peft_type" not in read:
        raise RunError(f"{adapter / 'adapter_config.json'}: does not describe an adapter. Train again, or restore it.")
    return read
