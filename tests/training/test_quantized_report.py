"""What each number format costs the tiny model: nothing where nothing is lost, more the fewer bits."""

from __future__ import annotations

import json
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
import transformers

from training import quantized_report, quantized_table, quantizing, scored_model
from training.errors import RunError
from training.quantized_report import Row


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("quantized") / "text.jsonl"
    lines = [f"A heap of {number} keys keeps the smallest at its root." for number in range(6)]
    file.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines), "utf-8")
    return file


@pytest.fixture(scope="module")
def wide_model(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """The tiny model with larger weights, so that its distributions are not all nearly flat."""
    folder = tmp_path_factory.mktemp("wide-model")
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    for parameter in model.parameters():
        if parameter.ndim == 2:
            parameter.data *= 4
    model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def rows(wide_model: Path, text: Path, examples: dict[str, Path]) -> dict[str, Row]:
    model = scored_model.named(str(wide_model))
    return {row.kind: row for row in quantized_report.measure(model, text, examples["dpo-validation"], apart=False)}


def test_less_is_kept_the_fewer_bits_there_are(rows: dict[str, Row]) -> None:
    assert {kind: row.fault for kind, row in rows.items()} == dict.fromkeys(quantizing.KINDS)
    kl = {kind: row.kl.value for kind, row in rows.items() if row.kl}
    assert kl["full"] == 0
    assert rows["full"].top1 is not None
    assert rows["full"].top1.value == 1
    assert 0 < kl["gguf-f16"] < kl["gguf-q8_0"] < kl["gguf-q4_0"]
    assert 0 < kl["int8"] < kl["nf4"] < kl["fp4"]
    assert abs(kl["nf4-double"] - kl["nf4"]) < kl["nf4"] / 2
    for row in rows.values():
        assert row.policy_alignment is not None
        assert row.nll is not None
        assert row.nll.low <= row.nll.value <= row.nll.high


def test_kl_is_that_of_the_whole_distributions(rows: dict[str, Row], wide_model: Path, text: Path) -> None:
    """Computed here at once, from transformers' own logits, of the model as bitsandbytes loads it."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(wide_model)
    full = transformers.AutoModelForCausalLM.from_pretrained(wide_model, dtype=torch.float32)
    config = transformers.BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32)
    nf4 = transformers.AutoModelForCausalLM.from_pretrained(wide_model, dtype=torch.float32, quantization_config=config)
    kl, same, nll, tokens = 0.0, 0, 0.0, 0
    for line in text.read_text("utf-8").splitlines():
        ids = torch.tensor([tokenizer(json.loads(line)["text"])["input_ids"]])
        with torch.no_grad():
            p, q = (model(ids, use_cache=False).logits[0, :-1].log_softmax(-1) for model in (full, nf4))
        kl += float((p.exp() * (p - q)).sum())
        same += int((p.argmax(-1) == q.argmax(-1)).sum())
        nll -= float(q.gather(1, ids[0, 1:, None]).sum())
        tokens += len(p)
    row = rows["nf4"]
    assert row.kl is not None
    assert row.top1 is not None
    assert row.nll is not None
    assert row.kl.value == pytest.approx(kl / tokens, rel=1e-3)
    assert row.top1.value == pytest.approx(same / tokens)
    assert row.nll.value == pytest.approx(nll / tokens, rel=1e-4)


def test_sizes_are_those_of_the_files(rows: dict[str, Row], wide_model: Path, tmp_path: Path) -> None:
    """A safetensors file has a header besides; a GGUF file, its tensors written by the library itself."""
    config = transformers.BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32)
    model = transformers.AutoModelForCausalLM.from_pretrained(wide_model, dtype=torch.float32, quantization_config=config)
    model.save_pretrained(tmp_path)
    for kind, folder in (("full", wide_model), ("nf4", tmp_path)):
        size = (folder / "model.safetensors").stat().st_size
        weights = rows[kind].weights
        assert weights is not None
        assert weights < size < weights * 1.05 + 20_000
    tensors = transformers.AutoModelForCausalLM.from_pretrained(wide_model, dtype=torch.float32).named_parameters()
    written = sum(
        gguf.quants.quantize(tensor.detach().numpy(), gguf.GGMLQuantizationType[kind]).nbytes
        for name, tensor in tensors
        for kind in ("F32" if tensor.ndim == 1 else "Q8_0" if "embed" in name or "head" in name else "Q4_0",)
    )
    assert rows["gguf-q4_0"].weights == written
    assert rows["full"].peak is not None
    assert rows["full"].scoring_speed is not None
    assert (rows["gguf-q8_0"].peak, rows["gguf-q8_0"].scoring_speed) == (None, None)


@pytest.mark.parametrize("kind", quantizing.GGUF)
def test_a_weight_has_the_values_that_its_gguf_file_holds(kind: str, tmp_path: Path) -> None:
    weight = torch.randn(6, 64)
    file = tmp_path / "one.gguf"
    writer = gguf.GGUFWriter(file, "llama")
    made = gguf.GGMLQuantizationType[kind.removeprefix("gguf-").upper()]
    writer.add_tensor("w", gguf.quants.quantize(weight.numpy(), made), raw_dtype=made)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    tensor = gguf.GGUFReader(file).tensors[0]
    held = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    assert np.array_equal(quantizing.rounded("q_proj.weight", weight, kind).numpy(), held)
    assert torch.equal(quantizing.rounded("norm.weight", weight[0], kind), weight[0])  # vectors stay in F32
    odd = torch.randn(3, 33)
    assert torch.equal(quantizing.rounded("odd.weight", odd, kind), odd.half().float())  # no whole block


def test_what_cannot_be_done_is_a_row_with_the_reason(wide_model: Path, text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(kind: str, precision: object) -> None:
        raise RuntimeError(f"no kernel of {kind}\nfor this device")

    monkeypatch.setattr(quantizing, "bitsandbytes_config", none)
    made = list(quantized_report.measure(scored_model.named(str(wide_model)), text, kinds=("nf4", "gguf-q8_0"), apart=False))
    assert [(row.kind, row.fault) for row in made] == [
        ("full", None),
        ("nf4", "no kernel of nf4 for this device"),
        ("gguf-q8_0", None),
    ]
    page = quantized_table.as_markdown(made, "tiny", "cpu", "text.jsonl")
    assert "| NF4 | not measured: no kernel of nf4 for this device |" in page


def test_the_table_is_written_in_three_forms(rows: dict[str, Row], tmp_path: Path) -> None:
    page, plain, picture = quantized_table.write(list(rows.values()), "tiny", "cpu", "text.jsonl", tmp_path / "out")
    assert sum(line.startswith("| ") for line in page.read_text("utf-8").splitlines()) == 1 + len(quantizing.KINDS)
    assert [row["kind"] for row in json.loads(plain.read_text("utf-8"))["rows"]] == list(quantizing.KINDS)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_model_in_4_bits_is_no_checkpoint_to_measure(wide_model: Path, text: Path) -> None:
    with pytest.raises(RunError, match="already in 4 bits"):
        next(quantized_report.measure(scored_model.named(f"{wide_model}@nf4"), text))
