"""The whole way with real weights: NF4 SFT, DPO on its adapter, merged, exported to GGUF, answered by the CPU engine.

The first four of SmolLM2's thirty layers, with its own vocabulary and template, so that it takes a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gguf
import pytest
import torch
import transformers
from llama_index.core.llms import ChatMessage

from training import base_model, export, gguf_llama, merge, stage
from training.recipe import Recipe
from tutor.answering.models import load_model
from tutor.settings import Settings

Made = Callable[..., Recipe]
pytestmark = pytest.mark.model
LAYERS = 4
QUESTION = "3 and 5?"


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first layers of the built-in model as a folder. Read by hand: transformers reads all thirty, in half a minute."""
    folder = tmp_path_factory.mktemp("cut") / "smollm2-cut"
    tokenizer, whole = base_model.without_weights(base_model.BUILT_IN, None)
    left = ("quantization_config", "num_hidden_layers")
    config = transformers.LlamaConfig(
        **{key: value for key, value in whole.to_dict().items() if key not in left}, num_hidden_layers=LAYERS
    )
    model = transformers.LlamaForCausalLM(config)
    held = {tensor.name: tensor for tensor in gguf.GGUFReader(base_model.built_in_file()).tensors}
    with torch.no_grad():
        for name, weight in model.named_parameters():
            tensor = held[gguf_llama.tensor_name(name)]
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            if heads := {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(
                tensor.name.split(".")[-2]
            ):  # a head's rotated pairs lie side by side there, and half a head apart here
                values = values.reshape(heads, -1, 2, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
            weight.copy_(torch.from_numpy(values))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_from_examples_to_an_answer(cut: Path, tiny_recipe: Made, examples: dict[str, Path], tmp_path: Path) -> None:
    few = [f"model={cut}", "max_steps=2", "per_device_train_batch_size=2", "lora.rank=8"]
    sft, dpo = tmp_path / "sft", tmp_path / "dpo"
    assert stage.run(stage.check(tiny_recipe("sft", *few, "learning_rate=3e-4")), sft).finished
    recipe = tiny_recipe(
        "dpo", *few, "learning_rate=1e-4", f"parent={sft}", f"data.validation={examples['dpo-validation']}", "eval_strategy=no"
    )
    assert stage.run(stage.check(recipe), dpo).finished

    merged = merge.merge(dpo, tmp_path / "merged")
    assert merged.kept == merge.DEQUANTIZED
    assert merged.candidates[merge.DEQUANTIZED].kl < 1e-3 < merged.candidates[merge.SIXTEEN_BIT].kl

    exported = export.export(merged.folder, "gguf", "q8_0")
    assert exported.file == tmp_path / "merged-q8_0.gguf"
    assert exported.agreement is not None
    assert exported.agreement.kl < 0.01
    assert exported.agreement.top1 > 0.9

    tokenizer = transformers.AutoTokenizer.from_pretrained(merged.folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(merged.folder, dtype=torch.float32)
    messages = [{"role": "user", "content": QUESTION}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    row = model.generate(**prompt, do_sample=False, max_new_tokens=16)[0, prompt["input_ids"].shape[1] :]
    loaded = load_model(Settings(model=str(exported.file), home=tmp_path / "home", max_new_tokens=16))
    assert loaded.engine == "OpenVINO GenAI on the CPU"
    answer = loaded.llm.chat([ChatMessage(role="user", content=QUESTION)]).message.content
    expected = tokenizer.decode(row, skip_special_tokens=True)
    assert answer[:10] == expected[:10]  # four layers hardly prefer a word: in 8 bits the last ones differ

    # What fine-tuning leaves answers in the tutor as a folder too.
    folder = load_model(Settings(model=str(merged.folder), max_new_tokens=16))
    assert folder.llm.chat([ChatMessage(role="user", content=QUESTION)]).message.content == expected
