"""What is written as GGUF is what transformers, llama.cpp and the CPU engine compute; and what cannot be written is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import tokenizers
import torch
import transformers
from click.testing import CliRunner

from training import export, gguf_adapter, gguf_llama, gguf_model, merge, merged_folder, pre_tokenizers, stage
from training.errors import RunError
from training.finished import open_run
from training.recipe import Recipe
from tutor.cli.main import main

Made = Callable[..., Recipe]
TEXT = "If x   12 then 2024 is it's turn.\n\n  4 and 5 make 9, don't they? Überraschung!"
LLAMA_3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] }}<|turn|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


def byte_level(splitting: str) -> transformers.PreTrainedTokenizerFast:
    """A byte-level BPE of 400 tokens that splits as a model known to llama.cpp does."""
    whole = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": None,
        "post_processor": None,
        "truncation": None,
        "padding": None,
    }
    model = {"type": "BPE", "vocab": {}, "merges": []}
    steps = {"type": "Sequence", "pretokenizers": pre_tokenizers.PARTS[splitting]}
    inner = tokenizers.Tokenizer.from_str(json.dumps(whole | {"model": model, "pre_tokenizer": steps, "decoder": None}))
    inner.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|end|>", "<|start|>", "<|turn|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator([TEXT, "the and then there it is", "1234 567 12 12 12"], trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<|turn|>", bos_token="<|start|>", pad_token="<|end|>"
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def folder_of(place: Path, splitting: str = "smollm", **changes: Any) -> Path:
    """A random Llama of 0.1 million weights, grouped queries, and a tokenizer of its own."""
    torch.manual_seed(0)
    tokenizer = byte_level(splitting)
    shape = {
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    given = (
        shape | {"vocab_size": 416, "eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.bos_token_id} | changes
    )
    config = transformers.LlamaConfig(**given)
    model = transformers.LlamaForCausalLM(config)
    with torch.no_grad():  # far from uniform, so that an order of rows gone wrong is seen
        for parameter in model.parameters():
            parameter.mul_(4 if parameter.dim() > 1 else 1)
    model.half().save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    file = tmp_path / "text.jsonl"
    file.write_text("".join(json.dumps({"text": line}) + "\n" for line in (TEXT, "and then there it is: 12 12 34")), "utf-8")
    return file


def llama_cpp_log_probs(file: Path, ids: list[int], adapter: Path | None = None) -> np.ndarray:
    """What llama.cpp computes after `ids`: log-probabilities, (vocabulary,)."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file)
    parameters.n_ctx, parameters.n_parallel, parameters.n_gpu_layers = 256, 1, 0
    parameters.warmup = parameters.fit_params = False
    if adapter:
        info = xllamacpp.CommonAdapterLoraInfo()
        info.path, info.scale = str(adapter), 1.0
        parameters.lora_adapters = [info]
    server = xllamacpp.Server(parameters)
    # A token whose bytes are no whole character would come without its figures; these are those before the bias.
    answer = server.handle_completions({"prompt": ids, "n_predict": 1, "n_probs": 10_000, "logit_bias": [[100, 100.0]]})
    (token,) = answer["choices"][0]["logprobs"]["content"]
    row = np.full(len(token["top_logprobs"]), -np.inf, np.float32)
    for candidate in token["top_logprobs"]:
        row[candidate["id"]] = candidate["logprob"]
    return row


def transformers_log_probs(model: Any, ids: list[int]) -> np.ndarray:
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0, -1].float().log_softmax(-1).numpy()


def test_f16_is_the_model_to_the_last_bit_and_quantized_it_is_near(model: Path, text: Path, tmp_path: Path) -> None:
    found = {kind: export.export(model, "gguf", kind, tmp_path / f"{kind}.gguf", text).agreement for kind in gguf_model.TYPES}
    assert found["f16"].kl < 1e-9
    assert (found["f16"].top1, found["f16"].greedy) == (1, 1)
    assert found["f16"].kl < found["q8_0"].kl < 0.002 < found["q4_0"].kl
    sizes = [(tmp_path / f"{kind}.gguf").stat().st_size for kind in gguf_model.TYPES]
    assert sizes[0] > sizes[1] > sizes[2]
    record = json.loads((tmp_path / "q8_0.gguf.json").read_text("utf-8"))
    assert (record["type"], record["agreement"]["kl"]) == ("q8_0", found["q8_0"].kl)


@pytest.mark.parametrize(
    ("splitting", "changes"),
    [
        ("smollm", {"tie_word_embeddings": True}),
        ("gpt-2", {}),
        ("llama-bpe", {"rope_parameters": LLAMA_3 | {"original_max_position_embeddings": 32, "rope_theta": 5000.0}}),
    ],
    ids=["tied", "gpt-2", "llama-3.1"],
)
def test_llama_cpp_computes_and_tokenizes_the_same(splitting: str, changes: dict[str, Any], text: Path, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "model", splitting, **changes)
    done = export.export(folder, "gguf", "f16", tmp_path / "model.gguf", text)
    assert len(done.cautions) == (0 if splitting == "smollm" else 1) + bool("rope_parameters" in changes)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(TEXT).input_ids
    read = transformers_log_probs(transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), ids)
    assert np.abs(llama_cpp_log_probs(tmp_path / "model.gguf", ids) - read).max() < 0.02
    # Given the text, llama.cpp arrives at the same place only by the same tokens.
    assert np.abs(llama_cpp_log_probs(tmp_path / "model.gguf", TEXT) - read).max() < 0.02  # type: ignore[arg-type]


def test_the_frequencies_of_llama_3_1_are_those_transformers_computes() -> None:
    given = LLAMA_3 | {"original_max_position_embeddings": 8192, "rope_theta": 500000.0}
    config = transformers.LlamaConfig(hidden_size=4096, num_attention_heads=32, rope_parameters=given)
    expected = transformers.models.llama.modeling_llama.LlamaRotaryEmbedding(config).inv_freq.numpy()
    plain = 500000.0 ** -(np.arange(0, 128, 2) / 128)
    factors = gguf_llama.rope_factors(config.to_dict())
    assert factors is not None
    assert plain / factors == pytest.approx(expected, rel=1e-5)
    assert (factors[0], factors[-1]) == (1, 8)


def test_the_header_stops_where_a_turn_ends(model: Path, text: Path, tmp_path: Path) -> None:
    export.export(model, "gguf", "f16", tmp_path / "m.gguf", text)
    fields = {name: field.contents() for name, field in gguf.GGUFReader(tmp_path / "m.gguf").fields.items()}
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    assert fields["tokenizer.ggml.eos_token_id"] == tokenizer.convert_tokens_to_ids("<|turn|>")
    assert fields["tokenizer.ggml.pre"] == "smollm"
    assert fields["tokenizer.chat_template"] == TEMPLATE
    assert fields["tokenizer.ggml.add_bos_token"] is False
    kinds = dict(zip(fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"], strict=True))
    assert (kinds["<|turn|>"], kinds["a"], kinds[f"[PAD{415}]"]) == (3, 1, 5)  # control, normal, unused


def test_an_adapter_alone_over_its_base_is_the_adapted_model(tiny_recipe: Made, text: Path, tmp_path: Path) -> None:
    """Under llama.cpp, which knows alpha / rank only; rsLoRA's alpha / sqrt(rank) has to come to the same."""
    folder = folder_of(tmp_path / "model")
    recipe = tiny_recipe("sft", f"model={folder}", "quantization=none", "learning_rate=0.05")
    assert recipe.lora
    assert recipe.lora.rslora
    stage.run(stage.check(recipe), tmp_path / "run")
    export.export(folder, "gguf", "f16", tmp_path / "base.gguf", text)
    done = export.export(tmp_path / "run", "adapter")
    assert done.file == tmp_path / "run-adapter.gguf"
    merge.merge(tmp_path / "run", tmp_path / "merged", dtype="fp32")
    ids = transformers.AutoTokenizer.from_pretrained(folder)(TEXT).input_ids
    adapted = transformers_log_probs(
        transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32), ids
    )
    alone = llama_cpp_log_probs(tmp_path / "base.gguf", ids)
    assert np.abs(alone - adapted).max() > 0.5
    assert np.abs(llama_cpp_log_probs(tmp_path / "base.gguf", ids, done.file) - adapted).max() < 0.03


def test_the_scale_is_the_one_that_peft_has() -> None:
    assert gguf_adapter.alpha_of({"r": 64, "lora_alpha": 128, "use_rslora": True}) / 64 == 16  # 128 / sqrt(64)
    assert gguf_adapter.alpha_of({"r": 64, "lora_alpha": 128, "use_rslora": False}) / 64 == 2


def test_a_run_is_merged_on_the_way(tiny_recipe: Made, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "model")
    stage.run(stage.check(tiny_recipe("sft", f"model={folder}", "max_steps=1")), tmp_path / "run")
    (tmp_path / "taken.gguf").touch()
    with pytest.raises(RunError, match="is there already"):
        export.export(tmp_path / "run", "gguf", out=tmp_path / "taken.gguf")
    assert not (tmp_path / "run-merged").exists()  # told before it is merged
    done = CliRunner().invoke(main, ["export", str(tmp_path / "run"), "--to", "gguf", "--type", "q8_0"])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1].startswith(f"{tmp_path / 'run-merged-q8_0.gguf'}: beside the merged model KL ")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text("utf-8"))
    record = json.loads((tmp_path / "run-merged" / "merge.json").read_text("utf-8"))
    assert record["adapter"] == manifest["files"]["adapter/adapter_model.safetensors"]
    (tmp_path / "run-merged" / "merge.json").write_text(json.dumps(record | {"adapter": "another"}), "utf-8")
    with pytest.raises(RunError, match=r"run-merged: not what .* is merged into now"):
        export.export(tmp_path / "run", "gguf", "f16")


def test_a_run_that_trained_every_weight_is_exported_as_it_is(tiny_recipe: Made, tmp_path: Path) -> None:
    folder, run = folder_of(tmp_path / "model"), tmp_path / "run"
    recipe = tiny_recipe("sft", f"model={folder}", "max_steps=1", "full=true", "lora=null", "quantization=none")
    stage.run(stage.check(recipe), run)
    with pytest.raises(RunError, match=r"no adapter to merge or export\. Its model is whole: tutor chat --model .*/run/model"):
        open_run(run)
    assert export.export(run, "gguf").file == tmp_path / "run-f16.gguf"
    record = json.loads((tmp_path / "run-f16.gguf.json").read_text("utf-8"))
    assert record["held_out"]["source"] == "rows that the run was trained on"
    assert record["agreement"]["kl"] < 1e-5
    assert (
        export.export(run / "model", "gguf", out=tmp_path / "same.gguf").file.read_bytes()
        == (tmp_path / "run-f16.gguf").read_bytes()
    )
    weights = run / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"x")
    with pytest.raises(RunError, match="is not the file that the run wrote"):
        export.export(run, "gguf", out=tmp_path / "other.gguf")


def test_what_cannot_be_written_is_refused(model: Path, tiny_model: Path, text: Path, tmp_path: Path) -> None:
    def refusal(folder: Path, to: str = "gguf", kind: str | None = None, given: Path | None = text) -> str:
        out = tmp_path / "out.gguf"
        with pytest.raises(RunError) as raised:
            export.export(folder, to, kind, out, given)
        assert not out.exists()
        assert not list(tmp_path.glob(".out*"))
        assert "\n" not in str(raised.value)
        return str(raised.value)

    assert "splits text by nothing, which is none of smollm, llama-bpe" in refusal(tiny_model)
    assert "--type is for GGUF" in refusal(model, "adapter", "f16")
    assert "a whole model has no adapter" in refusal(model, "adapter")
    assert "no merge.json names text to measure on" in refusal(model, given=None)
    changed = tmp_path / "changed"
    shutil.copytree(model, changed)
    config = json.loads((model / "config.json").read_text("utf-8"))
    (changed / "config.json").write_text(json.dumps(config | {"model_type": "mistral"}), "utf-8")
    assert "a model of type mistral" in refusal(changed)
    (changed / "config.json").write_text(
        json.dumps(config | {"rope_parameters": {"rope_type": "yarn", "factor": 2.0}}), "utf-8"
    )
    assert "rotary positions of type yarn" in refusal(changed)


def test_mlx_computes_the_same(text: Path, tmp_path: Path) -> None:
    pytest.importorskip("mlx_lm", reason="mlx_lm is not installed (pip install -e '.[mlx]')")
    """mlx_lm looks for rope_theta, which transformers 5 no longer writes, and takes 10,000 where there is none."""
    folder = folder_of(tmp_path / "model", rope_parameters={"rope_type": "default", "rope_theta": 50.0})
    with pytest.raises(RunError, match=r"read again as mlx, the model is .* nats a token from itself"):
        export.export(folder, "mlx", out=tmp_path / "mlx", text=text)
    assert not list(tmp_path.glob("*mlx*"))
    merged_folder.for_older_readers(folder)
    done = export.export(folder, "mlx", out=tmp_path / "mlx", text=text)
    assert done.agreement is not None
    assert done.agreement.kl < 1e-3
    record = json.loads((tmp_path / "mlx.json").read_text("utf-8"))
    assert record["files"].keys() == {file.name for file in (tmp_path / "mlx").iterdir()}


def test_without_mlx_the_line_says_what_to_install(
    model: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RunError, match="not installed"):
        export.export(model, "mlx", out=tmp_path / "mlx", text=text)
