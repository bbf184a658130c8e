"""Log-probabilities are those that TRL trains with, whatever the batch; what is scored is what training learns."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
import torch
import transformers
import trl

from training import data, items, rendering, run_folder, scored_model, scoring, stage
from training.errors import DataError, RecipeError, RunError
from training.items import windows
from training.recipe import Recipe
from training.scoring import Tokens

Made = Callable[..., Recipe]


@pytest.fixture(scope="module")
def sft(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scored") / "sft"


@pytest.fixture
def sft_run(sft: Path, tiny_recipe: Made) -> Path:
    """An SFT run in fp32 and without quantization, made once."""
    if not sft.exists():
        stage.run(stage.check(tiny_recipe("sft", "quantization=none")), sft)
    return sft


def trl_scores(base: scored_model.Base, pairs: Path) -> list[tuple[float, float]]:
    """TRL's own log-probabilities of chosen and rejected, as DPO's reference has them."""
    fields = [rendering.conversational(row.fields, True) for row in data.read(pairs, "dpo").rows]
    arguments = trl.DPOConfig(
        output_dir="unused", precompute_ref_log_probs=True, use_cpu=True, bf16=False, report_to="none", disable_tqdm=True
    )
    trainer = trl.DPOTrainer(
        model=base.model, args=arguments, train_dataset=datasets.Dataset.from_list(fields), processing_class=base.tokenizer
    )
    return list(zip(trainer.train_dataset["ref_chosen_logps"], trainer.train_dataset["ref_rejected_logps"], strict=True))


def test_log_probabilities_are_trls(tiny_model: Path, examples: dict[str, Path]) -> None:
    base = scored_model.load(scored_model.named(str(tiny_model)))
    pairs = items.rows(examples["dpo"], "dpo", base.tokenizer, 200)
    scores = scoring.score(base, pairs.flat)
    theirs = trl_scores(scored_model.load(scored_model.named(str(tiny_model))), examples["dpo"])
    assert len(theirs) == len(pairs.keys) == 24
    for place, (chosen, rejected) in enumerate(theirs):
        assert scores[2 * place].log_prob == pytest.approx(chosen, abs=1e-5)
        assert scores[2 * place + 1].log_prob == pytest.approx(rejected, abs=1e-5)


def test_a_policy_with_an_adapter_is_scored_as_trl_trains_it(
    sft_run: Path, examples: dict[str, Path], tiny_recipe: Made, tmp_path: Path
) -> None:
    """The SFT run is the reference of a DPO run, whose first batch TRL logs before it has moved."""
    base = scored_model.load(scored_model.named(str(sft_run)))
    pairs = items.rows(examples["dpo"], "dpo", base.tokenizer, 200)
    mine = scoring.score(base, pairs.flat)
    from training import base_model, dpo, precision

    recipe = tiny_recipe("dpo", f"parent={sft_run}", "quantization=none")
    checked = stage.check(recipe)
    held = base_model.load(recipe.model, None, "none", precision.pick(), checked.tokenizer)
    trainer = dpo.build_trainer(recipe, held, checked.rendered["train"].dataset, None, tmp_path)
    rows = trainer.train_dataset
    for place, (chosen, rejected) in enumerate(zip(rows["ref_chosen_logps"], rows["ref_rejected_logps"], strict=True)):
        assert mine[2 * place].log_prob == pytest.approx(chosen, abs=1e-5)
        assert mine[2 * place + 1].log_prob == pytest.approx(rejected, abs=1e-5)
    plain = scoring.score(scored_model.load(scored_model.named(recipe.model)), pairs.flat)
    assert max(abs(one.log_prob - other.log_prob) for one, other in zip(mine, plain, strict=True)) > 1


def test_a_score_is_the_sum_of_the_softmaxs_logarithms_alone_or_in_any_batch(tiny_model: Path) -> None:
    base = scored_model.load(scored_model.named(str(tiny_model)))
    texts = [Tokens(tuple(range(3, 3 + length)), start) for length, start in ((9, 1), (30, 12), (4, 3), (17, 16))]
    whole = scoring.score(base, texts, batch_tokens=1000)
    alone = scoring.score(base, texts, batch_tokens=1)
    for text, one, other in zip(texts, whole, alone, strict=True):
        logits = base.model(torch.tensor([text.ids]), use_cache=False).logits[0].log_softmax(-1)
        wanted = sum(float(logits[at - 1, text.ids[at]]) for at in range(text.start, len(text.ids)))
        assert one.log_prob == pytest.approx(wanted, abs=1e-4)
        assert other.log_prob == pytest.approx(wanted, abs=1e-4)
        assert one.tokens == other.tokens == len(text.ids) - text.start


def test_batches_hold_the_bound_when_padded() -> None:
    texts = [Tokens(tuple(range(length)), 1) for length in (5, 50, 7, 20, 120, 6)]
    made = list(scoring.batches(texts, 60))
    assert sorted(place for batch in made for place in batch) == list(range(6))
    assert made[0] == [4]
    for batch in made[1:]:
        assert len(batch) * max(len(texts[place].ids) for place in batch) <= 60


def test_what_is_scored_is_the_answer_and_the_token_that_ends_the_turn(tokenizer: transformers.PreTrainedTokenizerFast) -> None:
    rendering.prepare(tokenizer)
    chosen, rejected = scoring.of_answers(tokenizer, {"prompt": "1 and 1?", "chosen": "2.", "rejected": "2,"})
    assert tokenizer.decode(chosen.ids[chosen.start :]) == "2.<|turn|>"
    assert tokenizer.decode(rejected.ids[rejected.start :]) == "2,<|turn|>"
    assert tokenizer.decode(chosen.ids[: chosen.start]).endswith("<|start|>assistant\n")


@pytest.mark.parametrize(("length", "window", "stride"), [(25, 10, 5), (10, 10, 5), (11, 10, 3), (2, 10, 5), (100, 8, 7)])
def test_windows_score_every_token_but_the_first_once(length: int, window: int, stride: int) -> None:
    made = windows(list(range(length)), window, stride)
    assert [token for text in made for token in text.ids[text.start :]] == list(range(1, length))
    assert all(len(text.ids) <= window for text in made)
    assert all(text.start >= min(window - stride, text.ids[0] + text.start) for text in made[1:-1])


def test_a_text_is_foretold_as_by_hand(tiny_model: Path, tmp_path: Path) -> None:
    base = scored_model.load(scored_model.named(str(tiny_model)))
    file = tmp_path / "text.txt"
    file.write_text("The heap is a tree.", "utf-8")
    found = items.text(file, base.tokenizer, window=64)
    from training import likelihood

    made = likelihood.measure(found, scoring.score(base, found.flat))
    ids = torch.tensor([base.tokenizer("The heap is a tree.")["input_ids"]])
    loss = float(base.model(ids, labels=ids, use_cache=False).loss)  # transformers' own mean over all but the first
    assert made.tokens == ids.shape[1] - 1
    assert made.nll.value == pytest.approx(loss, abs=1e-5)
    assert made.perplexity.value == pytest.approx(math.exp(loss), rel=1e-4)


def test_rows_that_are_too_long_are_left_out_by_line(tokenizer: transformers.PreTrainedTokenizerFast, tmp_path: Path) -> None:
    rendering.prepare(tokenizer)
    file = tmp_path / "rows.jsonl"
    file.write_text('{"prompt": "a", "completion": "b"}\n{"prompt": "a", "completion": "' + "c" * 80 + '"}\n', "utf-8")
    found = items.rows(file, "sft", tokenizer, 60)
    assert (found.keys, found.too_long) == (("1",), (2,))
    assert found.left_out() == "left out 1 of more than 60 tokens (line 2)"
    with pytest.raises(DataError, match=r"every row has more than 5 tokens. Raise --max-length"):
        items.rows(file, "sft", tokenizer, 5)
    file.write_text('{"text": "a b"}\n{"words": 3}\n', "utf-8")
    with pytest.raises(DataError, match=r"line 2: no .text. .it has words"):
        items.text(file, tokenizer)


def test_names_that_stand_for_no_model_are_refused(tiny_model: Path, sft_run: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such folder"):
        scored_model.named("./nowhere")
    with pytest.raises(RunError, match="held as it was trained"):
        scored_model.named(f"{sft_run}@nf4")
    with pytest.raises(RunError, match=r"an adapter alone\. Give the folder of its run"):
        scored_model.named(str(sft_run / "adapter"))
    (tmp_path / "recipe.yaml").write_text("stage: sft\n", "utf-8")
    with pytest.raises(RunError, match="not a complete run"):
        scored_model.named(str(tmp_path))
    named = scored_model.named(str(sft_run))
    assert (named.held, named.stage, scored_model.reference_of(named)) == ("fp32, adapter", "sft", str(tiny_model))
    assert scored_model.named(f"{tiny_model}@nf4").held == "4-bit NF4"


def test_a_run_whose_files_or_base_are_others_is_refused(sft_run: Path, tiny_model: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(sft_run, run)
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    manifest["base"]["files"] = {"model.safetensors": "0" * 64}
    run_folder.write_json(run / "manifest.json", manifest)
    with pytest.raises(RunError, match="holds other weights than"):
        scored_model.named(str(run))
    with (run / "adapter" / "adapter_model.safetensors").open("ab") as file:
        file.write(b"more")
    with pytest.raises(RunError, match=r"adapter_model\.safetensors: is not the file that the run wrote"):
        scored_model.named(str(run))


def test_a_run_that_trained_every_weight_is_its_own_model(sft_run: Path, tiny_model: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(sft_run, run)
    shutil.rmtree(run / "adapter")
    shutil.copytree(tiny_model, run / "model")
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    manifest["files"]["model/model.safetensors"] = run_folder.sha256(run / "model" / "model.safetensors")
    run_folder.write_json(run / "manifest.json", manifest)
    named = scored_model.named(str(run))
    assert (named.model, named.adapter, named.held) == (str(run / "model"), None, "fp32")
    assert scored_model.load(named).model.num_parameters() > 0
