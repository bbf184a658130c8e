"""The model card of a merged model, in the hub's format. Knows nothing of how it was made but what merge.json says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.card import NAMES, called, of_base
from training.recipe import Recipe


def write(recipe: Recipe, record: Mapping[str, Any]) -> str:
    """Markdown with front matter."""
    from huggingface_hub import ModelCardData

    front = ModelCardData(
        **of_base(recipe.model),
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=[recipe.stage, "course-tutor"],
    ).to_yaml()
    stage = NAMES.get(recipe.stage, recipe.stage)
    text = record["held_out"]
    rows = [("base model", called(recipe.model) + (f" at {recipe.revision}" if recipe.revision else ""))]
    rows += [("last stage", stage), ("adapter", f"sha256 {record['adapter'][:16]}...")]
    rows += [("merged into", record["merged_into"]), ("weights saved in", record["dtype"])]
    rows += [("measured on", f"{text['tokens']} tokens of {text['rows']} rows, {text['source']}")]
    rows += [("NLL of the adapter on its base", f"{record['reference_nll']:.4f}")]
    for way, found in record["candidates"].items():
        rows.append(
            (
                f"merged into {way}",
                f"KL {found['kl']:.2g}, NLL {found['nll']:.4f}, top-1 {found['top1']:.1%}, greedy {found['greedy']:.0%}",
            )
        )
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return (
        f"---\n{front}\n---\n\n# Merged model, last trained by {stage}\n\n| | |\n|---|---|\n{table}\n\n"
        "KL is that of the adapter's next-token distribution to the merged model's, nats a token; top-1 and greedy (whole "
        "answers) are shares on which both agree. `merge.json` has lineage and every file's hash.\n\n"
        "## Use\n\n```\ntutor chat --model THIS_FOLDER\nvllm serve THIS_FOLDER\ntutor export THIS_FOLDER --to gguf\n```\n\n"
        "## Limits\n\nIt was measured on the text above and nothing else; evaluate it on your course before students meet it. "
        "The base model's licence holds for this one too.\n"
    )
