"""Chains of thought by transformers' generate, several prompts padded to one batch.

Of one batch the same comes each time; a prompt in another batch may get another last bit, and so another text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from tutor.answering.transformers_engine import TransformersLLM
from tutor.mcqa.reasoner import Prompt, Written, normalised


class TransformersReasoner:
    """See tutor.mcqa.reasoner.Reasoner."""

    at_once = 8

    def __init__(self, llm: TransformersLLM) -> None:
        self._llm = llm

    def forget(self) -> None:
        """Nothing is kept from batch to batch."""

    def write(self, prompts: Sequence[Prompt], max_tokens: int) -> Iterator[tuple[int, Written]]:
        """One batch for each temperature: generate has one for all of a batch."""
        places = sorted(range(len(prompts)), key=lambda place: prompts[place].temperature)
        for temperature, group in groupby(places, key=lambda place: prompts[place].temperature):
            batch = list(group)
            texts = [self._llm.render(prompts[place].messages) + prompts[place].begun for place in batch]
            written = self._llm.generate_batch(texts, max_tokens, temperature, prompts[batch[0]].seed)
            for place, (text, tokens, cut) in zip(batch, written, strict=True):
                yield place, Written(text, tokens, cut)

    def choose(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[str | None]:
        return [max(weight, key=lambda label: weight[label]) for weight in self.weigh(prompts, labels)]

    def weigh(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[Mapping[str, float]]:
        texts = [self._llm.render(prompt.messages) + prompt.begun for prompt in prompts]
        return [normalised(self._llm.next_log_probs(text, among)) for text, among in zip(texts, labels, strict=True)]
