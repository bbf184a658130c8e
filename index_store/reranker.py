"""A cross-encoder that reads question and passage together and orders the best passages anew; optional, by name.

It is slow beside the search, for nothing of a passage can be computed before the question is known.
sentence-transformers' CrossEncoder runs it: LlamaIndex's postprocessor around that loads pickled weights too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from index_store.embedding import model_folder, one_line

RERANKED = 30  # passages that are read again
MAX_TOKENS = 512


class Reranker:
    """The cross-encoder `name`: a folder of safetensors or a hub id (which may use the network). Raises EmbeddingError."""

    def __init__(self, name: str, device: str | None = None) -> None:
        self.name = name
        folder = model_folder(name, "reranker")

        from sentence_transformers import CrossEncoder

        with one_line("reranker", name):
            self._model: Any = CrossEncoder(
                str(folder or name),
                max_length=MAX_TOKENS,
                device=device,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
            if self._model.num_labels != 1:
                raise ValueError(f"it has {self._model.num_labels} outputs and is no reranker. Give a cross-encoder with one.")

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the question, 0 to 1."""
        import torch

        pairs = [(question, text) for text in texts]
        scores: list[float] = self._model.predict(pairs, activation_fn=torch.nn.Sigmoid(), show_progress_bar=False).tolist()
        return scores


def load_reranker(name: str) -> Reranker | None:
    """The cross-encoder `name`; None for an empty name."""
    return Reranker(name) if name else None
