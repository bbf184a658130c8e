"""Chains of thought from an OpenAI-compatible endpoint, which batches by itself what comes at once.

A server's batch is not this program's to compose, so a run that goes on may get another text where it had not come to yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from typing import Any, cast

from llama_index.core.llms import LLM, ChatMessage, MessageRole

from tutor.mcqa.reasoner import Prompt, Written, normalised

REQUESTS = 16  # at a time
TOP = 20  # log-probabilities that a server tells, at most
# The last message is the model's own, begun: what vLLM has to be told, and llama-server and Ollama do anyway.
GO_ON = {"add_generation_prompt": False, "continue_final_message": True}


class EndpointReasoner:
    """See tutor.mcqa.reasoner.Reasoner."""

    at_once = 4 * REQUESTS

    def __init__(self, llm: LLM) -> None:
        self._llm = llm

    def forget(self) -> None:
        """Nothing of a server's can be dropped."""

    def write(self, prompts: Sequence[Prompt], max_tokens: int) -> Iterator[tuple[int, Written]]:
        pool = ThreadPoolExecutor(REQUESTS)
        waiting = {pool.submit(self._write, prompt, max_tokens): place for place, prompt in enumerate(prompts)}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def choose(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[str | None]:
        """By vLLM's or llama-server's own means of constraining; a server that has none is read as far as it obeys."""
        with ThreadPoolExecutor(REQUESTS) as pool:
            return list(pool.map(self._choose, prompts, labels))

    def weigh(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[Mapping[str, float]]:
        """As far down as the server tells: a label that is not among its TOP tokens gets the last one's log-probability."""
        with ThreadPoolExecutor(REQUESTS) as pool:
            return list(pool.map(self._weigh, prompts, labels))

    def _write(self, prompt: Prompt, max_tokens: int) -> Written:
        raw = self._ask(prompt.messages, {"max_tokens": max_tokens}, temperature=prompt.temperature, seed=prompt.seed)
        choice, usage = raw.choices[0], raw.usage
        return Written(choice.message.content or "", usage.completion_tokens if usage else 0, choice.finish_reason == "length")

    def _choose(self, prompt: Prompt, labels: Sequence[str]) -> str | None:
        alternatives = " | ".join(f'"{label}"' for label in labels)
        constrained = {
            "structured_outputs": {"choice": list(labels)},  # vLLM
            "guided_choice": list(labels),  # vLLM before 0.11
            "grammar": f"root ::= {alternatives}",  # llama-server
        }
        content = self._next(prompt, constrained).message.content or ""
        said = content.removeprefix(prompt.begun).strip().removeprefix("(")[:1].upper()  # llama-server repeats what was begun
        return said if said in labels else None

    def _weigh(self, prompt: Prompt, labels: Sequence[str]) -> Mapping[str, float]:
        choice = self._next(prompt, {}, logprobs=True, top_logprobs=TOP)
        tokens = choice.logprobs.content if choice.logprobs and choice.logprobs.content else []
        told = tokens[0].top_logprobs if tokens else []
        found: dict[str, float] = {}
        for one in told:
            label = one.token.strip()
            if label in labels:
                found[label] = max(found.get(label, one.logprob), one.logprob)
        least = min((one.logprob for one in told), default=0.0)
        return normalised({label: found.get(label, least) for label in labels}) if found else {}

    def _next(self, prompt: Prompt, constrained: Mapping[str, Any], **options: Any) -> Any:
        """The choice of one token behind the prompt. A server that knows none of the extras is asked without."""
        import openai

        messages = [*prompt.messages, ChatMessage(role=MessageRole.ASSISTANT, content=prompt.begun)]
        one = {"max_tokens": 1}
        with suppress(openai.BadRequestError, openai.UnprocessableEntityError):
            return self._ask(messages, {**one, **GO_ON, **constrained}, temperature=0.0, **options).choices[0]
        return self._ask(messages, one, temperature=0.0, **options).choices[0]

    def _ask(self, messages: Sequence[ChatMessage], body: Mapping[str, Any], **options: Any) -> Any:
        """The server's reply. `body` goes past LlamaIndex, which puts its own max_tokens above one that is given."""
        return cast(Any, self._llm.chat(list(messages), extra_body=dict(body), **options).raw)
