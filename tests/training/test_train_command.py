"""`tutor train` on the terminal: what is told before anything loads, and what a run ends with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from index_store.course import Library
from tutor.cli.main import main

RECIPES = Path(__file__).parents[2] / "recipes"
RECIPE = RECIPES / "smollm2-sft.yaml"
Tutor = Callable[..., Result]


@pytest.fixture
def tutor(tiny_model: Path, examples: dict[str, Path]) -> Tutor:
    """The small model's recipe on the tiny model; arguments are overrides and flags."""

    def call(*arguments: object) -> Result:
        settings = [
            f"model={tiny_model}",
            f"data.train={examples['sft']}",
            "max_length=96",
            "lora.rank=4",
            *map(str, arguments),
        ]
        return CliRunner().invoke(main, ["train", str(RECIPE), *settings])

    return call


def test_the_plan_shows_the_examples_and_the_memory_and_loads_no_weights(tutor: Tutor, tmp_path: Path) -> None:
    planned = tutor("--plan", "--out", tmp_path / "run")
    assert planned.exit_code == 0, planned.output
    assert "sft.jsonl: 24 examples, " in planned.output
    assert "<|start|>user\n0 and 3?<|turn|><|start|>assistant\n\u27e63.<|turn|>\u27e7" in planned.output
    assert "  optimizer    " in planned.output
    assert not (tmp_path / "run").exists()
    small = tutor("--plan", "--memory-gb", "0.0001")
    assert small.exit_code == 2
    assert tutor("--memory-gb", "9").exit_code == 2  # what is planned for another machine is not trained here
    elsewhere = tutor("--plan", "--memory-gb", "9").output
    assert "CUDA context" in elsewhere  # a GPU's plan, though there is none
    assert "CUDA context" not in planned.output
    assert "and the memory given has 0.0; most is" in small.stderr


def test_a_run_ends_with_what_was_made(tutor: Tutor, tmp_path: Path) -> None:
    done = tutor("max_steps=1", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert "step 1 of 1: loss " in done.output
    assert done.output.splitlines()[-1].startswith(f"{tmp_path / 'run'}: 1 steps, ")
    assert (tmp_path / "run" / "manifest.json").is_file()
    again = tutor("max_steps=1", "--out", tmp_path / "run")
    assert again.exit_code == 2
    assert "holds a complete run" in again.stderr


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ("learning_rat=1", "learning_rat is unknown, did you mean learning_rate?"),
        ("data.train=nowhere.jsonl", "nowhere.jsonl: no such file"),
        ("rank", "rank: not of the form key=value"),
        ("model=no/where", "needs its revision pinned"),
    ],
)
def test_what_cannot_be_is_one_line(tutor: Tutor, setting: str, part: str) -> None:
    refused = tutor(setting)
    assert refused.exit_code == 2
    assert [line.startswith("tutor: ") for line in refused.stderr.splitlines()] == [True]
    assert part in refused.stderr


def test_a_model_reads_a_course_and_its_folder_keeps_what_was_read(
    tiny_model: Path, sample_library: Library, tmp_path: Path
) -> None:
    settings = [f"model={tiny_model}", "data.course=sample", "max_length=512", "max_steps=1", "lora.rank=4"]
    settings += ["gradient_accumulation_steps=1", "eval_strategy=no"]
    command = ["train", str(RECIPES / "smollm2-cpt.yaml"), *settings, "--home", str(sample_library.home)]
    run = tmp_path / "run"
    done = CliRunner().invoke(main, [*command, "--out", str(run)])
    assert done.exit_code == 0, done.output + done.stderr
    assert "held out to measure perplexity: " in done.output
    assert "perplexity on held-out text: " in done.output
    kept = [json.loads(line) for line in (run / "course.jsonl").read_text("utf-8").splitlines()]
    assert {row["book"] for row in kept} == {book.title for book in sample_library.course("sample").manifest().books}
    held = json.loads((run / "manifest.json").read_text("utf-8"))["data"]["validation"]["held_out"]
    assert 0 < len(held) < len(kept)
    unknown = CliRunner().invoke(main, [*command, "data.course=nowhere", "--out", str(tmp_path / "other")])
    assert unknown.exit_code == 2
    assert unknown.stderr.startswith("tutor: no course 'nowhere'")


def test_what_was_trained_is_named_at_the_end(tiny_model: Path, examples: dict[str, Path], tmp_path: Path) -> None:
    for name, made in (("smollm2-full-sft", "model"), ("smollm2-prompt", "virtual tokens")):
        settings = [f"model={tiny_model}", f"data.train={examples['sft']}", "max_length=128", "max_steps=1"]
        command = ["train", str(RECIPES / f"{name}.yaml"), *settings, "--out", str(tmp_path / name)]
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 0, done.output + done.stderr
        assert done.output.splitlines()[-1].endswith(f"tokens; {made}, curves and model card are there.")
