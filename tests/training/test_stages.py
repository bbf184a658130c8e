"""Whole runs of the tiny model beyond an adapter's SFT and DPO: continued pre-training, virtual tokens, every weight."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import safetensors.torch
import torch
import transformers

from training import curves, stage
from training.errors import DataError, RecipeError, RunError
from training.recipe import Recipe
from training.run_folder import RunFolder, sha256

Made = Callable[..., Recipe]
FULL = ("full=true", "quantization=none")


def train(recipe: Recipe, folder: Path, **options: Any) -> stage.Outcome:
    return stage.run(stage.check(recipe), folder, **options)


def manifest(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "manifest.json").read_text("utf-8")))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {name: tensor for file in folder.glob("*.safetensors") for name, tensor in safetensors.torch.load_file(file).items()}


def same(one: Path, two: Path) -> bool:
    a, b = weights(one), weights(two)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def cut_back(run: Path, to: Path, step: int, made: str) -> Path:
    """A copy of a finished run as it was after `step`."""
    shutil.copytree(run, to)
    (to / "manifest.json").unlink()
    shutil.rmtree(to / made)
    for checkpoint in (to / "checkpoints").glob("checkpoint-*"):
        if int(checkpoint.name.split("-")[1]) > step:
            shutil.rmtree(checkpoint)
    return to


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def cpt(runs: Path, tiny_recipe: Made) -> Path:
    """A CPT run, made once."""
    if not (runs / "cpt").exists():
        recipe = tiny_recipe(
            "cpt", "max_steps=6", "save_strategy=steps", "save_steps=2", "data.held_out=0.2", "eval_strategy=no"
        )
        assert train(recipe, runs / "cpt").finished
    return runs / "cpt"


@pytest.fixture
def full_sft(runs: Path, tiny_recipe: Made) -> Path:
    """An SFT run of every weight, made once."""
    if not (runs / "full").exists():
        recipe = tiny_recipe("sft", *FULL, "learning_rate=1e-3", "save_strategy=steps", "save_steps=2")
        assert train(recipe, runs / "full").finished
    return runs / "full"


def nll(model: Any, rows: list[list[int]], window: int) -> float:
    """Mean negative log-likelihood by transformers' own loss, over all tokens but the first of each window."""
    total = count = 0.0
    for row in rows:
        for start in range(0, len(row), window):
            ids = torch.tensor([row[start : start + window]])
            if ids.shape[1] > 1:
                with torch.no_grad():
                    total += model(ids, labels=ids, use_cache=False).loss.item() * (ids.shape[1] - 1)
                count += ids.shape[1] - 1
    return total / count


def test_cpt_measures_perplexity_on_sections_that_it_did_not_read(cpt: Path, tiny_recipe: Made, tiny_model: Path) -> None:
    made = manifest(cpt)
    assert made["stage"] == "cpt"
    validation = made["data"]["validation"]
    assert validation["examples"] == len(validation["held_out"]) > 1
    assert validation["examples"] + made["data"]["train"]["examples"] + validation["left_out_of_training"] == 20
    checked = stage.check(tiny_recipe("cpt", "data.held_out=0.2"))
    assert list(checked.held_out.sections) == validation["held_out"]  # type: ignore[union-attr]
    rows = checked.rendered["validation"].dataset["input_ids"]
    assert all(row[-1] == 96 for row in rows)  # <|end|> ends a document, where <|turn|> ends a turn
    base = transformers.AutoModelForCausalLM.from_pretrained(tiny_model, quantization_config=nf4())
    before, after = made["metrics"]["perplexity_before"], made["metrics"]["perplexity_after"]
    assert before == pytest.approx(math.exp(nll(base, rows, 96)), rel=1e-4)
    adapted = peft.PeftModel.from_pretrained(base, str(cpt / "adapter"))
    assert after == pytest.approx(math.exp(nll(adapted, rows, 96)), rel=1e-4)
    assert after < before / 1.5
    assert json.loads((cpt / "adapter" / "tokenizer_config.json").read_text("utf-8"))["eos_token"] == "<|turn|>"


def nf4() -> transformers.BitsAndBytesConfig:
    return transformers.BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)


def test_cpt_loses_no_token_of_a_document_longer_than_a_row(tiny_recipe: Made) -> None:
    """TRL's usual packing drops what is over."""
    from training import sft

    checked = stage.check(tiny_recipe("cpt", "max_length=40"))
    given = checked.rendered["train"]
    assert max(given.lengths) > 2 * 40
    trainer = sft.build_trainer(checked.recipe, stage.load(checked), given.dataset, None, Path("unused"))
    packed = [token for row in trainer.train_dataset["input_ids"] for token in row]
    assert sorted(packed) == sorted(token for row in given.dataset["input_ids"] for token in row)
    assert max(map(len, trainer.train_dataset["input_ids"])) <= 40


def test_cpt_goes_on_to_the_same_weights_and_perplexities(cpt: Path, tiny_recipe: Made, tmp_path: Path) -> None:
    run = cut_back(cpt, tmp_path / "cut", 4, "adapter")
    recipe = tiny_recipe("cpt", "max_steps=6", "save_strategy=steps", "save_steps=2", "data.held_out=0.2", "eval_strategy=no")
    assert train(recipe, run, resume=True).steps == 6
    assert same(run / "adapter", cpt / "adapter")
    assert manifest(run)["metrics"] == manifest(cpt)["metrics"]
    assert manifest(run)["tokens"] == manifest(cpt)["tokens"]


def test_sft_goes_on_from_cpt_and_dpo_does_not(cpt: Path, tiny_recipe: Made, tmp_path: Path) -> None:
    assert train(tiny_recipe("sft", f"parent={cpt}", "max_steps=1"), tmp_path / "sft").finished
    assert manifest(tmp_path / "sft")["parent"]["adapter"] == sha256(cpt / "adapter" / "adapter_model.safetensors")
    with pytest.raises(RunError, match="is a cpt run; its model has not learned to answer yet"):
        stage.check(tiny_recipe("dpo", f"parent={cpt}"))
    with pytest.raises(RunError, match=r"is a sft run; .*CPT comes before SFT"):
        stage.check(tiny_recipe("cpt", f"parent={tmp_path / 'sft'}"))


def test_a_course_is_kept_in_the_runs_folder(tiny_recipe: Made, examples: dict[str, Path], tmp_path: Path) -> None:
    rows = [json.loads(line) for line in examples["cpt"].read_text("utf-8").splitlines()]
    recipe = tiny_recipe("cpt", "data.train=null", "data.course=algorithms", "max_steps=1")
    assert stage.run(stage.check(recipe, course=rows), tmp_path / "run").finished
    kept = (tmp_path / "run" / "course.jsonl").read_text("utf-8")
    assert [json.loads(line) for line in kept.splitlines()] == rows
    train_data = manifest(tmp_path / "run")["data"]["train"]
    assert (train_data["course"], train_data["sha256"]) == ("algorithms", sha256(tmp_path / "run" / "course.jsonl"))
    with pytest.raises(DataError, match="no document is left"):
        stage.check(recipe, course=[])


def test_prompt_tuning_trains_virtual_tokens_alone(tiny_recipe: Made, tiny_model: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe("prompt_tuning", "max_steps=6", "learning_rate=0.1", "save_strategy=steps", "save_steps=2")
    run = tmp_path / "run"
    checked = stage.check(recipe)
    assert checked.plan.parts["virtual tokens"] == 5 * 64 * 4
    told: list[str] = []
    stage.run(checked, run, notify=told.append)
    assert "training 320 weights" in told
    assert manifest(run)["stage"] == "prompt_tuning"
    losses = [row["loss"] for row in curves.read(run / "curves.jsonl") if "loss" in row]
    assert losses[-1] < losses[0]
    config = json.loads((run / "adapter" / "adapter_config.json").read_text("utf-8"))
    assert (config["peft_type"], config["num_virtual_tokens"]) == ("PROMPT_TUNING", 5)
    (learned,) = weights(run / "adapter").values()
    assert (learned.shape, learned.dtype) == ((5, 64), torch.float32)
    base = transformers.AutoModelForCausalLM.from_pretrained(tiny_model)
    began = base.get_input_embeddings().weight[[ord(letter) - 32 for letter in "Add b"]]  # the first five of the text
    assert 0 < (learned - began).abs().max() < 1.5
    assert not torch.equal(learned, began)
    prompted = peft.PeftModel.from_pretrained(base, str(run / "adapter"))
    assert prompted(torch.arange(8)[None]).logits.shape == (1, 5 + 8, 100)
    again = cut_back(run, tmp_path / "cut", 4, "adapter")
    train(recipe, again, resume=True)
    assert same(again / "adapter", run / "adapter")
    for name in ("sft", "dpo", "cpt"):
        with pytest.raises(RunError, match="it trained virtual tokens, which no stage goes on from"):
            stage.check(tiny_recipe(name, f"parent={run}"))


def test_virtual_tokens_begin_as_the_text_repeated_or_cut(tiny_recipe: Made) -> None:
    from training import sft

    checked = stage.check(tiny_recipe("prompt_tuning", "prompt.tokens=12"))
    trainer = sft.build_trainer(checked.recipe, stage.load(checked), checked.rendered["train"].dataset, None, Path("unused"))
    table = trainer.model.get_base_model().get_input_embeddings().weight
    (learned,) = [p for p in trainer.model.parameters() if p.requires_grad]
    assert torch.equal(learned, table[[ord(letter) - 32 for letter in "Add both.Add"]])
    assert learned.dtype is torch.float32


def test_every_weight_is_trained_in_fp32_and_a_whole_model_comes_out(full_sft: Path, tiny_model: Path) -> None:
    made = manifest(full_sft)
    assert made["recipe"]["full"] is True
    assert made["recipe"]["lora"] is None
    assert not (full_sft / "adapter").exists()
    assert made["files"]["model/model.safetensors"] == sha256(full_sft / "model" / "model.safetensors")
    before, after = weights(tiny_model), weights(full_sft / "model")
    assert before.keys() == after.keys()
    assert all(not torch.equal(before[name], after[name]) for name in before)
    config = json.loads((full_sft / "model" / "config.json").read_text("utf-8"))
    assert config.get("use_cache", True)
    generation = json.loads((full_sft / "model" / "generation_config.json").read_text("utf-8"))
    assert generation["eos_token_id"] == [96, 98]
    model = transformers.AutoModelForCausalLM.from_pretrained(full_sft / "model")
    tokenizer = transformers.AutoTokenizer.from_pretrained(full_sft / "model")
    assert tokenizer.eos_token == "<|turn|>"
    assert model.dtype is torch.float32
    card = (full_sft / "README.md").read_text("utf-8")
    assert card.startswith("---\nlibrary_name: transformers\n")
    assert "# Model by supervised fine-tuning" in card


def test_full_fine_tuning_in_bf16_moves_weights_that_bf16_could_not_hold(
    tiny_recipe: Made, tiny_model: Path, tmp_path: Path
) -> None:
    """Held in bf16, whose numbers are 0.4 % apart, weights would not move at a rate of 1e-6."""
    given = (*FULL, "precision=bf16", "learning_rate=1e-6", "max_steps=2", "lr_scheduler_type=constant")
    assert train(tiny_recipe("sft", *given), tmp_path / "run").finished
    before, after = weights(tiny_model), weights(tmp_path / "run" / "model")
    assert {tensor.dtype for tensor in after.values()} == {torch.float32}
    seen = [name for name in after if "proj" in name]
    assert sum(int((before[name] != after[name]).sum()) for name in seen) > 0.97 * sum(after[name].numel() for name in seen)
    assert max(float((before[name] - after[name]).abs().max()) for name in after) < 1e-5  # and nothing was rounded to bf16
    assert manifest(tmp_path / "run")["precision"] == "bf16"


def test_full_fine_tuning_goes_on_to_the_same_weights(full_sft: Path, tiny_recipe: Made, tmp_path: Path) -> None:
    run = cut_back(full_sft, tmp_path / "cut", 2, "model")
    train(tiny_recipe("sft", *FULL, "learning_rate=1e-3", "save_strategy=steps", "save_steps=2"), run, resume=True)
    assert same(run / "model", full_sft / "model")


def test_full_dpo_starts_at_its_parents_model_and_resumes(full_sft: Path, tiny_recipe: Made, tmp_path: Path) -> None:
    given = (f"parent={full_sft}", *FULL, "learning_rate=1e-5", "save_strategy=steps", "save_steps=2")
    recipe = tiny_recipe("dpo", *given)
    run = tmp_path / "dpo"
    train(recipe, run)
    rows = curves.read(run / "curves.jsonl")
    assert rows[0]["loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert rows[0]["rewards/margins"] == 0
    margins = [row["rewards/margins"] for row in rows if "rewards/margins" in row]
    assert margins[-1] > 0
    assert manifest(run)["parent"]["model"] == sha256(full_sft / "manifest.json")
    before, after = weights(full_sft / "model"), weights(run / "model")
    # AdamW moves a weight by about the rate in a step; four of them. The base is further from the parent.
    assert 0 < max(float((before[name] - after[name]).abs().max()) for name in before) < 1e-4
    again = cut_back(run, tmp_path / "cut", 2, "model")
    train(recipe, again, resume=True)
    assert same(again / "model", run / "model")  # against the parent still, not against where it was resumed


def test_an_adapter_and_a_whole_model_do_not_go_on_from_each_other(
    full_sft: Path, cpt: Path, tiny_recipe: Made, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match=r"trained every weight and left no adapter\. Set full=true, or .* model=.*/model"):
        stage.check(tiny_recipe("dpo", f"parent={full_sft}"))
    with pytest.raises(RunError, match=r"trained an adapter\. Leave full out; or merge it"):
        stage.check(tiny_recipe("sft", *FULL, f"parent={cpt}"))
    changed = tmp_path / "full"
    shutil.copytree(full_sft, changed)
    (changed / "model" / "model.safetensors").write_bytes(b"other")
    with pytest.raises(RunError, match="is not the file that the run wrote"):
        stage.check(tiny_recipe("dpo", *FULL, f"parent={changed}"))
    adapter_on_it = tiny_recipe("sft", f"model={full_sft / 'model'}", "max_steps=1")
    assert train(adapter_on_it, tmp_path / "adapter").finished


def test_full_cpt_measures_perplexity_too(tiny_recipe: Made, tmp_path: Path) -> None:
    train(tiny_recipe("cpt", *FULL, "learning_rate=1e-3"), tmp_path / "run")
    metrics = manifest(tmp_path / "run")["metrics"]
    assert metrics["perplexity_after"] < metrics["perplexity_before"]
    assert RunFolder(tmp_path / "run").model.is_dir()


def test_rows_longer_than_the_models_positions_are_refused(tiny_recipe: Made) -> None:
    with pytest.raises(RecipeError, match=r"max_length 2046 and 5 virtual tokens: the model has 2048 positions"):
        stage.check(tiny_recipe("prompt_tuning", "max_length=2046"))
