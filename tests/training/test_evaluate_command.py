"""`tutor evaluate preferences`, `perplexity`, `stages` and `tutor quantize-report` on the terminal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
from click.testing import CliRunner, Result

from training import stage
from training.recipe import Recipe
from tutor.cli.main import main


def tutor(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_preferences_are_told_with_reference_ties_and_lengths(tiny_model: Path, examples: dict[str, Path]) -> None:
    pairs = examples["dpo-validation"]
    alone = tutor("evaluate", "preferences", pairs, "--model", tiny_model)
    assert alone.exit_code == 0, alone.output
    assert "reference  none: name one with --reference for accuracy" in alone.output
    assert "policy alignment " in alone.output
    against = tutor("evaluate", "preferences", pairs, "--model", f"{tiny_model}@nf4", "--reference", tiny_model, "--json")
    assert against.exit_code == 0, against.output
    found = json.loads(against.stdout)
    assert found["accuracy"]["right"] + found["accuracy"]["ties"] <= found["pairs"] == 4
    assert (found["beta"], found["equal_length"]) == (0.1, 0)
    assert found["reference_alignment"]["share"]["value"] in (0, 0.25, 0.5, 0.75, 1)
    itself = tutor("evaluate", "preferences", pairs, "--model", tiny_model, "--reference", tiny_model)
    assert "0 of 4, 4 ties" in itself.output


def test_perplexity_says_what_was_scored(tiny_model: Path, examples: dict[str, Path], tmp_path: Path) -> None:
    rows = tutor("evaluate", "perplexity", examples["validation"], "--model", tiny_model)
    assert rows.exit_code == 0, rows.output
    assert "4 rows, 8 tokens scored (completions only)" in rows.output  # a letter and the token that ends the turn, each
    file = tmp_path / "text.txt"
    file.write_text("a" * 100, "utf-8")
    text = tutor("evaluate", "perplexity", file, "--model", tiny_model, "--window", 30, "--stride", 10)
    assert "8 windows, 99 tokens scored (windows of 30 tokens, stride 10)" in text.output


def test_the_stage_table_is_told_and_written(tiny_model: Path, examples: dict[str, Path], tmp_path: Path) -> None:
    arguments = ["evaluate", "stages", f"base={tiny_model}", f"nf4={tiny_model}@nf4", "--examples", examples["validation"]]
    arguments += ["--answers", 1, "--answer-tokens", 4, "--max-length", 200, "--out", tmp_path / "table"]
    made = tutor(*arguments)
    assert made.exit_code == 0, made.output
    assert "NLL of completions (4 items)" in made.stdout
    assert {file.name for file in (tmp_path / "table").iterdir()} == {"stages", "stages.md", "stages.json", "stages.png"}
    assert "base: measured before" in tutor(*arguments).stderr


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["evaluate", "preferences", "nowhere.jsonl", "--model", "MODEL"], "nowhere.jsonl: no such file"),
        (["evaluate", "preferences", "P", "--model", "nowhere/model"], "needs its revision pinned"),
        (["evaluate", "perplexity", "nowhere.txt", "--model", "MODEL"], "nowhere.txt: no such file"),
        (["evaluate", "perplexity", "P", "--model", "MODEL", "--window", "8", "--stride", "8"], "does not fit windows of 8"),
        (["evaluate", "perplexity", "T", "--model", "MODEL", "--window", "4096"], "reads 2048 tokens at most"),
        (["evaluate", "preferences", "T", "--model", "MODEL", "--max-length", "4096"], "no such file"),
        (["evaluate", "stages", "MODEL", "--out", "O"], "not of the form NAME=MODEL"),
        (["evaluate", "stages", "base=MODEL", "--out", "O"], "nothing to measure"),
        (["quantize-report", "MODEL", "--text", "T", "--out", "O", "--kinds", "int3"], "--kinds int3: not a format"),
        (["quantize-report", "./nowhere", "--text", "T", "--out", "O"], "no such folder"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], part: str, tiny_model: Path) -> None:
    refused = tutor(*(argument.replace("MODEL", str(tiny_model)) for argument in arguments))
    assert refused.exit_code == 2
    assert [line.startswith("tutor: ") for line in refused.stderr.splitlines()] == [True]  # before anything loads
    assert part in refused.stderr


def test_the_quantization_table_is_told_and_written(tiny_model: Path, examples: dict[str, Path], tmp_path: Path) -> None:
    made = tutor(
        "quantize-report", tiny_model, "--text", examples["validation"], "--kinds", "gguf-q4_0", "--out", tmp_path / "out"
    )
    assert made.exit_code == 0, made.output
    assert "| GGUF Q4_0 | " in made.stdout
    assert (tmp_path / "out" / "quantization.png").is_file()
    again = tutor("quantize-report", tiny_model, "--text", examples["validation"], "--out", tmp_path / "out")
    assert again.exit_code == 2
    assert "holds a report already" in again.stderr


def test_a_report_without_its_reference_is_none(tiny_model: Path, examples: dict[str, Path], tmp_path: Path) -> None:
    model = tmp_path / "cut"
    shutil.copytree(tiny_model, model)
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])
    refused = tutor("quantize-report", model, "--text", examples["validation"], "--out", tmp_path / "out")
    assert refused.exit_code == 2
    assert "cannot be measured in full precision" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_weights_that_compute_nothing_are_told(tiny_model: Path, examples: dict[str, Path], tmp_path: Path) -> None:
    model = tmp_path / "nan"
    shutil.copytree(tiny_model, model)
    held = safetensors.torch.load_file(model / "model.safetensors")
    safetensors.torch.save_file(
        {name: weight * float("nan") for name, weight in held.items()}, model / "model.safetensors", {"format": "pt"}
    )
    refused = tutor("evaluate", "preferences", examples["dpo-validation"], "--model", model)
    assert refused.exit_code == 2
    assert "computes no numbers (NaN)" in refused.stderr


def test_a_run_is_not_measured_in_silence_on_what_it_learned(
    tiny_recipe: Callable[..., Recipe], examples: dict[str, Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    stage.run(stage.check(tiny_recipe("sft", "max_steps=1")), run)
    assert "was trained on this file" in tutor("evaluate", "perplexity", examples["sft"], "--model", run).stderr
    assert "was trained on" not in tutor("evaluate", "perplexity", examples["validation"], "--model", run).stderr
    # A run where a model is wanted.
    refused = tutor("quantize-report", run, "--text", examples["validation"], "--out", tmp_path / "out")
    assert "Merge it first" in refused.stderr
    asked = tutor("train", Path(__file__).parents[2] / "recipes" / "smollm2-sft.yaml", f"model={run}", "data.train=x.jsonl")
    assert f"Merge it (tutor merge {run})" in asked.stderr
