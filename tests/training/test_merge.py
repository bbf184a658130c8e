"""A run of the tiny model on an NF4 base, merged: which way is nearer, what the folder holds, and what is refused."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import peft
import pytest
import torch
import transformers
from click.testing import CliRunner

from training import agreement, base_model, held_out, merge, merged_folder, precision, stage
from training.errors import DataError, RunError, TrainingError
from training.held_out import Text
from training.recipe import Recipe
from training.run_folder import sha256
from tutor.cli.main import main

Made = Callable[..., Recipe]
CPU = precision.Precision("fp32", "cpu", False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("merging")


@pytest.fixture
def run(place: Path, tiny_recipe: Made, examples: dict[str, Path]) -> Path:
    """An SFT run on an NF4 base, made once."""
    if not (place / "sft").exists():
        stage.run(
            stage.check(tiny_recipe("sft", f"data.validation={examples['validation']}", "eval_strategy=no")), place / "sft"
        )
    return place / "sft"


@pytest.fixture
def merged(place: Path, run: Path) -> merge.Merged:
    """The run merged, made once; and what it told."""
    if not (place / "merged").exists():
        place.joinpath("done").write_text(repr(merge.merge(run, place / "merged", most=0.05)), "utf-8")
    record = json.loads((place / "merged" / "merge.json").read_text("utf-8"))
    found = {way: agreement.Agreement(**figures) for way, figures in record["candidates"].items()}
    text = held_out.HeldOut((), Path(record["held_out"]["file"]), "", record["held_out"]["source"], False)
    return merge.Merged(place / "merged", record["merged_into"], record["dtype"], text, record["reference_nll"], found)


def logits(model: torch.nn.Module) -> torch.Tensor:
    ids = torch.arange(5, 60)[None]
    with torch.no_grad():
        return model(ids, use_cache=False).logits


def test_merged_into_the_dequantized_base_it_is_the_function_that_was_trained(
    merged: merge.Merged, run: Path, tiny_model: Path
) -> None:
    """Merged into the 16-bit base, it makes up for a rounding that is not there (PEFT's and transformers' known complaint)."""
    assert merged.kept == merge.DEQUANTIZED
    found = merged.candidates
    assert found[merge.DEQUANTIZED].kl < found[merge.SIXTEEN_BIT].kl / 100
    assert found[merge.DEQUANTIZED].top1 == 1
    tokenizer, _ = base_model.without_weights(str(tiny_model), None)
    base = base_model.load(str(tiny_model), None, "nf4", CPU, tokenizer).model
    trained = logits(peft.PeftModel.from_pretrained(base, str(run / "adapter")).eval())
    read = logits(transformers.AutoModelForCausalLM.from_pretrained(merged.folder, dtype=torch.float32))
    assert (read - trained).norm() < 2e-3 * trained.norm()
    untrained = logits(base_model.load(str(tiny_model), None, "nf4", CPU, tokenizer).model)
    assert (untrained - trained).norm() > 0.1 * trained.norm()


def test_the_folder_is_an_ordinary_model_that_stops(merged: merge.Merged, run: Path) -> None:
    read = {
        name: json.loads((merged.folder / f"{name}.json").read_text("utf-8"))
        for name in ("config", "generation_config", "merge")
    }
    assert "quantization_config" not in read["config"]
    assert (read["config"]["use_cache"], read["config"]["dtype"]) == (True, "float16")
    assert read["config"]["eos_token_id"] == read["generation_config"]["eos_token_id"] == [96, 98]
    assert read["config"]["rope_theta"] == read["config"]["rope_parameters"]["rope_theta"] == 10000.0
    tokenizer = transformers.AutoTokenizer.from_pretrained(merged.folder)
    assert (tokenizer.eos_token, bool(tokenizer.chat_template)) == ("<|turn|>", True)
    record = read["merge"]
    assert record["adapter"] == sha256(run / "adapter" / "adapter_model.safetensors")
    assert record["held_out"]["source"] == "the run's validation data"
    assert record["base"]["files"].keys() == {"model.safetensors"}
    assert record["files"]["model.safetensors"] == sha256(merged.folder / "model.safetensors")
    assert (merged.folder / "README.md").read_text("utf-8").startswith("---\nlibrary_name: transformers\n")
    assert merged_folder.record_of(merged.folder) == record
    assert len({file.stat().st_mode for file in merged.folder.iterdir()}) == 1  # who may read the config may read the weights
    assert base_model.without_weights(str(merged.folder), None)  # a base for the next stage


def test_a_merge_that_is_not_near_enough_is_not_published(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"nats a token from the adapter \(KL\), and at most 0 is published") as raised:
        merge.merge(run, tmp_path / "out", most=0.0)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_merge_that_was_killed_leaves_nothing_that_looks_like_a_model(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    dead = tmp_path / ".out.part-99999999"
    (dead / "candidate-0").mkdir(parents=True)
    monkeypatch.setattr(merged_folder, "finish", killed)
    with pytest.raises(KeyboardInterrupt):
        merge.merge(run, tmp_path / "out", most=0.05)
    assert list(tmp_path.iterdir()) == []  # what another, killed outright, left there went too


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda run: (run / "manifest.json").unlink(), "not a complete run"),
        (lambda run: (run / "adapter" / "adapter_model.safetensors").write_bytes(b"x"), "is not the file that the run wrote"),
        (lambda run: (run / "recipe.yaml").write_text("stage: sft\n"), "recipe.yaml: is not the file that the run wrote"),
        (shutil.rmtree, "no such run"),
    ],
    ids=["incomplete", "adapter", "recipe", "none"],
)
def test_what_is_no_sound_run_is_refused(run: Path, tmp_path: Path, harm: Callable[[Path], None], told: str) -> None:
    shutil.copytree(run, tmp_path / "run")
    harm(tmp_path / "run")
    with pytest.raises(RunError, match=told):
        merge.merge(tmp_path / "run", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_base_that_changed_is_refused(run: Path, tiny_model: Path, tmp_path: Path) -> None:
    file = tiny_model / "model.safetensors"
    before = file.read_bytes()
    try:
        transformers.LlamaForCausalLM(transformers.AutoConfig.from_pretrained(tiny_model)).save_pretrained(tiny_model)
        with pytest.raises(RunError, match="holds other weights than"):
            merge.merge(run, tmp_path / "out")
    finally:
        file.write_bytes(before)


def test_a_run_is_not_measured_on_a_file_that_is_no_longer_the_runs(
    tiny_recipe: Made, examples: dict[str, Path], tmp_path: Path
) -> None:
    file = tmp_path / "held.jsonl"
    file.write_bytes(examples["validation"].read_bytes())
    stage.run(stage.check(tiny_recipe("sft", f"data.validation={file}", "max_steps=1")), tmp_path / "run")
    file.write_text('{"prompt": "a", "completion": "b"}\n', "utf-8")
    with pytest.raises(DataError, match=r"held\.jsonl: is not what it was; the run has it as data\.validation\. .*--text"):
        merge.merge(tmp_path / "run", tmp_path / "out")
    file.unlink()
    with pytest.raises(DataError, match="is not there any more"):
        merge.merge(tmp_path / "run", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_on_a_base_of_full_precision_is_merged_in_the_one_way(tiny_recipe: Made, tmp_path: Path) -> None:
    stage.run(stage.check(tiny_recipe("sft", "quantization=none", "max_steps=1")), tmp_path / "run")
    told: list[str] = []
    done = merge.merge(tmp_path / "run", tmp_path / "out", dtype="fp32", notify=told.append)
    assert set(done.candidates) == {merge.PLAIN}
    assert done.candidates[merge.PLAIN].kl < 1e-9
    assert done.held_out.trained_on
    assert "rows that the run was trained on" in told[0]


def test_held_out_text_is_read_in_each_form(tmp_path: Path, tiny_model: Path, examples: dict[str, Path]) -> None:
    tokenizer, _ = base_model.without_weights(str(tiny_model), None)
    pairs = held_out.read(examples["dpo"], "dpo", tokenizer, 100)
    assert {tokenizer.decode(text.ids[text.start :])[-7:] for text in pairs.texts} == {".<|end|>"[-7:]} or all(
        tokenizer.decode(text.ids[text.start :]).startswith(tuple("0123456789")) for text in pairs.texts
    )
    assert len({text.ids for text in pairs.texts}) == 24  # of all over the file, each once
    plain = tmp_path / "plain.jsonl"
    plain.write_text('{"text": "Some words."}\n', "utf-8")
    (text,) = held_out.read(plain, "sft", tokenizer, 100).texts
    assert (text.start, tokenizer.decode(text.ids)) == (1, "Some words.")
    plain.write_text('{"text": "Some words."}\n{"words": 1}\n', "utf-8")
    with pytest.raises(DataError, match=r"line 2: no .text. .it has words"):
        held_out.read(plain, "sft", tokenizer, 100)
    with pytest.raises(TrainingError, match="no such file"):
        held_out.read(tmp_path / "nowhere.jsonl", "sft", tokenizer, 100)


def test_the_figures_are_what_they_are_by_hand() -> None:
    """Two tokens of a vocabulary of two: one of P = (3/4, 1/4) against Q = (1/2, 1/2), and one on which both agree."""
    text = Text((0, 0, 1), 1)
    first = torch.tensor([[0.75, 0.25], [0.9, 0.1]]).log()
    second = torch.tensor([[0.5, 0.5], [0.9, 0.1]]).log()
    greedy, top = Text((0, 0, 0), 1), torch.tensor([0, 0])
    reference = agreement.Reference((text,), (first,), (greedy,), (top,))
    other = torch.tensor([[0.9, 0.1], [0.1, 0.9]]).log()
    found = agreement.compare(reference, lambda asked: second if asked is text else other)
    assert found.kl == pytest.approx((0.75 * math.log(1.5) + 0.25 * math.log(0.5)) / 2)
    assert found.nll == pytest.approx(-(math.log(0.5) + math.log(0.1)) / 2)
    assert reference.nll == pytest.approx(-(math.log(0.75) + math.log(0.1)) / 2)
    assert (found.greedy, found.greedy_tokens) == (0, 0.5)
    assert not agreement.within(agreement.Agreement(math.nan, 0, 0, 0, 0), 1)


def test_the_command_says_what_was_kept(run: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["merge", str(run), "--out", str(tmp_path / "out"), "--max-kl", "0.05"])
    assert done.exit_code == 0, done.output
    assert "merged into the 16-bit base: KL " in done.output
    assert done.output.splitlines()[-1].startswith(f"{tmp_path / 'out'}: merged into the dequantized 4-bit base, fp16.")
    again = CliRunner().invoke(main, ["merge", str(run), "--out", str(tmp_path / "out")])
    assert (again.exit_code, again.stderr) == (2, f"tutor: {tmp_path / 'out'}: is there already. Choose another --out.\n")
