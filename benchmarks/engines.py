"""The engines that `answering.py` compares, asked with token ids, each as itself does it best."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tutor.answering.models import built_in_file

NEW_TOKENS = 64
CONTEXT = 2048
LEAD = 32  # tokens in front of the first position that is compared
THROUGH_ENGINE = 40

Ask = Callable[[Sequence[int]], list[float]]
"""Generates NEW_TOKENS after a prompt of token ids; the moments (time.perf_counter) at which they came."""


def load_transformers() -> tuple[Any, Any]:
    """Tokenizer and fp32 model of the shipped file."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    file = built_in_file()
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    return tokenizer, AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)


def ask_transformers(file: Path, threads: int) -> Ask:
    import torch
    from transformers.generation.streamers import BaseStreamer

    _, model = load_transformers()

    class Moments(BaseStreamer):  # type: ignore[misc]
        def __init__(self) -> None:
            self.seen: list[float] = []

        def put(self, value: Any) -> None:
            self.seen.append(time.perf_counter())

        def end(self) -> None:
            pass

    def ask(prompt: Sequence[int]) -> list[float]:
        moments = Moments()
        ids = torch.tensor([prompt])
        with torch.inference_mode():
            model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                streamer=moments,
                do_sample=False,
                min_new_tokens=NEW_TOKENS,
                max_new_tokens=NEW_TOKENS,
                pad_token_id=0,
            )
        return moments.seen[1:]  # the prompt itself comes first

    return ask


def _llama_cpp_server(file: Path, threads: int) -> Any:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file)
    parameters.n_ctx = CONTEXT
    parameters.n_parallel = 1
    parameters.n_gpu_layers = 0
    parameters.fit_params = False
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    return xllamacpp.Server(parameters)


def ask_llama_cpp(file: Path, threads: int) -> Ask:
    server = _llama_cpp_server(file, threads)
    request = {"n_predict": NEW_TOKENS, "ignore_eos": True, "temperature": 0, "stream": True}

    def ask(prompt: Sequence[int]) -> list[float]:
        moments: list[float] = []
        chunks: list[dict[str, Any]] = []

        def take(chunk: dict[str, Any]) -> bool:
            moments.append(time.perf_counter())
            chunks.append(chunk)
            return False

        server.handle_completions({**request, "prompt": list(prompt)}, take)
        timings = chunks[-1].get("timings", {})
        if timings.get("predicted_n") != NEW_TOKENS:
            raise RuntimeError(f"llama.cpp wrote {timings.get('predicted_n')} of {NEW_TOKENS} tokens: {chunks[-1]}")
        return moments[:-1]  # the last chunk holds the timings alone

    return ask


def distributions_llama_cpp(file: Path, threads: int, tokens: Sequence[int]) -> tuple[Any, list[tuple[int, float]], str]:
    """Log probabilities of shape (positions, vocabulary), one request a position; and its own of the likeliest token."""
    import numpy as np

    server = _llama_cpp_server(file, threads)
    rows, own = [], []
    for length in range(LEAD, len(tokens)):
        request = {"prompt": list(tokens[:length]), "n_predict": 1, "n_probs": 1_000_000, "temperature": 0}
        answer = server.handle_completions(request)
        (token,) = answer["choices"][0]["logprobs"]["content"]
        row = np.full(len(token["top_logprobs"]), -np.inf, np.float32)
        for candidate in token["top_logprobs"]:
            row[candidate["id"]] = candidate["logprob"]
        rows.append(row)
        own.append((token["id"], token["logprob"]))
    return np.stack(rows), own[:THROUGH_ENGINE], ""


def _openvino_batcher(file: Path) -> Any:
    from tutor.answering.openvino_engine import Batcher

    return Batcher(file)


def ask_openvino(file: Path, threads: int) -> Ask:
    import numpy as np
    import openvino

    batcher = _openvino_batcher(file)
    config = batcher.pipeline.get_config()
    config.do_sample = False
    config.ignore_eos = True
    config.max_new_tokens = NEW_TOKENS

    def ask(prompt: Sequence[int]) -> list[float]:
        ids = openvino.Tensor(np.array([prompt], np.int64))
        moments = [time.perf_counter() for _ in batcher.generate(ids, config)]
        if len(moments) != NEW_TOKENS:
            raise RuntimeError(f"OpenVINO wrote {len(moments)} of {NEW_TOKENS} tokens")
        return moments

    return ask


def distributions_openvino(file: Path, threads: int, tokens: Sequence[int]) -> tuple[Any, list[tuple[int, float]], str]:
    """As for llama.cpp: all positions in one pass of the converted graph, its own through the pipeline."""
    import numpy as np
    import openvino
    import openvino_genai
    import torch

    with tempfile.TemporaryDirectory() as name:  # GenAI saves the graph beside the GGUF file
        copy = Path(name, file.name)
        copy.symlink_to(file.resolve())
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = 1
        pipeline = openvino_genai.ContinuousBatchingPipeline(str(copy), scheduler, "CPU", {"enable_save_ov_model": True})
        compiled = openvino.Core().compile_model(Path(name, "openvino_model.xml"), "CPU")
    ids = np.array([tokens], np.int64)
    inputs = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "position_ids": np.arange(len(tokens))[None],
        "beam_idx": np.zeros(1, np.int32),
    }
    logits = next(iter(compiled.create_infer_request().infer(inputs).values()))[0, LEAD - 1 : -1]

    config = pipeline.get_config()
    config.do_sample = False
    config.ignore_eos = True
    config.max_new_tokens = 1
    config.logprobs = 1
    own = []
    for length in range(LEAD, len(tokens))[:THROUGH_ENGINE]:
        request = pipeline.add_request(length, openvino.Tensor(ids[:, :length].copy()), config)
        while pipeline.has_non_finished_requests():
            pipeline.step()
        (output,) = request.read().values()
        own.append((output.generated_ids[-1], float(output.generated_log_probs[-1])))
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    cache = compiled.get_property("KV_CACHE_PRECISION").to_string()
    return torch.tensor(logits).log_softmax(-1).numpy(), own, f"computes in {precision}, cache in {cache}"
