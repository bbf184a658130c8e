"""GGUF files made ready: what is converted, what survives it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from index_store.errors import ModelError
from tutor.answering.gguf_file import check_weights, prepare
from tutor.answering.models import built_in_file

TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}"


def write_gguf(file: Path, template: str | None = TEMPLATE, rows: int = 2, columns: int = 32) -> Path:
    """A GGUF file of one F32 matrix."""
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_context_length(77)
    if template is not None:
        writer.add_chat_template(template)
    writer.add_tensor("blk.0.ffn_up.weight", np.arange(rows * columns, dtype=np.float32).reshape(rows, columns))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def prepared(cache, told):
    return prepare(built_in_file(), cache, told.append)


def test_a_file_of_a_type_read_inexactly_is_converted_and_says_so_once(prepared, told, cache):
    assert told == ["preparing SmolLM2-135M-Instruct.Q4_1.gguf for this processor (once)"]
    assert Path(prepared.file).parent == cache
    assert prepared.source == str(built_in_file())


@pytest.fixture(scope="module")
def original():
    return gguf.GGUFReader(built_in_file())


@pytest.fixture(scope="module")
def made(prepared):
    return gguf.GGUFReader(prepared.file)


def test_every_matrix_is_the_original_dequantized_and_quantized_to_q8_0(original, made):
    assert [tensor.name for tensor in made.tensors] == [tensor.name for tensor in original.tensors]
    after = {tensor.name: tensor for tensor in made.tensors}
    before = {tensor.name: tensor for tensor in original.tensors}
    assert {after[name].tensor_type.name for name in before if before[name].tensor_type.name == "Q4_1"} == {"Q8_0"}
    for name in ("blk.3.ffn_down.weight", "blk.29.attn_k.weight"):
        weights = gguf.quants.dequantize(before[name].data, before[name].tensor_type)
        expected = gguf.quants.quantize(weights, gguf.GGMLQuantizationType.Q8_0)
        assert np.array_equal(after[name].data, expected)
        # A block of Q8_0 is a scale and 32 integers of -127..127, so no weight moves by more than half a step.
        blocks = weights.reshape(-1, 32)
        step = np.abs(blocks).max(axis=1, keepdims=True) / 127
        read = gguf.quants.dequantize(after[name].data, gguf.GGMLQuantizationType.Q8_0).reshape(-1, 32)
        # And the scale itself is rounded to half precision, by at most 1 in 2,048, under integers of up to 127.
        assert (np.abs(read - blocks) <= (0.5 + 127 / 2048) * step).all()


def test_vectors_stay_as_they_were_in_full_precision(original, made):
    before = {tensor.name: tensor for tensor in original.tensors}
    for tensor in made.tensors:
        if len(tensor.shape) == 1:
            assert tensor.tensor_type.name == "F32"
            assert np.array_equal(tensor.data, before[tensor.name].data)


def test_tokenizer_template_and_every_other_field_survive(prepared, original, made):
    def fields(reader):
        kept = {name: field for name, field in reader.fields.items() if not name.startswith("GGUF.")}
        return {name: (field.contents(), field.types) for name, field in kept.items() if name != "general.file_type"}

    before, after = fields(original), fields(made)
    assert {"tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.chat_template"} <= set(before)
    assert len(after["tokenizer.ggml.tokens"][0]) == 49152
    assert after == before
    assert prepared.context_window == before["llama.context_length"][0] == 8192


def test_a_second_preparation_converts_nothing(prepared, cache):
    stamp = Path(prepared.file).stat().st_mtime_ns
    told = []
    assert prepare(built_in_file(), cache, told.append) == prepared
    assert told == []
    assert Path(prepared.file).stat().st_mtime_ns == stamp


def test_a_file_of_types_read_exactly_is_used_as_it_is(tmp_path):
    source, told = write_gguf(tmp_path / "tiny.gguf"), []
    used = prepare(source, tmp_path / "cache", told.append)
    assert (used.file, used.context_window, told) == (str(source), 77, [])
    assert [file.suffix for file in (tmp_path / "cache").iterdir()] == [".json"]


def test_a_record_that_was_torn_or_whose_copy_is_gone_is_made_again(tmp_path):
    source, cache = write_gguf(tmp_path / "tiny.gguf"), tmp_path / "cache"
    first = prepare(source, cache, lambda message: None)
    (record,) = cache.glob("*.json")
    for text in ("", "{", "[]", '{"file": "/nowhere.gguf", "source": "x", "context_window": 1, "name": "x"}'):
        record.write_text(text)
        assert prepare(source, cache, lambda message: None) == first


def test_a_changed_file_of_the_same_name_is_prepared_anew(tmp_path):
    source, cache = write_gguf(tmp_path / "tiny.gguf"), tmp_path / "cache"
    assert prepare(source, cache, lambda message: None).context_window == 77
    write_gguf(source, rows=4)
    prepare(source, cache, lambda message: None)
    assert len(list(cache.glob("*.json"))) == 2


def test_no_half_written_copy_stays_behind(prepared, cache):
    assert sorted(file.suffix for file in cache.iterdir()) == [".gguf", ".json"]


@pytest.mark.parametrize("kept", [0, 3, 4, 8, 24, 1000, 100_000, 2_000_000, 50_000_000])
def test_a_file_cut_off_anywhere_is_refused_in_one_line(tmp_path, kept):
    file = tmp_path / "cut.gguf"
    with built_in_file().open("rb") as whole:
        file.write_bytes(whole.read(kept))
    with pytest.raises(ModelError) as refused:
        prepare(file, tmp_path / "cache", lambda message: None)
    message = str(refused.value)
    assert message.startswith(f"{file}: ")
    assert ("not a GGUF file" if kept < 4 else "header cannot be read") in message
    assert "\n" not in message


@pytest.mark.parametrize("template", [None, ""])
def test_a_model_without_a_chat_template_is_refused(tmp_path, template):
    file = write_gguf(tmp_path / "base.gguf", template)
    with pytest.raises(ModelError, match=r"base\.gguf: no chat template in the file\. Choose an instruction-tuned model\."):
        prepare(file, tmp_path / "cache", lambda message: None)


def test_weights_of_another_hash_are_refused_with_the_command_that_mends_it(tmp_path):
    file = tmp_path / "weights"
    file.write_bytes(b"abc")
    # The sha256 of "abc" is the first test vector of FIPS 180-2.
    check_weights(file, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    file.write_bytes(b"abd")
    with pytest.raises(ModelError, match=r"not the published weights .*pip install --force-reinstall"):
        check_weights(file, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
