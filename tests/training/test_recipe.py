"""A recipe is refused with every fault and its reason before anything loads."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from accelerate.commands.config.config_args import load_config_from_file

from training import distributed, recipe, values
from training.distributed import Launch
from training.errors import RecipeError

SHIPPED = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))
ACCELERATE = sorted((Path(__file__).parents[2] / "recipes" / "accelerate").glob("*.yaml"))


def written(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "stage": "sft",
        "model": "somewhere",
        "data": {"train": "train.jsonl"},
        "lora": {"rank": 16, "scale": 4},
        "trainer": {"max_length": 512},
    }
    return base | changes


def prompted(**changes: Any) -> dict[str, Any]:
    return written(stage="prompt_tuning", lora=None, prompt={"tokens": 4, "init": "Answer."}) | changes


def refusal(given: dict[str, Any]) -> str:
    with pytest.raises(RecipeError) as raised:
        recipe.build(given, "mine.yaml")
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_recipe_opens_with_the_command_that_runs_it(file: Path) -> None:
    command = file.read_text("utf-8").splitlines()[0].removeprefix("# ").split()
    start = command.index("tutor")
    assert command[start : start + 3] == ["tutor", "train", f"recipes/{file.name}"]
    assert command[:start] in ([], ["accelerate", "launch", "--config_file", "recipes/accelerate/zero3.yaml", "-m"])
    made = recipe.load(file, command[start + 3 : command.index("--out")])
    if made.stage == "cpt":
        assert made.data.course == "algorithms"
    else:
        assert str(made.data.train) in ("train.jsonl", "pairs.jsonl")
    assert (made.parent is not None) == (made.stage == "dpo")


@pytest.mark.parametrize("file", ACCELERATE, ids=lambda file: file.stem)
def test_a_shipped_launch_config_opens_with_its_command_and_fits_the_recipe_there(file: Path) -> None:
    command = file.read_text("utf-8").splitlines()[0].removeprefix("# ").split()
    launcher = f"accelerate launch --config_file recipes/accelerate/{file.name} -m tutor train".split()
    assert command[: len(launcher)] == launcher
    made = recipe.load(Path(__file__).parents[2] / command[len(launcher)], command[len(launcher) + 1 : command.index("--out")])
    config = load_config_from_file(str(file))
    sharing = {"MULTI_GPU": "ddp", "FSDP": "fsdp", "DEEPSPEED": f"zero{config.deepspeed_config.get('zero_stage')}"}
    launch = Launch(8, 0, 0, sharing[str(config.distributed_type).split(".")[-1]], config.fsdp_config.get("fsdp_version", 2))
    distributed.check(launch, made, "cuda")
    assert made.full == (file.stem in ("fsdp2-full", "zero2", "zero3"))


TUTOR = [file for file in SHIPPED if "llama" in file.name and file.stem not in ("llama3-8b-cpt", "llama3-8b-full-sft")]


@pytest.mark.parametrize("file", TUTOR, ids=lambda file: file.stem)
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
    assert "beta" in values.trainer_arguments("dpo")
    assert "packing" in values.trainer_arguments("sft")


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


def test_the_resolved_recipe_reads_back_the_same_with_whole_paths(tmp_path: Path) -> None:
    cpt = written(stage="cpt", data={"course": "algorithms", "held_out": 0.1})
    for given in (written(parent="runs/one"), cpt, prompted(), written(full=True, lora=None)):
        made = recipe.build(given, "x")
        file = tmp_path / "again.yaml"
        file.write_text(yaml.safe_dump(made.resolved(), sort_keys=False))
        again = recipe.load(file)
        files = {"train": made.data.train and Path.cwd() / made.data.train}
        assert again.data == dataclasses.replace(made.data, **files)
        assert again.parent == (made.parent and Path.cwd() / made.parent)
        assert dataclasses.replace(again, data=made.data, parent=made.parent) == made


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
        (written(trainer={"packing": True, "max_length": None}), "the length of a packed row"),
        (written(stage="cpt", trainer={"packing_strategy": "bfd"}), "bfd drops what is over max_length"),
        (written(stage="cpt", trainer={"packing_strategy": "wrapped"}), "lets one document see the other"),
        (written(stage="cpt", trainer={"packing": False}), "packing is needed in stage cpt"),
        (written(stage="cpt", trainer={"eval_packing": False}), "packing is needed in stage cpt"),
        (written(stage="cpt", trainer={"max_length": None}), "the length of a packed row"),
        (written(stage="cpt", trainer={"completion_only_loss": True}), "has no turns"),
        (written(stage="cpt", data={}), "data.course=NAME, or data.train=FILE"),
        (written(stage="cpt", data={"train": "x", "course": "y"}), "exclude each other"),
        (written(stage="cpt", data={"train": "x", "too_long": "drop"}), "nothing is lost"),
        (written(stage="cpt", data={"train": "x", "held_out": 0}), "above 0 and at most 0.5"),
        (written(data={"train": "x", "course": "y"}), "data.course is for stage cpt"),
        (written(data={"train": "x", "held_out": 0.2}), "data.held_out is for stage cpt"),
        (written(stage="prompt_tuning", lora=None), "prompt.tokens is missing"),
        (prompted(prompt={"tokens": 4}), "prompt.init is missing"),
        (prompted(trainer={"packing": True}), "documents see each other"),
        (prompted(trainer={"padding_free": True}), "documents see each other"),
        (prompted(lora={"rank": 4, "scale": 1}), "lora is of no use with prompt_tuning"),
        (prompted(parent="runs/sft"), "begins at the base"),
        (prompted(full=True), "exclude each other"),
        (written(prompt={"tokens": 4, "init": "x"}), "prompt is for stage prompt_tuning"),
        (written(full=True), "lora is of no use with full"),
        (written(full=True, lora=None, quantization="nf4"), "4-bit weights cannot be trained"),
        (written(full="maybe"), "full is 'maybe', not true or false"),
        (written(stage="dpo", full=True, lora=None, trainer={"precompute_ref_log_probs": False}), "a second model in memory"),
        (written(quantization_storage="fp32"), "not one of uint8, bf16"),
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


def test_every_weight_is_held_in_full_where_all_are_trained() -> None:
    made = recipe.build(written(full=True, lora=None), "x")
    assert (made.quantization, made.lora) == ("none", None)
    selective = {"activation_checkpointing_kwargs": {"selective": True}}  # fails with an adapter only
    assert recipe.build(written(full=True, lora=None, trainer=selective), "x").trainer == selective


@pytest.mark.parametrize(
    ("launch", "changes", "reason"),
    [
        (Launch(2, sharing="fsdp"), {}, "set quantization_storage=bf16"),
        (Launch(2, sharing="fsdp", version=1), {"quantization_storage": "bf16"}, "take recipes/accelerate/fsdp2.yaml"),
        (Launch(2, sharing="zero3"), {}, "DeepSpeed is for full fine-tuning"),
        (Launch(2, sharing="zero2"), {"quantization": "none"}, "DeepSpeed is for full fine-tuning"),
        (Launch(2, sharing="fsdp"), prompted(quantization="none"), "too few to be divided"),
        (Launch(2, sharing="fsdp"), {"stage": "dpo", "full": True, "lora": None, "model": "x.gguf"}, "loaded a second time"),
    ],
)
def test_processes_that_cannot_share_a_recipe_are_refused(launch: Launch, changes: dict[str, Any], reason: str) -> None:
    made = recipe.build(written(trainer={}) | changes, "x")
    with pytest.raises(RecipeError, match=reason):
        distributed.check(launch, made, "cuda")


@pytest.mark.parametrize("text", ["- a list", "a: [", "\x00"])
def test_a_file_that_is_no_recipe_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    with pytest.raises(RecipeError, match=r"broken\.yaml"):
        recipe.load(file)
