"""Whole runs of the tiny model: SFT, DPO on its adapter, interruption and resumption, and the parents that are refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import pytest
import safetensors.torch
import torch

from training import base_model, curves, run_folder, scored_model, stage
from training.errors import DataError, RecipeError, RunError
from training.recipe import Recipe
from training.run_folder import RunFolder

Made = Callable[..., Recipe]


def weights(run: Path) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(run / "adapter" / "adapter_model.safetensors")


def train(recipe: Recipe, folder: Path, **options: object) -> stage.Outcome:
    return stage.run(stage.check(recipe), folder, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def sft_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs") / "sft"


@pytest.fixture
def sft(sft_run: Path, tiny_recipe: Made) -> Path:
    """An SFT run, made once."""
    if not sft_run.exists():
        assert train(tiny_recipe("sft"), sft_run).finished
    return sft_run


def test_a_run_learns_and_its_folder_tells_all_of_it(tiny_recipe: Made, examples: dict[str, Path], tmp_path: Path) -> None:
    told: list[str] = []
    recipe = tiny_recipe(
        "sft", f"data.validation={examples['validation']}", "eval_strategy=steps", "eval_steps=2", "max_steps=6"
    )
    run = tmp_path / "run"
    outcome = train(recipe, run, notify=told.append)
    logs = curves.read(run / "curves.jsonl")
    losses = [row["loss"] for row in logs if "loss" in row]
    assert losses[-1] < losses[0] - 0.3
    assert [row["step"] for row in logs if "eval_loss" in row] == [2, 4, 6]
    assert (run / "curves.png").read_bytes().startswith(b"\x89PNG")
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    assert manifest["data"]["train"]["sha256"] == run_folder.sha256(examples["sft"])
    assert manifest["versions"]["trl"]
    assert set(manifest["base"]["files"]) == {"model.safetensors"}
    assert manifest["files"]["adapter/adapter_model.safetensors"] == run_folder.sha256(
        run / "adapter/adapter_model.safetensors"
    )
    assert manifest["tokens"] == outcome.tokens > 0
    card = (run / "README.md").read_text("utf-8")
    assert card.startswith("---\nlibrary_name: peft\n")
    assert "| LoRA | rank 4, scale 2, rank-stabilized" in card
    assert "The base model's licence holds" in card
    assert any("validation loss" in line for line in told)


def test_the_adapters_folder_names_the_token_that_ends_a_turn(sft: Path) -> None:
    """Trained to close its turn with <|turn|> (98); the base's config knows <|end|> (96) only, at which it would not stop."""
    config = json.loads((sft / "adapter" / "generation_config.json").read_text("utf-8"))
    assert config["eos_token_id"] == [96, 98]
    assert json.loads((sft / "adapter" / "tokenizer_config.json").read_text("utf-8"))["eos_token"] == "<|turn|>"


def test_an_interrupted_run_goes_on_to_the_same_weights(tiny_recipe: Made, tmp_path: Path) -> None:
    """Ctrl-C saves; what goes on from there equals the run that was left alone, bit for bit: weights, curves and tokens."""
    recipe = tiny_recipe("sft", "max_steps=6", "lora.dropout=0.1")
    whole = train(recipe, tmp_path / "whole")

    def interrupt(message: str) -> None:
        if message.startswith("step 2 of 6"):
            os.kill(os.getpid(), signal.SIGINT)

    cut = train(recipe, tmp_path / "cut", notify=interrupt)
    assert not cut.finished
    assert cut.steps in (2, 3)
    assert not (tmp_path / "cut" / "manifest.json").exists()
    again = train(recipe, tmp_path / "cut", resume=True)
    assert (again.finished, again.steps, again.tokens) == (True, 6, whole.tokens)
    one, two = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    logs = [
        [(row["step"], row["loss"]) for row in curves.read(tmp_path / run / "curves.jsonl") if "loss" in row]
        for run in ("whole", "cut")
    ]
    assert logs[0] == logs[1]


def test_dpo_starts_at_its_parent_and_moves_every_weight_at_a_small_rate(sft: Path, tiny_recipe: Made, tmp_path: Path) -> None:
    """In bf16, as TRL leaves adapters, a rate of 1e-6 moves 2 % of them."""
    recipe = tiny_recipe("dpo", f"parent={sft}", "learning_rate=1e-6", "max_steps=3", "lr_scheduler_type=constant")
    assert train(recipe, tmp_path / "dpo").finished
    first = curves.read(tmp_path / "dpo" / "curves.jsonl")[0]
    assert first["loss"] == pytest.approx(0.693147, abs=1e-6)  # ln 2: the policy is the reference
    assert first["rewards/margins"] == 0
    before, after = weights(sft), weights(tmp_path / "dpo")
    assert before.keys() == after.keys()  # the reference's copy stays behind
    moved = sum(int((before[name] != after[name]).sum()) for name in before) / sum(map(torch.numel, before.values()))
    assert moved > 0.97
    assert {tensor.dtype for tensor in after.values()} == {torch.float32}


def test_dpo_learns_to_prefer_and_resumes_to_the_same_weights(
    sft: Path, tiny_recipe: Made, examples: dict[str, Path], tmp_path: Path
) -> None:
    evaluated = [f"data.validation={examples['dpo-validation']}", "eval_strategy=steps", "eval_steps=2", "save_steps=2"]
    recipe = tiny_recipe("dpo", f"parent={sft}", "early_stopping=2", "max_steps=4", *evaluated)
    whole = tmp_path / "whole"
    train(recipe, whole)
    rows = curves.read(whole / "curves.jsonl")
    margins = [row["rewards/margins"] for row in rows if "rewards/margins" in row]
    assert margins[-1] > 0.1
    assert [row["step"] for row in rows if row.get("eval_rewards/accuracies", 0) > 0.5] == [2, 4]
    cut = tmp_path / "cut"
    shutil.copytree(whole, cut)
    (cut / "manifest.json").unlink()
    shutil.rmtree(cut / "checkpoints" / "checkpoint-4")
    shutil.rmtree(cut / "adapter")
    train(recipe, cut, resume=True)
    one, two = weights(whole), weights(cut)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_parents_that_do_not_fit_are_refused(sft: Path, tiny_recipe: Made, tmp_path: Path) -> None:
    def refusal(*overrides: str, stage_name: str = "dpo") -> str:
        with pytest.raises(RunError) as raised:
            stage.check(tiny_recipe(stage_name, *overrides))
        return str(raised.value)

    made = tmp_path / "dpo"
    shutil.copytree(sft, made)
    manifest = json.loads((made / "manifest.json").read_text("utf-8"))
    (made / "manifest.json").write_text(json.dumps(manifest | {"stage": "dpo"}), "utf-8")
    assert "would silently become the reference" in refusal(f"parent={made}")
    assert "SFT goes on from CPT or SFT runs only" in refusal(f"parent={made}", stage_name="sft")
    checkpoint = next((sft / "checkpoints").glob("checkpoint-*"))
    assert "not a complete run" in refusal(f"parent={checkpoint}")
    assert "no such run" in refusal(f"parent={tmp_path / 'nowhere'}")
    assert "lora.rank 8 (there 4)" in refusal(f"parent={sft}", "lora.rank=8")
    (made / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    (made / "adapter" / "adapter_model.safetensors").write_bytes(b"other")
    assert "is not the file that the run wrote" in refusal(f"parent={made}")


def test_a_run_cannot_go_on_as_another(sft: Path, tiny_recipe: Made, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(sft, run)
    with pytest.raises(RunError, match="holds a complete run"):
        train(tiny_recipe("sft"), run)
    (run / "manifest.json").unlink()
    with pytest.raises(RunError, match=r"was ended\. Go on with --resume"):
        train(tiny_recipe("sft"), run)
    with pytest.raises(RunError, match=r"recipe\.trainer\.learning_rate was 0\.01, now 0\.5"):
        train(tiny_recipe("sft", "learning_rate=0.5"), run, resume=True)
    with pytest.raises(RunError, match="no run to go on with"):
        train(tiny_recipe("sft"), tmp_path / "nothing", resume=True)
    assert RunFolder(run).last_checkpoint() is not None


def test_a_run_goes_on_from_its_last_step_without_another(sft: Path, tiny_recipe: Made, tmp_path: Path) -> None:
    """Killed after its last checkpoint and before its manifest; the trainer, asked to go on there, would make a fifth step."""
    run = tmp_path / "run"
    shutil.copytree(sft, run)
    (run / "manifest.json").unlink()
    shutil.rmtree(run / "adapter")
    before = json.loads((sft / "manifest.json").read_text("utf-8"))
    outcome = train(tiny_recipe("sft"), run, resume=True)
    assert (outcome.finished, outcome.steps, outcome.tokens) == (True, 4, before["tokens"])
    one, two = weights(sft), weights(run)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_checkpoint_that_was_not_written_to_its_end_is_passed_over(sft: Path, tiny_recipe: Made, tmp_path: Path) -> None:
    recipe = tiny_recipe("sft", "save_strategy=steps", "save_steps=2")
    run = tmp_path / "run"
    train(recipe, run)
    whole = weights(run)
    (run / "manifest.json").unlink()
    shutil.rmtree(run / "adapter")
    last = run / "checkpoints" / "checkpoint-4"
    for left in last.iterdir():
        if left.name != "optimizer.pt":
            left.unlink()
    (last / "optimizer.pt").write_bytes(b"")
    with (run / "curves.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')
    assert train(recipe, run, resume=True).finished
    assert all(torch.equal(whole[name], weight) for name, weight in weights(run).items())


def test_a_folder_without_a_checkpoint_is_begun_anew(
    tiny_recipe: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"

    def broken(checked: stage.Checked) -> None:
        raise RunError("no")

    with monkeypatch.context() as patch:
        patch.setattr(stage, "load", broken)
        for _ in range(2):
            with pytest.raises(RunError, match="no"):
                train(tiny_recipe("sft", "seed=7"), run)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "recipe.yaml").write_text("somebody's own")
    with pytest.raises(RunError, match="is not empty"):
        train(tiny_recipe("sft"), mine)
    assert (mine / "recipe.yaml").read_text() == "somebody's own"
    (run / "mine.txt").write_text("kept")
    with pytest.raises(RunError, match=r"is not empty\. Choose another --out"):
        train(tiny_recipe("sft"), run)
    (run / "mine.txt").unlink()
    assert train(tiny_recipe("sft", "max_steps=1"), run).finished  # another recipe: nothing of the first was kept


def test_one_process_at_a_time_trains_into_a_folder(tiny_recipe: Made, tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run").held(), pytest.raises(RunError, match="another process trains into it"):
        train(tiny_recipe("sft"), tmp_path / "run")


def test_a_loss_that_is_no_number_ends_the_run(tiny_recipe: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverged(*arguments: object, **options: object) -> torch.Tensor:
        return torch.tensor(float("nan"))

    monkeypatch.setattr("trl.SFTTrainer.training_step", diverged)
    with pytest.raises(RunError, match=r"run: loss is nan at step 1\. Lower the learning rate"):
        train(tiny_recipe("sft"), tmp_path / "run")
    assert not (tmp_path / "run" / "manifest.json").exists()


def test_a_full_disk_is_told_in_one_line(tiny_recipe: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0")

    monkeypatch.setattr("torch.save", full)
    with pytest.raises(RunError, match=r"the checkpoint of step 4 could not be written\. Free some space"):
        train(tiny_recipe("sft"), tmp_path / "run")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_and_an_ended_job_save_too(number: int, tiny_recipe: Made, tmp_path: Path) -> None:
    def ended(message: str) -> None:
        if message.startswith("step 1 of 4"):
            os.kill(os.getpid(), number)

    assert not train(tiny_recipe("sft"), tmp_path / "run", notify=ended).finished
    assert RunFolder(tmp_path / "run").last_checkpoint() is not None


def test_a_run_under_nohup_outlives_its_terminal(tiny_recipe: Made, tmp_path: Path) -> None:
    def closed(message: str) -> None:
        if message.startswith("step 1 of 2"):
            os.kill(os.getpid(), signal.SIGHUP)

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert train(tiny_recipe("sft", "max_steps=2"), tmp_path / "run", notify=closed).finished
    finally:
        signal.signal(signal.SIGHUP, before)


def test_layers_that_the_model_does_not_have_are_refused(tiny_recipe: Made) -> None:
    with pytest.raises(RecipeError, match=r"gate_prj: the model has no such layer.*Did you mean gate_proj\?"):
        stage.check(tiny_recipe("sft", "lora.targets=[q_proj, gate_prj]"))


def test_a_parent_whose_base_has_changed_is_refused(
    tiny_model: Path, tiny_recipe: Made, tmp_path: Path, examples: dict[str, Path]
) -> None:
    base, run = tmp_path / "base", tmp_path / "run"
    shutil.copytree(tiny_model, base)
    train(tiny_recipe("sft", f"model={base}", "max_steps=1"), run)
    dpo = tiny_recipe("dpo", f"model={base}", f"parent={run}")
    assert stage.check(dpo).told()[1] == f"the reference is the run {run}"
    with pytest.raises(RunError, match=r"quantization none \(there nf4\)"):
        stage.check(tiny_recipe("dpo", f"model={base}", f"parent={run}", "quantization=none"))
    held = safetensors.torch.load_file(base / "model.safetensors")
    safetensors.torch.save_file(
        {name: weight * 1.5 for name, weight in held.items()}, base / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(RunError, match="holds other weights than"):
        stage.check(dpo)


def test_the_reference_of_dpo_without_a_parent_is_said(tiny_recipe: Made) -> None:
    assert any("the untouched base" in line for line in stage.check(tiny_recipe("dpo")).told())


def test_a_manifest_that_is_none_of_a_run_is_told(sft: Path, tiny_recipe: Made, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(sft, run)
    for damaged in ({}, {"stage": "sft", "recipe": {"model": "x"}}, {"stage": "sft", "recipe": 1, "files": {}}):
        (run / "manifest.json").write_text(json.dumps(damaged), "utf-8")
        with pytest.raises(RunError, match="not the manifest of a run"):
            stage.check(tiny_recipe("dpo", f"parent={run}"))


def test_where_a_recipe_saves_every_few_steps_early_stopping_looks_there(
    tiny_recipe: Made, examples: dict[str, Path], tmp_path: Path
) -> None:
    often = [f"data.validation={examples['validation']}", "save_strategy=steps", "save_steps=2", "max_steps=6"]
    recipe = tiny_recipe("sft", "early_stopping=9", *often)
    train(recipe, tmp_path / "run")
    assert [row["step"] for row in curves.read(tmp_path / "run" / "curves.jsonl") if "eval_loss" in row] == [2, 4, 6]


def test_a_run_is_read_from_another_folder_than_it_was_begun_in(
    tiny_recipe: Made, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_model.parent)
    train(tiny_recipe("sft", f"model={tiny_model.name}", "max_steps=1"), Path(tmp_path, "run"))
    monkeypatch.chdir(tmp_path)
    assert scored_model.named("run").identity()["files"] == base_model.identity(str(tiny_model), None)["files"]
    checked = stage.check(tiny_recipe("dpo", "parent=run"))
    assert checked.recipe.parent == tmp_path / "run"


def test_a_run_goes_on_where_its_files_were_moved_but_not_where_they_say_something_else(
    tiny_recipe: Made, examples: dict[str, Path], tmp_path: Path
) -> None:
    moved = tmp_path / "moved.jsonl"
    shutil.copy(examples["sft"], moved)
    first, again = (stage.check(tiny_recipe("sft", f"data.train={file}")) for file in (examples["sft"], moved))
    run = RunFolder(tmp_path / "run")
    run.begin(first.recipe, first.inputs(), resume=False)
    assert run.begin(again.recipe, again.inputs(), resume=True) is None  # from the first step: nothing was kept yet
    moved.write_text(moved.read_text("utf-8") + '{"prompt": "a", "completion": "b"}\n', "utf-8")
    other = stage.check(tiny_recipe("sft", f"data.train={moved}"))
    with pytest.raises(RunError, match=r"began otherwise: data\.train\.sha256 was"):
        run.begin(other.recipe, other.inputs(), resume=True)
    held = stage.check(tiny_recipe("sft", f"data.train={examples['sft']}", f"data.validation={examples['validation']}"))
    with pytest.raises(RunError, match=r"recipe\.data\.validation was None"):
        run.begin(held.recipe, held.inputs(), resume=True)


def test_a_run_given_a_relative_file_keeps_where_it_is(
    tiny_recipe: Made, examples: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(examples["sft"].parent)
    train(tiny_recipe("sft", "data.train=sft.jsonl", "max_steps=1"), tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text("utf-8"))
    assert manifest["recipe"]["data"]["train"] == manifest["data"]["train"]["file"] == str(examples["sft"])
    card = (tmp_path / "run" / "README.md").read_text("utf-8")
    assert "| data: train | sft.jsonl, 24 examples" in card
    assert str(tmp_path) not in card
    assert str(examples["sft"].parent) not in card
    assert not (tmp_path / "run" / "checkpoints" / "README.md").exists()


def test_training_stops_early_and_keeps_the_best(tiny_recipe: Made, examples: dict[str, Path], tmp_path: Path) -> None:
    evaluated = ["eval_strategy=steps", "eval_steps=1", "max_steps=40", "learning_rate=0.3"]
    recipe = tiny_recipe("sft", f"data.validation={examples['validation']}", "early_stopping=2", *evaluated)
    told: list[str] = []
    outcome = train(recipe, tmp_path / "run", notify=told.append)
    losses = [row["eval_loss"] for row in curves.read(tmp_path / "run" / "curves.jsonl") if "eval_loss" in row]
    assert outcome.steps < 40
    assert losses.index(min(losses)) == len(losses) - 3
    # What is told of the run is of the adapter that was kept, and that is the best one's.
    kept = f"checkpoint-{outcome.steps - 2}"
    assert outcome.metrics["eval_loss"] == min(losses)
    assert (
        told[-1] == f"ended after step {outcome.steps}; kept is step {outcome.steps - 2}, which has the lowest validation loss"
    )
    best = safetensors.torch.load_file(tmp_path / "run" / "checkpoints" / kept / "adapter_model.safetensors")
    assert all(torch.equal(best[name], weight) for name, weight in weights(tmp_path / "run").items())
    # One that was killed after it had stopped is finished without another step.
    (tmp_path / "run" / "manifest.json").unlink()
    shutil.rmtree(tmp_path / "run" / "adapter")
    assert train(recipe, tmp_path / "run", resume=True).steps == outcome.steps
    assert all(torch.equal(best[name], weight) for name, weight in weights(tmp_path / "run").items())
    with pytest.raises(RecipeError, match=r"save_steps 3 with early_stopping: .* Set it to 1"):
        stage.check(
            tiny_recipe("sft", f"data.validation={examples['validation']}", "early_stopping=2", *evaluated, "save_steps=3")
        )
    with pytest.raises(RecipeError, match=r"early_stopping needs data.validation"):
        stage.check(tiny_recipe("sft", "early_stopping=2"))


def test_nothing_is_sent_or_asked_for_where_the_model_is_here(tiny_recipe: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """TRL reports each trainer that is made, unless the hub's library is told not to."""
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    stage.check(tiny_recipe("sft"))
    assert constants.HF_HUB_DISABLE_TELEMETRY
    assert huggingface_hub.is_offline_mode()


def test_leaks_long_rows_and_bad_values_are_told_before_weights_load(tiny_recipe: Made, examples: dict[str, Path]) -> None:
    with pytest.raises(DataError, match=r"are in sft.jsonl too"):
        stage.check(tiny_recipe("sft", f"data.test={examples['sft']}"))
    with pytest.raises(DataError, match="more than max_length 20 tokens"):
        stage.check(tiny_recipe("sft", "max_length=20"))
    other = examples["validation"]
    with pytest.raises(DataError, match=r"is data\.validation too"):
        stage.check(tiny_recipe("sft", f"data.validation={other}", f"data.test={other}"))


def test_a_lack_of_memory_on_the_way_is_one_line(tiny_recipe: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has ...")

    monkeypatch.setattr("trl.SFTTrainer.training_step", full)
    with pytest.raises(RunError, match="out of GPU memory after step 0") as raised:
        train(tiny_recipe("sft"), tmp_path / "run")
    assert "\n" not in str(raised.value)


def test_what_does_not_fit_is_refused_before_weights_load(tiny_recipe: Made, tmp_path: Path) -> None:
    checked = stage.check(tiny_recipe("sft"), limit=1000)
    with pytest.raises(RecipeError, match=r"and the memory given has 0.0"):
        stage.run(checked, tmp_path / "run")
    assert not (tmp_path / "run").exists()
