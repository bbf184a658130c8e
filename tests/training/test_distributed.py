"""Two processes train one model: one run folder, the same weights in both, and a Ctrl-C to either ends both."""

from __future__ import annotations

import json
import multiprocessing
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

from training import curves, distributed, stage
from training.distributed import Launch
from training.errors import RecipeError
from training.precision import Precision
from training.recipe import Recipe

Made = Callable[..., Recipe]
SCRIPT = Path(__file__).with_name("one_of_two.py")
# Imported once by a server that both processes are forked from: half of what a run of the tiny model takes.
LOADED = ["trl.trainer.sft_trainer", "trl.trainer.dpo_trainer", "peft", "training.dpo", "training.stage", "training.curves"]


@pytest.fixture(scope="module")
def server() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return context


@pytest.fixture
def both(server: multiprocessing.context.ForkServerContext, tmp_path: Path) -> Callable[..., list[tuple[bool, int, int]]]:
    """Runs a recipe in two processes; returns how it ended in each: finished, steps, tokens."""

    def run(recipe: Recipe, folder: Path, resume: bool = False, signal_to: int | None = None) -> list[tuple[bool, int, int]]:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        given = {"port": port, "written": recipe.resolved(), "folder": str(folder), "resume": resume}
        ranks = [
            server.Process(
                target=runpy.run_path,
                args=(str(SCRIPT), {"given": {**given, "rank": rank, "signal_at": 1 if signal_to == rank else None}}),
            )
            for rank in (0, 1)
        ]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join(120)
        assert [process.exitcode for process in ranks] == [0, 0]
        told = [Path(f"{folder}.rank{rank}.txt").read_text("utf-8").split() for rank in (0, 1)]
        return [(finished == "True", int(steps), int(tokens)) for finished, steps, tokens in told]

    return run


@pytest.mark.long
def test_two_processes_make_one_run_and_hold_the_same_weights(
    both: Callable[..., list[tuple[bool, int, int]]], tiny_recipe: Made, tmp_path: Path
) -> None:
    run = tmp_path / "sft"
    recipe = tiny_recipe("sft", "packing=false", "gradient_accumulation_steps=1", "per_device_train_batch_size=4")
    ends = both(recipe, run)
    assert ends[0] == ends[1]
    assert ends[0][:2] == (True, 4)
    one, two = (safetensors.torch.load_file(f"{run}.rank{rank}.safetensors") for rank in (0, 1))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    saved = safetensors.torch.load_file(run / "adapter" / "adapter_model.safetensors")
    assert {name.replace(".default", "") for name in one} == saved.keys()
    assert all(torch.equal(one[name], saved[name.replace(".default", "")]) for name in one)
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    assert manifest["processes"] == 2
    assert manifest["tokens"] == ends[0][2]
    assert [row["step"] for row in curves.read(run / "curves.jsonl") if "loss" in row] == [1, 2, 3, 4]
    # As one process with batches of twice the size: the same rows in each step, and so the same weights but for rounding.
    alone = stage.run(stage.check(tiny_recipe("sft", "packing=false", "per_device_train_batch_size=8")), tmp_path / "alone")
    assert alone.tokens == ends[0][2]
    expected = safetensors.torch.load_file(tmp_path / "alone" / "adapter" / "adapter_model.safetensors")
    assert all((expected[name] - saved[name]).norm() <= 0.02 * expected[name].norm() for name in saved)


@pytest.mark.long
def test_a_ctrl_c_to_one_ends_both_at_the_same_step_and_dpo_goes_on_to_the_same_weights(
    both: Callable[..., list[tuple[bool, int, int]]], tiny_recipe: Made, tmp_path: Path
) -> None:
    """DPO's reference is computed by both, and written for both by one."""
    sft = tmp_path / "sft"
    assert stage.run(stage.check(tiny_recipe("sft", "max_steps=1")), sft).finished
    recipe = tiny_recipe("dpo", f"parent={sft}", "max_steps=3")
    whole = both(recipe, tmp_path / "whole")
    first = curves.read(tmp_path / "whole" / "curves.jsonl")[0]
    assert first["loss"] == pytest.approx(0.693147, abs=1e-6)
    cut = both(recipe, tmp_path / "cut", signal_to=1)
    assert cut[0] == cut[1]
    assert cut[0][:2] == (False, 2)
    assert not (tmp_path / "cut" / "manifest.json").exists()
    again = both(recipe, tmp_path / "cut", resume=True)
    assert again == whole
    one, two = (
        safetensors.torch.load_file(tmp_path / run / "adapter" / "adapter_model.safetensors") for run in ("whole", "cut")
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not (tmp_path / "cut" / "examples").exists()


def test_what_the_launcher_says_is_understood() -> None:
    assert distributed.launch({}) == Launch(1, 0, 0, "none")
    two = {"WORLD_SIZE": "2", "RANK": "3", "LOCAL_RANK": "1"}
    assert distributed.launch(two) == Launch(2, 3, 1, "ddp")
    assert not distributed.launch(two).main
    fsdp = distributed.launch(two | {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "1"})
    assert (fsdp.sharing, fsdp.version, fsdp.divided) == ("fsdp", 1, True)
    offload = {"ACCELERATE_DEEPSPEED_ZERO_STAGE": "3", "ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE": "cpu"}
    zero = distributed.launch(two | {"ACCELERATE_USE_DEEPSPEED": "true"} | offload)
    assert (zero.sharing, zero.offload, zero.divided) == ("zero3", True, True)


def test_each_process_takes_its_own_gpu_and_one_alone_is_told_how_to_use_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRL raises after the base is loaded; every process would load it on the first GPU."""
    gpu = Precision("bf16", "cuda", True)
    taken: list[int] = []
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    distributed.take_device(Launch(2, 1, 1, "ddp"), gpu)
    assert taken == [1]
    with pytest.raises(RecipeError, match=r"2 GPUs are visible to one process\. Run: accelerate launch --config_file"):
        distributed.take_device(Launch(), gpu)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    distributed.take_device(Launch(), gpu)


def test_weights_are_not_divided_on_a_cpu(tiny_recipe: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accelerate says nothing and trains whole copies."""
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setattr(distributed, "launch", lambda: Launch(2, sharing="fsdp"))
    with pytest.raises(RecipeError, match="divides a model among GPUs only"):
        stage.check(tiny_recipe("sft", "quantization_storage=bf16"))


@pytest.mark.long
def test_the_shipped_launch_config_starts_the_command(tiny_model: Path, examples: dict[str, Path], tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", "recipes/accelerate/ddp.yaml"]
    given = [f"model={tiny_model}", f"data.train={examples['sft']}", "max_length=96", "max_steps=2", "lora.rank=4"]
    command = [*launcher, "--num_processes", "2", "-m", "tutor", "train", "recipes/smollm2-sft.yaml", *given]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "run")], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("step 1 of 2: loss") == 1  # one process speaks
    assert "each of 2 processes" in done.stdout
    assert (tmp_path / "run" / "manifest.json").is_file()
    again = subprocess.run(
        [*command, "--out", str(tmp_path / "run")], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert again.returncode != 0
    assert again.stderr.count("tutor: ") == 1
    assert "holds a complete run" in again.stderr
