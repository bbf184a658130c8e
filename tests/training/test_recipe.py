"""A recipe is refused with every fault and its reason before anything loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from training import recipe
from training.errors import RecipeError

SHIPPED = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))


def written(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "stage": "sft",
        "model": "somewhere",
        "data": {"train": "train.jsonl"},
        "lora": {"rank": 16, "scale": 4},
        "trainer": {"max_length": 512},
    }
    return base | changes


def refusal(given: dict[str, Any]) -> str:
    with pytest.raises(RecipeError) as raised:
        recipe.build(given, "mine.yaml")
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_recipe_opens_with_the_command_that_runs_it(file: Path) -> None:
    command = file.read_text("utf-8").splitlines()[0].removeprefix("# ").split()
    assert command[:3] == ["tutor", "train", f"recipes/{file.name}"]
    overrides = command[3 : command.index("--out")]
    made = recipe.load(file, overrides)
    assert made.data.train.name in ("train.jsonl", "pairs.jsonl")
    assert (made.parent is not None) == (made.stage == "dpo")


@pytest.mark.parametrize("file", [file for file in SHIPPED if "llama" in file.name], ids=lambda file: file.stem)
def test_the_llama_recipes_have_the_published_settings(file: Path) -> None:
    made = recipe.load(file, ["data.train=x"])
    assert made.lora is not None
    assert (made.lora.rank, made.lora.alpha, made.lora.scale, made.lora.rslora) == (64, 128, 16, True)
    assert made.lora.targets == recipe.ALL_LINEAR
    assert made.trainer["learning_rate"] == (2e-5 if made.stage == "sft" else 1e-6)
    assert made.trainer["num_train_epochs"] == 2
    rows = made.trainer["per_device_train_batch_size"] * made.trainer["gradient_accumulation_steps"]
    assert rows == (16 if made.stage == "sft" else 8)
    assert made.quantization == "nf4"
    assert made.revision is not None
    assert len(made.revision) == 40
    if made.stage == "dpo":
        assert (made.trainer["beta"], made.trainer["loss_type"]) == (0.1, ["sigmoid"])


def test_every_argument_of_trl_passes_through() -> None:
    made = recipe.build(written(trainer={"neftune_noise_alpha": 5, "lr_scheduler_type": "cosine", "max_length": 77}), "x")
    assert made.trainer["neftune_noise_alpha"] == 5
    assert made.max_length == 77
    assert "beta" in recipe.trainer_arguments("dpo")
    assert "packing" in recipe.trainer_arguments("sft")


def test_unknown_names_are_refused_with_the_nearest_all_at_once() -> None:
    told = refusal(written(trainer={"learing_rate": 1}, lora={"rank": 4, "scale": 1, "dropuot": 0.1}, modle="x"))
    for part in ("3 faults", "did you mean learning_rate?", "did you mean dropout?", "did you mean model?"):
        assert part in told


def test_overrides_take_the_place_of_what_is_written(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(yaml.safe_dump(written()))
    made = recipe.load(
        file, ["learning_rate=2e-5", "lora.rank=4", "data.too_long=drop", "quantization=none", "eval_strategy=no"]
    )
    assert made.trainer["learning_rate"] == 2e-5
    assert made.lora is not None
    assert made.lora.rank == 4
    assert made.data.too_long == "drop"
    assert made.quantization == "none"
    assert made.trainer["eval_strategy"] == "no"


def test_the_resolved_recipe_reads_back_the_same(tmp_path: Path) -> None:
    made = recipe.build(written(parent="runs/one"), "x")
    file = tmp_path / "again.yaml"
    file.write_text(yaml.safe_dump(made.resolved(), sort_keys=False))
    assert recipe.load(file) == made


def test_the_scale_of_the_adapter_has_to_be_said_and_to_agree() -> None:
    """rsLoRA at rank 16 with alpha 16 multiplies by 4, not by 1."""
    assert "here 4" in refusal(written(lora={"rank": 16, "alpha": 16}))
    assert "is a scale of 4" in refusal(written(lora={"rank": 16, "alpha": 16, "scale": 1}))
    made = recipe.build(written(lora={"rank": 16, "alpha": 16, "scale": 1, "rslora": False}), "x")
    assert made.lora is not None
    assert made.lora.alpha == 16


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (written(lora={"rank": 4, "scale": 1, "trainable_token_indices": [1]}), "use a reserved token"),
        (written(lora={"rank": 4, "scale": 1, "modules_to_save": ["embed_tokens"]}), "billion fp32 weights"),
        (written(lora={"rank": 4, "scale": 1, "targets": ["q_proj", "lm_head"]}), "would never be trained"),
        (written(trainer={"activation_checkpointing_kwargs": {"selective": True}}), "every_n_layers"),
        (written(trainer={"assistant_only_loss": True}), "Llama-3.1's template"),
        (written(trainer={"model_init_kwargs": {}}), "hold it in fp32"),
        (written(trainer={"packing": True, "packing_strategy": "wrapped"}), "lets one see the other"),
        (written(trainer={"padding_free": True}), "does not keep to max_length"),
        (written(trainer={"bf16": True}), "set precision"),
        (written(trainer={"push_to_hub": True}), "nothing is sent anywhere"),
        (written(trainer={"report_to": "wandb"}), "curves stay on this machine"),
        (written(trainer={"trust_remote_code": True}), "never brings code"),
        (written(stage="dpo", trainer={"train_sampling_strategy": "group_by_length"}), "fails on pairs"),
        (written(stage="dpo", trainer={"padding_free": True}), "switched off by TRL"),
        (written(stage="dpo", trainer={"sync_ref_model": True}), "stays the parent"),
        (written(stage="prompt"), "one of cpt, sft, dpo, prompt_tuning"),
        (written(quantization="fp4"), "not one of nf4, none"),
        (written(data={"train": "x", "too_long": "ignore"}), "not one of refuse, drop, truncate"),
        (written(data={}), "data.train is missing"),
    ],
)
def test_what_goes_wrong_is_refused_with_its_reason(given: dict[str, Any], reason: str) -> None:
    assert reason in refusal(given)


def test_curves_shown_by_what_is_not_installed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "trackio is not installed; run pip install trackio" in refusal(written(trainer={"report_to": ["trackio"]}))


@pytest.mark.parametrize("text", ["- a list", "a: [", "\x00"])
def test_a_file_that_is_no_recipe_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    with pytest.raises(RecipeError, match=r"broken\.yaml"):
        recipe.load(file)
