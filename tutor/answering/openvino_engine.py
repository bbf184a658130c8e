"""The embedded CPU engine: OpenVINO GenAI's continuous batching behind LlamaIndex's LLM interface.

Why not llama-index-llms-openvino-genai: its streamer is one object shared by all requests and cannot be cancelled, and it
reports a context window that is not the model's. Here one thread steps the pipeline; requests of any number of threads
join the running batch, and each stream can be closed at any token.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.llms import CustomLLM, MessageRole
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

CACHE_GIGABYTES = 1
WATCH_EVERY = 16  # tokens
_END = object()


Watch = Callable[[list[int]], bool]


class _Request:
    """One generation in the batch: token ids arrive in `tokens`; `_END` or an exception closes it."""

    def __init__(self, prompt: Any, config: Any) -> None:
        self.prompt = prompt
        self.config = config
        self.tokens: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.cancelled = threading.Event()
        self.handle: Any = None

    def take(self, output: Any) -> None:
        for token in output.generated_ids:
            self.tokens.put(token)

    def end(self, error: BaseException | None = None) -> None:
        self.tokens.put(error or _END)


class Generated(_Request):
    """One of several generations that begin together: put into `done` when all its tokens are in `ids`.

    `log_probs` are the tokens' where the config asks for them; `watch` is asked now and then, between two steps, whether the
    tokens so far are enough.
    """

    def __init__(self, prompt: Any, config: Any, done: queue.SimpleQueue[Generated], watch: Watch | None) -> None:
        super().__init__(prompt, config)
        self.ids: list[int] = []
        self.log_probs: list[float] = []
        self.cut = False  # by max_new_tokens
        self.error: BaseException | None = None
        self._done = done
        self._watch = watch

    def take(self, output: Any) -> None:
        before = len(self.ids)
        self.ids.extend(output.generated_ids)
        self.log_probs.extend(output.generated_log_probs)
        self.cut = output.finish_reason == openvino_genai.GenerationFinishReason.LENGTH
        due = len(self.ids) // WATCH_EVERY > before // WATCH_EVERY
        if self._watch and due and self._watch(self.ids):
            self.cancelled.set()

    def end(self, error: BaseException | None = None) -> None:
        self.error = error
        self._done.put(self)


class Batcher:
    """Steps an OpenVINO GenAI pipeline in one thread for requests of any thread."""

    def __init__(self, model: Path, device: str = "CPU") -> None:
        self._model, self._device = model, device
        self.pipeline = self._open()
        self._failed = False
        self._used = False
        self.tokenizer = self.pipeline.get_tokenizer()
        self._waiting: queue.SimpleQueue[Sequence[_Request]] = queue.SimpleQueue()
        self._running: dict[int, _Request] = {}
        self._next = 0
        threading.Thread(target=self._work, name="openvino-batch", daemon=True).start()

    def _open(self) -> Any:
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.enable_prefix_caching = True  # the instructions in front of every question are computed once
        scheduler.cache_size = CACHE_GIGABYTES
        return openvino_genai.ContinuousBatchingPipeline(str(self._model), scheduler, self._device, {})

    def generate(self, prompt: Any, config: Any) -> Iterator[int]:
        """Token ids as they come; closing the iterator ends the generation."""
        request = _Request(prompt, config)
        self._waiting.put([request])
        try:
            while (item := request.tokens.get()) is not _END:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            request.cancelled.set()

    def together(self, rows: Sequence[tuple[Any, Any]], watch: Watch | None = None) -> Iterator[tuple[int, Generated]]:
        """Generate for several (prompt, config) that all join the batch before its next step; each is yielded, with its place
        in `rows`, as it ends. Closing the iterator ends them all.

        Raises the first error of any. What a batch computes depends in its last bits on what is in it, and so may a token:
        the same rows on a pipeline that nothing else used (`renew`) give the same tokens.
        """
        done: queue.SimpleQueue[Generated] = queue.SimpleQueue()
        requests = [Generated(prompt, config, done, watch) for prompt, config in rows]
        places = {id(request): place for place, request in enumerate(requests)}
        self._waiting.put(requests)
        try:
            while places:
                ended = done.get()
                place = places.pop(id(ended))
                if ended.error:
                    raise ended.error
                yield place, ended
        finally:
            for request in requests:
                request.cancelled.set()
            while places:  # the step at work is the last; an interpreter that ends before it does may crash
                places.pop(id(done.get()))

    def renew(self) -> None:
        """Open the pipeline anew unless nothing has used it yet: nothing is cached then. Only while nothing is generated."""
        if self._used:
            self.pipeline = None  # first, or there would be two in memory
            self.pipeline = self._open()
            self._used = False

    def _work(self) -> None:
        while True:
            if not self._running:
                self._admit(self._waiting.get())
            while not self._waiting.empty():
                self._admit(self._waiting.get())
            try:
                self._step()
            except Exception as error:  # noqa: BLE001  every reader is told; without this thread they would wait for ever
                ended, self._running = list(self._running.values()), {}
                self._failed = True
                for request in ended:
                    request.end(error)

    def _admit(self, requests: Sequence[_Request]) -> None:
        for request in requests:
            self._add(request)

    def _add(self, request: _Request) -> None:
        self._used = True
        try:
            if self._failed:  # a pipeline in which a step has failed refuses every later one
                self.pipeline, self._failed = self._open(), False
            request.handle = self.pipeline.add_request(self._next, request.prompt, request.config)
        except Exception as error:  # noqa: BLE001  as above
            request.end(error)
            return
        self._running[self._next] = request
        self._next += 1

    def _step(self) -> None:
        for request in self._running.values():
            if request.cancelled.is_set():
                request.handle.cancel()
        if self.pipeline.has_non_finished_requests():
            self.pipeline.step()
        for number, request in list(self._running.items()):
            while request.handle.can_read():
                for output in request.handle.read().values():
                    request.take(output)
            if request.handle.get_status() != openvino_genai.GenerationStatus.RUNNING:
                del self._running[number]
                request.end()


class OpenVINOLLM(CustomLLM):
    """A GGUF file or an OpenVINO model folder, on the CPU."""

    model_name: str = Field(description="What the model is called.")
    context_window: int = Field(description="Tokens of prompt and answer together.")
    max_new_tokens: int = Field(description="Most tokens of an answer.")

    _batcher: Batcher = PrivateAttr()

    def __init__(self, model: Path, **fields: Any) -> None:
        super().__init__(**fields)
        self._batcher = Batcher(model)

    @classmethod
    def class_name(cls) -> str:
        return "OpenVINOLLM"

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            model_name=self.model_name,
            context_window=self.context_window,
            num_output=self.max_new_tokens,
            is_chat_model=True,
        )

    def render(self, messages: Sequence[ChatMessage]) -> str:
        """The prompt that the model's own chat template makes of `messages`."""
        rows = [{"role": message.role.value, "content": message.content or ""} for message in messages]
        return str(self._batcher.tokenizer.apply_chat_template(rows, add_generation_prompt=True))

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return int(self._encode(self.render(messages)).shape[1])

    def tokens(self, prompt: str) -> list[int]:
        """The ids of a rendered prompt."""
        return [int(token) for token in self._encode(prompt).data[0]]

    def text(self, tokens: Sequence[int]) -> str:
        return str(self._batcher.tokenizer.decode(list(tokens), skip_special_tokens=True))

    def forget(self) -> None:
        """Begin again with nothing cached (see Batcher.renew)."""
        self._batcher.renew()

    def generate_together(
        self, rows: Sequence[tuple[Sequence[int], Mapping[str, Any]]], watch: Watch | None = None
    ) -> Iterator[tuple[int, Generated]]:
        """For several (token ids of a prompt, options of `_config`) at once; see Batcher.together."""
        given = [(ov.Tensor(np.array([ids], np.int64)), self._config(**options)) for ids, options in rows]
        return self._batcher.together(given, watch)

    def _encode(self, prompt: str) -> Any:
        # The template writes the special tokens; the tokenizer must not add its own a second time.
        return self._batcher.tokenizer.encode(prompt, add_special_tokens=False).input_ids

    def _config(self, **options: Any) -> Any:
        """max_tokens, stop (texts), grammar (EBNF), temperature (0: greedy), seed, log_probs (of the tokens that come)."""
        config = self._batcher.pipeline.get_config()
        config.do_sample = False
        if temperature := options.get("temperature"):
            config.do_sample, config.temperature = True, temperature
            config.rng_seed = options.get("seed", 0)
        config.logprobs = int(options.get("log_probs", False))
        config.max_new_tokens = options.get("max_tokens", self.max_new_tokens)
        if stop := options.get("stop"):
            config.stop_strings = set(stop)
        if ebnf := options.get("grammar"):
            config.structured_output_config = openvino_genai.StructuredOutputConfig(grammar=ebnf)
        return config

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text="".join(part.delta or "" for part in self.stream_complete(prompt, formatted, **kwargs)))

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        text = prompt if formatted else self.render([ChatMessage(role=MessageRole.USER, content=prompt)])
        return self._stream(text, **kwargs)

    def _stream(self, prompt: str, **kwargs: Any) -> CompletionResponseGen:
        tokens: list[int] = []
        written = ""
        for token in self._batcher.generate(self._encode(prompt), self._config(**kwargs)):
            tokens.append(token)
            text = self._batcher.tokenizer.decode(tokens, skip_special_tokens=True)
            if text.endswith("\N{REPLACEMENT CHARACTER}"):  # the first half of a character
                continue
            if delta := text[len(written) :]:
                written = text
                yield CompletionResponse(text=written, delta=delta)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        text = self.complete(self.render(messages), formatted=True, **kwargs).text
        return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        prompt = self.render(messages)

        def stream() -> ChatResponseGen:
            for part in self._stream(prompt, **kwargs):
                message = ChatMessage(role=MessageRole.ASSISTANT, content=part.text)
                yield ChatResponse(message=message, delta=part.delta)

        return stream()
