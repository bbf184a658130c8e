"""The built-in model as transformers reads it, a safetensors folder made of it, and llama.cpp's server over it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tutor.answering.models import built_in_file

SERVER = """
import sys, threading
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.model_alias = sys.argv[1], {"smol"}
params.hostnames, params.port = ["127.0.0.1"], 0
params.n_ctx, params.n_parallel = 2048, 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
threading.Event().wait()
"""


@dataclass(frozen=True)
class Reference:
    """The built-in model in transformers, its weights dequantized to fp32."""

    model: Any
    tokenizer: Any

    def prompt(self, question: str) -> str:
        return str(
            self.tokenizer.apply_chat_template(
                [{"role": "user", "content": question}], tokenize=False, add_generation_prompt=True
            )
        )


@pytest.fixture(scope="session")
def reference() -> Reference:
    import torch
    import transformers

    file = built_in_file()
    transformers.utils.logging.disable_progress_bar()
    return Reference(
        transformers.AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32).eval(),
        transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name),
    )


@pytest.fixture(scope="session")
def chat_folder(reference: Reference, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model as a folder that fine-tuning leaves: safetensors, and the base model's end of text as the only stop."""
    import torch
    import transformers

    folder = tmp_path_factory.mktemp("models") / "smollm2-tuned"
    row = {key: value for key, value in reference.model.config.to_dict().items() if key != "quantization_config"}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**row))
    model.load_state_dict(reference.model.state_dict())
    end = reference.tokenizer.convert_tokens_to_ids("<|endoftext|>")
    model.config.eos_token_id = model.generation_config.eos_token_id = end
    model.to(torch.float16).save_pretrained(folder)
    reference.tokenizer.save_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.eos_token = "<|endoftext|>"
    tokenizer.save_pretrained(folder)
    return folder


@contextmanager
def serve() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """llama.cpp's own server in a child process: its address, and the child."""
    child = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(built_in_file())],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    try:
        assert child.stdout is not None
        address = child.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), "the server did not start"
        yield address, child
    finally:
        child.kill()
        child.wait()


@pytest.fixture(scope="session")
def llama_server() -> Iterator[str]:
    """The address of llama.cpp's server with the built-in model, called "smol", and a context of 2,048 tokens."""
    with serve() as (address, _):
        yield address


@pytest.fixture
def mortal_server() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server of the test's own, to be killed."""
    with serve() as started:
        yield started
