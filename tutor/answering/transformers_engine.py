"""A folder of safetensors through transformers, behind LlamaIndex's HuggingFaceLLM: 4-bit NF4 on CUDA, full precision on a CPU.

What is changed of HuggingFaceLLM: a templated prompt is tokenized without adding the special tokens a second time, an
error in the generating thread reaches the reader instead of leaving it to wait for ever, closing the stream stops
the generation, and one generation runs at a time.
"""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ChatResponseGen, CompletionResponse
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import MessageRole
from llama_index.core.llms.callbacks import llm_chat_callback
from llama_index.llms.huggingface import HuggingFaceLLM

from index_store.errors import ModelError

TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")


def check_folder(folder: Path) -> None:
    """Raise ModelError where `folder` is not a model that can be loaded safely, before anything loads."""
    if (folder / "recipe.yaml").is_file() and (folder / "model").is_dir():
        raise ModelError(f"{folder}: a run of `tutor train`. Give its model: {folder / 'model'}.")
    if (folder / "recipe.yaml").is_file():
        raise ModelError(f"{folder}: a run of `tutor train`. Merge it first: tutor merge {shlex.quote(str(folder))}")
    if (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder}: a LoRA adapter, not a whole model. Merge it into its base model first.")
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{folder}: no config.json. Give the folder that save_pretrained wrote.") from None
    except ValueError as error:
        raise ModelError(f"{folder / 'config.json'}: not valid JSON ({error}). Copy the folder again.") from error
    if not isinstance(config, dict) or "model_type" not in config:
        raise ModelError(f"{folder / 'config.json'}: no model_type. Give a transformers model folder.")
    if "auto_map" in config:
        raise ModelError(f"{folder / 'config.json'}: wants to run code from the model folder. Choose a model without auto_map.")
    if not list(folder.glob("*.safetensors")):
        raise ModelError(f"{folder}: no .safetensors weights. Pickled weights are not loaded; convert them first.")
    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise ModelError(f"{folder}: no tokenizer ({', '.join(TOKENIZERS)}). Copy the tokenizer's files next to the weights.")


def load(name: str, max_new_tokens: int, local: bool) -> tuple[TransformersLLM, str]:
    """The model and a phrase on how it is held. Raises ModelError where transformers cannot load it."""
    import torch
    import transformers
    from safetensors import SafetensorError

    transformers.utils.logging.disable_progress_bar()
    options: dict[str, Any] = {"trust_remote_code": False, "local_files_only": local}
    weights: dict[str, Any] = {"use_safetensors": True, "dtype": torch.float32}
    held = "fp32 on the CPU"
    if torch.cuda.is_available():
        compute = torch.bfloat16 if torch.cuda.get_device_capability() >= (8, 0) else torch.float16
        weights |= {"dtype": compute, "device_map": {"": 0}, "quantization_config": _nf4(compute)}
        held = f"4-bit NF4 on {torch.cuda.get_device_name()}"
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, **options)
        model = transformers.AutoModelForCausalLM.from_pretrained(name, **options, **weights)
    except (OSError, ValueError, ImportError, RuntimeError, KeyError, SafetensorError) as error:
        raise ModelError(f"{name}: transformers cannot load it: {str(error).strip().splitlines()[0]}") from error
    if not tokenizer.chat_template:
        raise ModelError(f"{name}: the tokenizer has no chat template. Choose an instruction-tuned model.")
    stops = _stop_tokens(model, tokenizer)
    llm = TransformersLLM(  # type: ignore[call-arg]
        model=model,
        tokenizer=tokenizer,
        model_name=name,
        tokenizer_name=name,
        context_window=int(getattr(model.config, "max_position_embeddings", 4096)),
        max_new_tokens=max_new_tokens,
        generate_kwargs={"do_sample": False, "eos_token_id": stops, "pad_token_id": stops[0]},
        is_chat_model=True,
    )
    return llm, held


def _nf4(compute: Any) -> Any:
    """4-bit NF4 with double quantization; transformers' own defaults are fp4 and fp32 compute."""
    import transformers

    return transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=compute
    )


def _stop_tokens(model: Any, tokenizer: Any) -> list[int]:
    """Every token that ends a turn: the generation config's, the tokenizer's, and those chat templates close turns with.

    A fine-tuned Llama folder often keeps the base model's end of text only, and then never stops.
    """
    found = model.generation_config.eos_token_id
    stops = {*(found if isinstance(found, list) else [found]), tokenizer.eos_token_id}
    known = tokenizer.get_vocab()
    stops |= {known[token] for token in ("<|eot_id|>", "<|im_end|>", "<|end_of_text|>") if token in known}
    return sorted(stop for stop in stops if stop is not None)


class TransformersLLM(HuggingFaceLLM):
    """See the module's docstring."""

    _busy: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @classmethod
    def class_name(cls) -> str:
        return "TransformersLLM"

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return len(self._tokenizer(self._tokenizer_messages_to_prompt(messages), add_special_tokens=False).input_ids)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        text = "".join(self._generate(self._tokenizer_messages_to_prompt(messages)))
        return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        prompt = self._tokenizer_messages_to_prompt(messages)

        def stream() -> ChatResponseGen:
            text = ""
            for delta in self._generate(prompt):
                text += delta
                yield ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text), delta=delta)

        return stream()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        message = ChatMessage(role=MessageRole.USER, content=prompt)
        text = prompt if formatted else self._tokenizer_messages_to_prompt([message])
        return CompletionResponse(text="".join(self._generate(text)))

    def render(self, messages: Sequence[ChatMessage]) -> str:
        """The prompt that the model's own chat template makes of `messages`."""
        return str(self._tokenizer_messages_to_prompt(messages))

    def generate_batch(
        self, prompts: Sequence[str], max_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> list[tuple[str, int, bool]]:
        """For each rendered prompt the text, its tokens, and whether these were all it had. At temperature 0 greedy; above it
        the batch, and it alone, draws from `seed`."""
        import torch

        sampled = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {}
        with self._busy, torch.inference_mode(), torch.random.fork_rng(enabled=bool(sampled)):
            inputs = self._padded(prompts)
            if sampled:
                torch.manual_seed(seed)
            options = {**self.generate_kwargs, **sampled, "max_new_tokens": max_tokens}
            rows = self._model.generate(**inputs, **options)[:, inputs["input_ids"].shape[1] :].tolist()
        stops = set(self.generate_kwargs["eos_token_id"])
        done = []
        for row in rows:
            end = next((at for at, token in enumerate(row) if token in stops), None)
            tokens = row if end is None else row[:end]
            done.append((self._tokenizer.decode(tokens, skip_special_tokens=True), len(tokens), end is None))
        return done

    def next_log_probs(self, prompt: str, texts: Sequence[str]) -> dict[str, float]:
        """The log-probability of each of `texts`, a token each, as what comes next."""
        import torch

        before = self._tokenizer("(", add_special_tokens=False).input_ids
        ids = {text: self._tokenizer("(" + text, add_special_tokens=False).input_ids[len(before) :] for text in texts}
        with self._busy, torch.inference_mode():
            logits = self._model(**self._padded([prompt]), logits_to_keep=1).logits[0, -1].float().log_softmax(-1)
        return {text: float(logits[token[0]]) for text, token in ids.items()}

    def _padded(self, prompts: Sequence[str]) -> Any:
        """On the left, where generate wants it."""
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        given = self._tokenizer(list(prompts), add_special_tokens=False, return_tensors="pt", padding=True, padding_side="left")
        return {name: given[name].to(self._model.device) for name in ("input_ids", "attention_mask")}

    def _generate(self, prompt: str) -> Any:
        """Pieces of text; closing the generator stops the model at its next token."""
        import torch
        from transformers import StoppingCriteria, StoppingCriteriaList, TextIteratorStreamer

        stopped = threading.Event()

        class Stopped(StoppingCriteria):  # type: ignore[misc]
            def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
                return torch.full((input_ids.shape[0],), stopped.is_set(), device=input_ids.device)

        inputs = self._tokenizer(prompt, add_special_tokens=False, return_tensors="pt").to(self._model.device)
        streamer = TextIteratorStreamer(self._tokenizer, skip_prompt=True, skip_special_tokens=True)
        failed: list[Exception] = []

        def run() -> None:
            try:
                with torch.inference_mode():
                    self._model.generate(
                        **inputs,
                        streamer=streamer,
                        max_new_tokens=self.max_new_tokens,
                        stopping_criteria=StoppingCriteriaList([Stopped()]),
                        **self.generate_kwargs,
                    )
            except Exception as error:  # noqa: BLE001  carried to the reader's thread, and raised there
                failed.append(error)
                streamer.end()

        with self._busy:
            thread = threading.Thread(target=run, name="transformers-generate", daemon=True)
            thread.start()
            try:
                yield from (piece for piece in streamer if piece)
            finally:
                stopped.set()
                thread.join()
        if failed:
            raise failed[0]
