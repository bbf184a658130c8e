"""The model card of a finished run, in the hub's format: front matter that tools read, then what a person needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.base_model import BUILT_IN, BUILT_IN_LICENCE, BUILT_IN_ON_THE_HUB
from training.recipe import Recipe

NAMES = {
    "cpt": "continued pre-training",
    "sft": "supervised fine-tuning",
    "dpo": "direct preference optimization",
    "prompt_tuning": "prompt tuning",
}


def write(recipe: Recipe, inputs: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """Markdown with front matter."""
    from huggingface_hub import ModelCardData

    front = ModelCardData(
        **of_base(recipe.model),
        library_name="transformers" if recipe.full else "peft",
        pipeline_tag="text-generation",
        tags=["full" if recipe.full else "lora" if recipe.lora else "prompt-tuning", recipe.stage, "trl", "course-tutor"],
    ).to_yaml()
    rows = [("base model", called(recipe.model) + (f" at {recipe.revision}" if recipe.revision else ""))]
    rows += [("base held as", recipe.quantization), ("trained in", result["precision"]), ("stage", NAMES[recipe.stage])]
    if recipe.parent:
        kind = "model" if recipe.full else "adapter"
        rows.append((f"{kind} trained further", f"{recipe.parent.name} (sha256 {inputs['parent'][kind][:16]}...)"))
    if recipe.full:
        rows.append(("trained", "every weight, in fp32"))
    if recipe.prompt:
        rows.append(("virtual tokens", f"{recipe.prompt.tokens}, at first those of: {' '.join(recipe.prompt.init.split())}"))
    if recipe.lora:
        stabilized = ", rank-stabilized" if recipe.lora.rslora else ""
        rows.append(
            ("LoRA", f"rank {recipe.lora.rank}, scale {recipe.lora.scale:g}{stabilized}, on {', '.join(recipe.lora.targets)}")
        )
    rows += [("steps, tokens", f"{result['steps']:,}, {result['tokens']:,}")]
    for name, value in result["metrics"].items():
        label = name.replace("_", " ") if name.startswith("perplexity") else f"final {name}"
        rows.append((label, f"{value:.4f}"))
    kind = "documents" if recipe.stage == "cpt" else "examples"
    rows += [
        (f"data: {name}", f"{Path(file['file']).name}, {file['examples']:,} {kind}, sha256 {file['sha256'][:16]}...")
        for name, file in inputs["data"].items()
    ]
    rows += [(name, version) for name, version in inputs["versions"].items()]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    made = "Model" if recipe.full else "Virtual tokens" if recipe.prompt else "Adapter"
    only = "Virtual tokens are of use on their" if recipe.prompt else "An adapter is of use on its"
    use = "" if recipe.full else f"{only} base model only, with this folder's tokenizer and chat template. "
    return (
        f"---\n{front}\n---\n\n# {made} by {NAMES[recipe.stage]}\n\n| | |\n|---|---|\n{table}\n\n"
        "Trained with `tutor train`; the run's folder holds the resolved recipe, the curves and every file's hash.\n\n"
        f"## Limits\n\n{use}"
        "It was measured on the data above and nothing else; evaluate it on your course before students meet it. "
        "The base model's licence holds for this too.\n"
    )


def of_base(model: str) -> dict[str, Any]:
    """What a card's front matter says of the base, as far as it is known: a hub's name, and of the built-in one its licence."""
    if model == BUILT_IN:
        return {"base_model": BUILT_IN_ON_THE_HUB, "license": BUILT_IN_LICENCE}
    return {"base_model": model} if on_the_hub(model) else {}


def called(model: str) -> str:
    """A hub's name, or the last part of a path, whose rest says nothing to others but where somebody's home is."""
    return model if on_the_hub(model) else Path(model).name


def on_the_hub(model: str) -> bool:
    return "/" in model and not model.startswith((".", "/", "~"))
