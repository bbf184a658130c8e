"""Chains of thought in OpenVINO's continuous batch.

The last bits of what a batch computes depend on what else is in it and on what was cached before it came, and now and then a
token does. So that a run that was killed comes to the same end, prompts are all given before the first step, and nothing is
cached from earlier ones (`forget`). Nor may two prompts of one batch go on with the same partly filled block of the cache: both
write into it at once (OpenVINO GenAI 2026.4), and what is then read differs from time to time.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce

from tutor.answering.openvino_engine import OpenVINOLLM
from tutor.answering.repetition import repeats
from tutor.mcqa.reasoner import Prompt, Written, normalised

BLOCK = 32  # tokens, of the cache


class OpenVINOReasoner:
    """See tutor.mcqa.reasoner.Reasoner."""

    at_once = 32

    def __init__(self, llm: OpenVINOLLM) -> None:
        self._llm = llm

    def forget(self) -> None:
        self._llm.forget()

    def write(self, prompts: Sequence[Prompt], max_tokens: int) -> Iterator[tuple[int, Written]]:
        rows = [self._tokens(prompt) for prompt in prompts]
        self._read_once(prompts, rows)
        options = [{"max_tokens": max_tokens, "temperature": prompt.temperature, "seed": prompt.seed} for prompt in prompts]
        looped = self._looped
        for place, done in self._llm.generate_together(list(zip(rows, options, strict=True)), looped):
            yield place, Written(self._llm.text(done.ids), len(done.ids), done.cut)

    def choose(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[str | None]:
        found = self._forced([self._tokens(prompt) for prompt in prompts], labels)
        return [label if label in among else None for (label, _), among in zip(found, labels, strict=True)]

    def weigh(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[Mapping[str, float]]:
        """The engine tells the log-probability of the token it takes, as if no grammar had left it no other: so each label is
        forced once, one after the other."""
        rows = [self._tokens(prompt) for prompt in prompts]
        weights: list[dict[str, float]] = [{} for _ in prompts]
        for number in range(max(map(len, labels), default=0)):
            places = [place for place, among in enumerate(labels) if number < len(among)]
            forced = self._forced([rows[place] for place in places], [[labels[place][number]] for place in places])
            for place, (_, log_prob) in zip(places, forced, strict=True):
                weights[place][labels[place][number]] = log_prob
        return [normalised(weight) for weight in weights]

    def _tokens(self, prompt: Prompt) -> list[int]:
        return self._llm.tokens(self._llm.render(prompt.messages) + prompt.begun)

    def _looped(self, tokens: list[int]) -> bool:
        return repeats(self._llm.text(tokens))

    def _read_once(self, prompts: Sequence[Prompt], rows: Sequence[list[int]]) -> None:
        """Have the beginnings cached that several prompts share; those of one batch would not find each other's."""
        groups: dict[int, list[list[int]]] = defaultdict(list)
        for prompt, row in zip(prompts, rows, strict=True):
            groups[prompt.group].append(row)
        # All but the last token at most: it has to be read in any case, and not in a block that is shared.
        of_all = [reduce(_common, (row[:-1] for row in rows))] if len(rows) > 1 else []
        of_groups = [reduce(_common, (row[:-1] for row in group)) for group in groups.values() if len(group) > 1]
        done: set[tuple[int, ...]] = {()}
        for shared in (of_all, of_groups):
            whole = {tuple(row[: len(row) // BLOCK * BLOCK]): None for row in shared}
            once = [row for row in whole if row not in done]
            for _ in self._llm.generate_together([(row, {"max_tokens": 1}) for row in once]):
                pass
            done.update(once)

    def _forced(self, rows: Sequence[list[int]], labels: Sequence[Sequence[str]]) -> list[tuple[str, float]]:
        """For each row the token that the model takes when it may take only a label, and that token's log-probability."""
        asked = list(dict.fromkeys((tuple(row), tuple(among)) for row, among in zip(rows, labels, strict=True)))
        given = [(row, {"max_tokens": 1, "log_probs": True, "grammar": _grammar(among)}) for row, among in asked]
        found: dict[tuple[tuple[int, ...], tuple[str, ...]], tuple[str, float]] = {}
        for place, done in self._llm.generate_together(given):
            found[asked[place]] = (self._llm.text(done.ids), done.log_probs[0])
        return [found[tuple(row), tuple(among)] for row, among in zip(rows, labels, strict=True)]


def _grammar(labels: Sequence[str]) -> str:
    return "root ::= " + " | ".join(f'"{label}"' for label in labels)


def _common(first: list[int], second: list[int]) -> list[int]:
    pairs = zip(first, second, strict=False)
    return [one for one, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)]
