"""Values of the wrong kind or out of range are refused with the recipe, not in the first step of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from training import recipe
from training.errors import RecipeError

from .test_recipe import refusal, written


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("per_device_train_batch_size", 0, "is 0, not above 0"),
        ("per_device_train_batch_size", 1.5, "is 1.5, not a whole number"),
        ("per_device_train_batch_size", "8", "is '8', not a whole number"),
        ("per_device_train_batch_size", True, "is True, not a whole number"),
        ("gradient_accumulation_steps", 0, "not above 0"),
        ("learning_rate", "fast", "is 'fast', not a number"),
        ("learning_rate", -1, "not above 0"),
        ("learning_rate", None, "is None, not a number"),
        ("learning_rate", float("nan"), "not a finite number"),
        ("max_steps", 0, "neither above 0 nor -1"),
        ("max_length", "abc", "not a whole number"),
        ("num_train_epochs", 0, "not above 0"),
        ("seed", -1, "is -1, below 0"),
        ("packing", "maybe", "is 'maybe', not true or false"),
        ("report_to", 5, "not a text or a list"),
        ("activation_checkpointing_kwargs", 7, "not a mapping or a text"),
        ("lr_scheduler_type", "cosin", "did you mean cosine?"),
        ("save_strategy", "sometimes", "not one of no, steps, epoch"),
        ("loss_type", "sigmoid", "'sigmoid' is none of nll, dft"),
    ],
)
def test_what_an_argument_of_trl_cannot_be_is_told(name: str, value: Any, told: str) -> None:
    assert told in refusal(written(trainer={name: value}))


def test_what_is_right_is_left_as_it_is() -> None:
    given = {"learning_rate": 1, "warmup_steps": 0.1, "max_steps": -1, "optim": "adamw_torch", "report_to": ["none"], "seed": 0}
    assert recipe.build(written(trainer=given), "x").trainer == given


def test_a_loss_that_dpo_does_not_know_is_told_with_the_nearest() -> None:
    dpo = written(stage="dpo", data={"train": "p.jsonl"})
    assert "'sigmod' is none of" in refusal(dpo | {"trainer": {"loss_type": ["sigmod"]}})
    assert "did you mean sigmoid?" in refusal(dpo | {"trainer": {"loss_type": "sigmod"}})
    assert recipe.build(dpo | {"trainer": {"loss_type": "ipo"}}, "x").trainer["loss_type"] == ["ipo"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"lora": {"rank": True, "scale": 1}}, "lora.rank is missing or not a whole number"),
        ({"lora": {"rank": 4, "scale": 0}}, "lora.scale is 0: it has to be above 0"),
        ({"lora": {"rank": 4, "scale": float("nan")}}, "lora.scale is nan"),
        ({"lora": {"rank": 4, "scale": 1, "dropout": "abc"}}, "lora.dropout is 'abc', not a number"),
        ({"lora": {"rank": 4, "scale": 1, "dropout": 1}}, "at least 0 and below 1"),
        ({"early_stopping": -3}, "early_stopping is -3"),
        ({"early_stopping": "abc"}, "early_stopping is 'abc'"),
        ({"full": 1}, "full is 1, not true or false"),
        ({"kernels": "maybe"}, "kernels is 'maybe', not true or false"),
        ({"trainer": {"eval_strategy": "steps"}}, "eval_strategy needs data.validation"),
        ({"trainer": {3: 4}}, "trainer.3 is unknown"),
        ({"trainer": {"eos_token": "x"}}, "closes a turn in the chat template"),
        ({"trainer": {"activation_offloading": True}}, "fails on a base that is given to it"),
        ({"data": 5}, "data has to be a mapping"),
    ],
)
def test_what_a_recipes_own_names_cannot_be_is_told(changes: dict[str, Any], told: str) -> None:
    assert told in refusal(written(**changes))


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("quantisation=none", "did you mean quantization?"),
        ("rank=8", "did you mean lora.rank?"),
        ("train=x.jsonl", "did you mean data.train?"),
        ("dropout=0.1", "did you mean lora.dropout?"),
        ("lr=1e-4", "did you mean learning_rate?"),
        ("LEARNING_RATE=1", "did you mean learning_rate?"),
        ("checkpointing=true", "did you mean activation_checkpointing?"),
        ("model.x=1", "model is one value and has no x"),
    ],
)
def test_a_setting_that_is_none_is_told_with_what_it_may_mean(item: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told.replace("?", r"\?").replace(".", r"\.")):
        recipe.override(written(), [item])


def test_a_part_of_a_trainer_argument_is_set_by_its_name() -> None:
    made = recipe.override(written(), ["activation_checkpointing_kwargs.every_n_layers=2"])
    assert made["trainer"]["activation_checkpointing_kwargs"] == {"every_n_layers": 2}


def test_a_key_that_is_written_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text("stage: sft\nmodel: m\ntrainer:\n  seed: 1\n  seed: 2\n", "utf-8")
    with pytest.raises(RecipeError, match=r"seed is written twice.*line 5"):
        recipe.load(file)
    with pytest.raises(RecipeError, match="a folder"):
        recipe.load(tmp_path)
