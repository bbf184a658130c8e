"""Stages side by side: identical items, what they are compared with, and a run that goes on after it was killed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import transformers
from scipy.stats import wilcoxon

from training import run_folder, stage, stage_report, stage_table
from training.base_model import Base
from training.errors import DataError, RunError
from training.recipe import Recipe
from training.stage_report import Column
from training.stage_table import Plan
from tutor.mcqa.stages import judge

Made = Callable[..., Recipe]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stages")


@pytest.fixture
def runs(folder: Path, tiny_recipe: Made, tiny_model: Path) -> list[str]:
    """Stages of the tiny model: base, SFT, DPO on it, and a folder of whole weights as a merge leaves one."""
    sft, dpo, merged = folder / "sft", folder / "dpo", folder / "merged"
    if not merged.exists():
        stage.run(stage.check(tiny_recipe("sft", "max_steps=6")), sft)
        stage.run(stage.check(tiny_recipe("dpo", f"parent={sft}")), dpo)
        shutil.copytree(tiny_model, merged)
    return [f"base={tiny_model}@nf4", f"sft={sft}", f"dpo={dpo}", f"merged={merged}"]


@pytest.fixture
def plan(examples: dict[str, Path], folder: Path) -> Plan:
    general = folder / "general.txt"
    general.write_text("A heap keeps the smallest at its root. " * 12, "utf-8")
    return Plan(
        examples["dpo-validation"], examples["validation"], general, longest=96, window=40, answers=2, answer_tokens=6, seed=1
    )


def test_a_killed_table_goes_on_to_the_same_files(runs: list[str], plan: Plan, folder: Path, examples: dict[str, Path]) -> None:
    stages = stage_table.stages(runs)
    whole, killed = folder / "whole", folder / "killed"
    report = stage_report.report(stage_table.measure(plan, stages, whole))
    stage_report.write(report, whole)

    def notify(message: str) -> None:
        told.append(message)
        if message.startswith("dpo: loading") and not (killed / "over").exists():
            (killed / "over").touch()
            raise KeyboardInterrupt

    told: list[str] = []
    killed.mkdir()
    with pytest.raises(KeyboardInterrupt):
        stage_table.measure(plan, stages, killed, notify)
    assert sorted(file.name for file in (killed / "stages").iterdir()) == ["base.json", "sft.json"]
    told.clear()
    stage_report.write(stage_report.report(stage_table.measure(plan, stages, killed, notify)), killed)
    assert [message for message in told if "loading" in message or "before" in message] == [
        "base: measured before",
        "sft: measured before",
        f"dpo: loading {folder / 'dpo'} (4-bit NF4, adapter)",
        f"merged: loading {folder / 'merged'} (fp32)",
    ]
    for name in ("stages.md", "stages.json", "stages.png"):
        assert (whole / name).read_bytes() == (killed / name).read_bytes()

    rows = {row["name"]: row for row in stage_table.measure(plan, stages, whole)}
    measures = {measure.title: measure for measure in report.measures}
    assert list(measures) == [
        "policy alignment",
        "policy alignment per token",
        "accuracy",
        "NLL of completions",
        "NLL of general text",
    ]
    of_sft = measures["NLL of completions"].lines[1]
    scored = [[row["scores"]["examples"][key][0] for key in row["scores"]["examples"]] for row in rows.values()]
    base, sft = ([-log_prob / tokens for log_prob, tokens in one] for one in scored[:2])
    assert of_sft.before is not None
    assert of_sft.before.p == pytest.approx(wilcoxon(sft, base).pvalue)
    assert of_sft.estimate.value == pytest.approx(-sum(one for one, _ in scored[1]) / sum(count for _, count in scored[1]))
    assert [(line.stage, line.reference) for line in measures["accuracy"].lines] == [
        ("sft", "base"),
        ("dpo", "sft"),
        ("merged", "sft"),
    ]
    assert measures["accuracy"].lines[1].before is None  # sft's reference is another
    assert measures["accuracy"].lines[2].before is not None
    page = (whole / "stages.md").read_text("utf-8")
    assert page.count("**expected**") == 2
    for row in rows.values():
        for answer in row["answers"]:
            assert f"\n{answer['text']}\n```" in page
    with pytest.raises(RunError, match=r"base\.json: was measured otherwise: longest was 96, now 97\. Choose another --out"):
        stage_table.measure(Plan(**{**vars(plan), "longest": 97}), stages, whole)
    with pytest.raises(RunError, match=r"measured otherwise: --pairs is another file; there was a file for --general\. "):
        stage_table.measure(Plan(**{**vars(plan), "pairs": examples["dpo"], "general": None}), stages, whole)


def test_stages_that_make_no_table_are_refused(runs: list[str], plan: Plan, tmp_path: Path, tiny_model: Path) -> None:
    base, sft, dpo, _ = runs
    with pytest.raises(RunError, match=r"sft: not of the form NAME=MODEL"):
        stage_table.stages(["sft"])
    with pytest.raises(RunError, match="the same name"):
        stage_table.stages([base, base])
    with pytest.raises(RunError, match=r"dpo: was trained against .*sft, which is no stage before it\. Put NAME=.*sft there"):
        stage_table.stages([base, dpo])
    with pytest.raises(RunError, match=r"sft: was trained against .*, which is no stage before it"):
        stage_table.stages([sft])
    stages = stage_table.stages([base])
    with pytest.raises(RunError, match="nothing to measure"):
        stage_table.measure(Plan(), stages, tmp_path)
    with pytest.raises(RunError, match="reads 2048 tokens at most"):
        stage_table.measure(Plan(plan.pairs, longest=4096), stages, tmp_path)
    with pytest.raises(DataError, match="no completion"):  # before any weights
        stage_table.measure(Plan(examples=plan.pairs), stages, tmp_path)
    assert not (tmp_path / "stages").exists()


def test_rows_that_a_stage_was_trained_on_are_told(runs: list[str], examples: dict[str, Path], tmp_path: Path) -> None:
    base, sft, _, _ = stage_table.stages(runs)
    plan = Plan(pairs=examples["dpo"], examples=examples["sft"])
    assert stage_table.learned_by(base.model, plan) == []
    assert stage_table.learned_by(sft.model, plan) == [str(examples["sft"])]
    merged = tmp_path / "merged"
    shutil.copytree(base.model.model, merged)
    (merged / "merge.json").write_text(json.dumps({"data": sft.model.trained["data"]}), "utf-8")  # type: ignore[index]
    (file := tmp_path / "exported.gguf").write_bytes(b"GGUF")
    of_merge, of_file = stage_table.stages([f"merged={merged}", f"exported={file}"])
    assert stage_table.learned_by(of_merge.model, plan) == [str(examples["sft"])]
    assert stage_table.learned_by(of_file.model, plan) == []
    told: list[str] = []
    found = stage_table.measure(Plan(examples=examples["sft"], longest=96), [base, sft], tmp_path, told.append)
    assert f"{examples['sft']}: sft was trained on this file, so what is measured is memory too" in told
    notes = stage_report.report(found).notes
    assert f"sft was trained on {examples['sft']}: what is measured there is memory too." in notes
    assert sum("memory" in note for note in notes) == 1


def test_a_parent_that_was_trained_anew_is_no_reference(runs: list[str], tmp_path: Path) -> None:
    dpo = tmp_path / "dpo"
    shutil.copytree(runs[2].partition("=")[2], dpo)
    manifest = json.loads((dpo / "manifest.json").read_text("utf-8"))
    manifest["parent"]["adapter"] = "0" * 64
    run_folder.write_json(dpo / "manifest.json", manifest)
    with pytest.raises(RunError, match=r"its parent .* is not there as it was\. Name the reference with --reference"):
        stage_table.stages([runs[0], f"dpo={dpo}"])


def test_a_parent_that_was_moved_is_known_by_its_weights(runs: list[str], tmp_path: Path) -> None:
    moved = tmp_path / "renamed"
    shutil.copytree(runs[1].partition("=")[2], moved)
    dpo = tmp_path / "dpo"
    shutil.copytree(runs[2].partition("=")[2], dpo)
    manifest = json.loads((dpo / "manifest.json").read_text("utf-8"))
    manifest["parent"]["folder"] = str(tmp_path / "gone")
    run_folder.write_json(dpo / "manifest.json", manifest)
    assert stage_table.stages([runs[0], f"sft={moved}", f"dpo={dpo}"])[2].reference == "sft"


def test_other_measures_are_shares_with_mcnemars_test(runs: list[str], tmp_path: Path) -> None:
    right = {"base": {"1": False, "2": True, "3": False}, "merged": {"1": True, "2": True, "3": True}}

    def judged(name: str, base: Base) -> Mapping[str, bool]:
        assert isinstance(base.model, transformers.LlamaForCausalLM)
        return right[name]

    stages = stage_table.stages([runs[0], runs[3]])
    (measure,) = stage_report.report(stage_table.measure(Plan(), stages, tmp_path, judges={"mcqa": judged})).measures
    assert [line.estimate.value for line in measure.lines] == [pytest.approx(1 / 3), 1.0]
    assert measure.lines[1].before is not None
    assert measure.lines[1].before.p == pytest.approx(0.5)  # two of two: 2 / 2^2


def test_measures_taken_elsewhere_stand_in_the_same_table() -> None:
    held = {"reference": None, "scores": {}, "tokens": {}, "answers": [], "judged": {}, "held": "fp32", "device": "cpu"}
    stages = [{"name": name, "model": name, **held} for name in ("base", "sft")]
    columns = [
        Column("refused", "Of four.", "share", [[0, 0, 0, 0], [1, 1, 1, 0]]),
        Column("length", "In tokens.", "tokens", [[10, 20, 30, 40], [12, 22, 32, 42]]),
    ]
    found = stage_report.report(stages, columns)
    refused, length = found.measures
    assert [line.estimate.value for line in refused.lines] == [0, 0.75]
    assert refused.lines[1].before is not None
    assert refused.lines[1].before.p == pytest.approx(0.25)  # three of three: 2 / 2^3
    assert [line.estimate.value for line in length.lines] == [25, 27]
    page = "\n".join(stage_report.tables(found))
    assert "| sft | 75.0% |" in page
    assert "| sft | 27.0 |" in page
    assert "+2.0 [+2.0, +2.0]" in page


def test_questions_go_through_the_grader_with_the_stages_own_weights(runs: list[str], tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("question,A,B,answer\n1 and 1?,2,3,A\n2 and 2?,5,4,B\nopen?,1,2,\n", "utf-8")
    stages = stage_table.stages([runs[0], runs[1]])
    judges = {"mcqa": judge(sheet, tmp_path / "mcqa", None, 8, lambda message: None)}
    rows = stage_table.measure(Plan(), stages, tmp_path / "table", judges=judges)
    assert [set(row["judged"]["mcqa"]) for row in rows] == [{"1", "2"}, {"1", "2"}]
    assert (tmp_path / "mcqa" / "sft.jsonl").is_file()


def test_an_answer_cannot_end_its_block() -> None:
    made = stage_report._block("answer", "see ```` here")
    assert made[2] == "`````text"
    assert made[4] == "`````"
