"""`tutor train` on the terminal: what is told before anything loads, and what a run ends with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tutor.cli.main import main

RECIPE = Path(__file__).parents[2] / "recipes" / "smollm2-sft.yaml"
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
    assert "tutor: this needs about 0.0 GB and this machine has 0.0; most is activations" in small.stderr


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
        ("learning_rat=1", "trainer.learning_rat is unknown, did you mean learning_rate?"),
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
