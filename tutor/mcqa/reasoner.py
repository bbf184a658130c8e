"""Many chains of thought at once, and the option letter that a chain of thought leads to: what grading asks of a model.

Three engines, three modules beside this one. Knows nothing of sheets, keys and results.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from llama_index.core.llms import ChatMessage

from tutor.answering.models import LanguageModel


@dataclass(frozen=True)
class Prompt:
    """What one chain of thought is asked with.

    `group`: prompts of the same one begin alike, for long. `temperature` 0 is greedy; `seed` is used above it. `begun`: how
    the model's own turn begins, which it then goes on with.
    """

    messages: tuple[ChatMessage, ...]
    group: int = 0
    temperature: float = 0.0
    seed: int = 0
    begun: str = ""


@dataclass(frozen=True)
class Written:
    """What a model wrote. `tokens`: how many; `truncated`: they were all it had."""

    text: str
    tokens: int
    truncated: bool


class Reasoner(Protocol):
    """A model that is asked many things at once. Methods raise whatever the engine does."""

    at_once: int
    """Prompts that it is best given at a time."""

    def forget(self) -> None:
        """Drop what earlier prompts left, where that can change what later ones get."""

    def write(self, prompts: Sequence[Prompt], max_tokens: int) -> Iterator[tuple[int, Written]]:
        """Each with its place in `prompts`, as it is finished. Closing the iterator ends all."""

    def choose(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[str | None]:
        """For each prompt the one of its labels that the model goes on with when it must; None where it cannot be made to."""

    def weigh(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[Mapping[str, float]]:
        """For each prompt the log-probabilities with which its labels come next, normalised over them; {} where the engine
        does not tell."""


def normalised(weights: Mapping[str, float]) -> dict[str, float]:
    """Log-probabilities whose exponentials sum to 1, from any that are right but for a common summand."""
    if not weights:
        return {}
    most = max(weights.values())
    total = most + math.log(sum(math.exp(weight - most) for weight in weights.values()))
    return {label: weight - total for label, weight in weights.items()}


def reasoner_of(model: LanguageModel) -> Reasoner:
    """How `model` is asked many things at once."""
    kind = model.llm.class_name()
    if kind == "OpenVINOLLM":
        from tutor.mcqa.openvino_reasoner import OpenVINOReasoner

        return OpenVINOReasoner(model.llm)  # type: ignore[arg-type]
    if kind == "TransformersLLM":
        from tutor.mcqa.transformers_reasoner import TransformersReasoner

        return TransformersReasoner(model.llm)  # type: ignore[arg-type]
    from tutor.mcqa.endpoint_reasoner import EndpointReasoner

    return EndpointReasoner(model.llm)
