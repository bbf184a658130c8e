"""The adapter on a 4-bit base: in fp32 whatever a trainer does, and the same results without PEFT's extra passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bitsandbytes
import pytest
import torch
import transformers

from training import adapter, base_model, fused_lora, precision
from training.errors import RecipeError, RunError
from training.recipe import Lora, Recipe

CPU = precision.Precision("fp32", "cpu", False)


@pytest.fixture
def base(tiny_model: Path) -> transformers.PreTrainedModel:
    tokenizer, _ = base_model.without_weights(str(tiny_model), None)
    return base_model.load(str(tiny_model), None, "nf4", CPU, tokenizer).model


def with_adapter(base: transformers.PreTrainedModel, rank: int = 4) -> torch.nn.Module:
    model = adapter.attach(base, Lora(rank, 2.0))
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.1)
    return model


def results(model: torch.nn.Module) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    torch.manual_seed(2)
    ids = torch.randint(0, 100, (2, 12))
    model.zero_grad()
    out = model(ids, labels=ids, use_cache=False)
    out.loss.backward()
    return out.logits.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.requires_grad}


def test_the_base_is_nf4_with_double_quantization_and_computes_as_asked(base: transformers.PreTrainedModel) -> None:
    """transformers' defaults are fp4 and fp32; TRL, given a name, loads in fp32 without quantizing."""
    layers = [module for module in base.modules() if isinstance(module, bitsandbytes.nn.Linear4bit)]
    assert len(layers) == 2 * 7
    assert {layer.weight.quant_state.quant_type for layer in layers} == {"nf4"}
    assert all(layer.weight.quant_state.nested for layer in layers)
    assert {layer.compute_dtype for layer in layers} == {torch.float32}
    assert not isinstance(base.lm_head, bitsandbytes.nn.Linear4bit)
    assert base.config.use_cache is False


def test_a_base_put_together_tensor_by_tensor_is_the_one_transformers_loads(
    base: transformers.PreTrainedModel, tiny_model: Path
) -> None:
    """As for a GGUF file, which transformers reads but does not quantize."""
    whole = transformers.AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    made = base_model.put_together(whole, base_model.nf4(CPU), CPU)
    ids = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.equal(made(ids, use_cache=False).logits, base(ids, use_cache=False).logits)


@pytest.mark.parametrize("checkpointed", [False, True])
@pytest.mark.parametrize("mixed", [False, True], ids=["fp32", "autocast"])
def test_the_fused_adapter_computes_the_same(
    base: transformers.PreTrainedModel, tiny_model: Path, checkpointed: bool, mixed: bool
) -> None:
    if mixed:  # a base that computes in bf16 and adapters in fp32, as on a GPU
        tokenizer, _ = base_model.without_weights(str(tiny_model), None)
        base = base_model.load(str(tiny_model), None, "nf4", precision.Precision("bf16", "cpu", False), tokenizer).model
    model = with_adapter(base)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed):
        logits, gradients = results(model)
        assert fused_lora.fuse(model, checkpointed) == 14
        fused_logits, fused_gradients = results(model)
    close = 0.05 if mixed else 1e-5
    assert (fused_logits - logits).norm() <= close * logits.norm()
    for name, gradient in gradients.items():
        assert fused_gradients[name].dtype is torch.float32
        assert (fused_gradients[name] - gradient).norm() <= close * gradient.norm()
    if not mixed:
        kinds = {type(module).__name__ for module in model.modules() if "Linear4bit" in type(module).__name__}
        assert ("LastLinear4bit" in kinds) == checkpointed


def test_a_checkpointed_layer_does_not_compute_its_last_product_again(
    base: transformers.PreTrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = with_adapter(base)
    fused_lora.fuse(model, checkpointed=True)
    products: list[tuple[int, ...]] = []
    product = bitsandbytes.matmul_4bit

    def counted(*args: Any, **kwargs: Any) -> torch.Tensor:
        products.append(tuple(kwargs["quant_state"].shape))
        return product(*args, **kwargs)

    monkeypatch.setattr(bitsandbytes, "matmul_4bit", counted)
    _, plain = results(model.train())
    assert (len(products), products.count((64, 128))) == (14, 2)
    products.clear()
    base.activation_checkpointing_enable()
    model.enable_input_require_grads()
    _, again = results(model)
    assert (len(products), products.count((64, 128))) == (26, 2)
    assert all(torch.equal(plain[name], again[name]) for name in plain)


def test_what_is_unusual_goes_the_way_of_peft(base: transformers.PreTrainedModel) -> None:
    model = with_adapter(base)
    fused_lora.fuse(model, checkpointed=False)
    ids = torch.arange(12)[None]
    with torch.no_grad(), model.disable_adapter():
        without = model(ids, use_cache=False).logits
    with torch.no_grad():
        assert not torch.equal(model(ids, use_cache=False).logits, without)
        model.add_adapter("ref", model.peft_config["default"])
        model.set_adapter("ref")  # B is zero in a new one
        torch.testing.assert_close(model(ids, use_cache=False).logits, without)


def test_what_is_trained_keeps_its_values_through_a_cast_to_bf16(base: transformers.PreTrainedModel) -> None:
    model = with_adapter(base)
    before = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
    with adapter.held_in_fp32(model):
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.to(torch.bfloat16)  # what TRL does to a quantized model
    after = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert all(p.dtype is torch.float32 and torch.equal(p, before[name]) for name, p in after.items())


def test_an_adapter_is_loaded_to_be_trained(base: transformers.PreTrainedModel, tmp_path: Path, tiny_model: Path) -> None:
    """PEFT loads it frozen unless told, and DPO then fails with an error about checkpointing."""
    with_adapter(base).save_pretrained(tmp_path)
    tokenizer, _ = base_model.without_weights(str(tiny_model), None)
    again = adapter.load(base_model.load(str(tiny_model), None, "nf4", CPU, tokenizer).model, tmp_path)
    assert sum(p.numel() for p in again.parameters() if p.requires_grad) == 2 * 4 * (
        128 + 96 + 96 + 128 + 192 + 192 + 192
    )  # blocks x rank x (inputs + outputs of each layer)


def test_a_frozen_adapter_is_refused(
    tmp_path: Path, base: transformers.PreTrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    import peft

    model = with_adapter(base)
    model.requires_grad_(False)
    monkeypatch.setattr(peft.PeftModel, "from_pretrained", lambda *args, **kwargs: model)
    with pytest.raises(RunError, match="no parameter that can be trained"):
        adapter.load(base, tmp_path)


@pytest.mark.parametrize(
    ("capability", "name"), [((7, 5), "fp16"), ((8, 0), "bf16"), ((9, 0), "bf16")], ids=["T4", "A100", "H200"]
)
def test_a_gpu_gets_the_format_it_computes_in(capability: tuple[int, int], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A T4 says that it supports bf16, and emulates it."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    picked = precision.pick(device="cuda")
    assert picked.name == name
    assert picked.flash == (name == "bf16")
    assert precision.pick(device="cpu").name == "fp32"


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("somebody/model", "needs its revision pinned"),
        ("./nowhere", "no such folder"),
        ("nowhere.gguf", "no such file"),
    ],
)
def test_a_base_that_cannot_be_named_again_is_refused(model: str, reason: str) -> None:
    with pytest.raises(RecipeError, match=reason):
        base_model.where(model, "main")


def test_a_folder_with_code_or_pickles_or_only_an_adapter_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"model_type": "llama"}')
    with pytest.raises(RecipeError, match="Pickled weights are not loaded"):
        base_model.where(str(tmp_path), None)
    config.write_text('{"model_type": "llama", "auto_map": {}}')
    with pytest.raises(RecipeError, match="run code"):
        base_model.where(str(tmp_path), None)
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(RecipeError, match="Name the base as model"):
        base_model.where(str(tmp_path), None)


def test_the_recipe_makes_the_adapter_that_it_says(
    tiny_recipe: Callable[..., Recipe], base: transformers.PreTrainedModel
) -> None:
    recipe = tiny_recipe("sft", "lora.rank=16", "lora.scale=4")
    assert recipe.lora is not None
    model = adapter.attach(base, recipe.lora)
    layer = model.base_model.model.model.layers[0].self_attn.q_proj
    assert layer.scaling["default"] == 4
    assert layer.lora_A["default"].weight.shape == (16, 64)
