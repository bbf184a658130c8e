"""A BERT-like sentence-transformers model through OpenVINO: on a CPU several times as fast as through torch.

Computes in the precision that OpenVINO chooses for the processor (bfloat16 where it has instructions for that, float32
elsewhere). The converted model is kept in a cache folder; with it there, torch is not even imported.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llama_index.core.embeddings import BaseEmbedding
from pydantic import PrivateAttr

if TYPE_CHECKING:
    import numpy as np

BATCH_SIZE = 16
BOUNDARY = re.compile(r"(?<=[.!?:;])\s+|\n{2,}")  # between sentences
FEWEST_TOKENS = 3
BUCKET = 8  # lengths are rounded up to multiples: every new shape costs the compiler time


def suits(folder: Path) -> bool:
    """Whether the model in `folder` is one that this room reads: BERT, mean pooling, no prompts."""
    try:
        modules = [module["type"].rpartition(".")[2] for module in _json(folder / "modules.json")]
        pooling = _json(folder / "1_Pooling" / "config.json")
        architecture = _json(folder / "config.json").get("model_type")
        prompts = folder / "config_sentence_transformers.json"
        prompted = any((_json(prompts).get("prompts") or {}).values()) if prompts.is_file() else False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return (
        modules in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
        and bool(pooling.get("pooling_mode_mean_tokens"))
        and not any(pooling.get(f"pooling_mode_{other}") for other in ("cls_token", "max_tokens", "lasttoken"))
        and architecture == "bert"
        and not prompted
        and (folder / "tokenizer.json").is_file()
    )


class OpenVINOEmbedding(BaseEmbedding):
    """The model in `folder`; vectors are unit length. Safe to call from several threads."""

    _model: Any = PrivateAttr()
    _tokenizer: Any = PrivateAttr()
    _max_tokens: int = PrivateAttr()
    _dimension: int = PrivateAttr()

    def __init__(self, folder: Path, cached: Path | None = None) -> None:
        """Compile the model of `folder`; `cached` is the .xml file in which its conversion is kept, if it may be."""
        import openvino
        from tokenizers import Tokenizer

        super().__init__(model_name=str(folder), embed_batch_size=BATCH_SIZE)
        core = openvino.Core()
        try:
            graph = core.read_model(cached) if cached and cached.is_file() else _converted(folder, cached)
        except RuntimeError:  # the kept file is damaged
            graph = _converted(folder, cached)
        self._model = core.compile_model(graph, "CPU")
        limit = _json(folder / "sentence_bert_config.json").get("max_seq_length", 512)
        self._max_tokens = min(int(limit), int(_json(folder / "config.json")["max_position_embeddings"]))
        self._dimension = int(_json(folder / "config.json")["hidden_size"])
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self._max_tokens)

    @property
    def max_tokens(self) -> int:
        """Tokens read of a text, the two special ones included; the rest is ignored."""
        return self._max_tokens

    @property
    def dimension(self) -> int:
        return self._dimension

    def with_sentences(self, texts: Sequence[str]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Vectors of shape (len(texts), dimension), and of each text's sentences, float16.

        A first line is the heading that a passage is embedded with; sentences are those of what follows.
        """
        import numpy as np

        whole = np.empty((len(texts), self._dimension), np.float32)
        sentences = [np.empty((0, self._dimension), np.float16)] * len(texts)
        for batch, encodings, states, mask in self._batches(texts):
            whole[batch] = _pooled(states, mask)
            for i, encoding, rows in zip(batch, encodings, states, strict=True):
                sentences[i] = _of_sentences(texts[i], encoding, rows)
        return whole, sentences

    def sentence_starts(self, texts: Sequence[str]) -> list[list[int]]:
        """Where in each text the sentences begin whose vectors `with_sentences` gives; the first right behind the heading."""
        found = []
        for text, encoding in zip(texts, self._tokenizer.encode_batch(list(texts)), strict=True):
            starts, _, kept = _owners(text, encoding)
            found.append([starts[0], *(starts[number - 1] for number in kept[1:])])
        return found

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], list[Any], np.ndarray, np.ndarray]]:
        """The texts read batch by batch: their places, the tokenizer's encodings, the last layer (shape (texts, tokens,
        dimension)), and its mask."""
        encodings = self._tokenizer.encode_batch(list(texts))
        # Batches of texts of one length are padded little.
        order = sorted(range(len(texts)), key=lambda i: len(encodings[i].ids))
        begun: tuple[list[int], list[Any], Any, np.ndarray] | None = None
        requests: list[Any] = []
        for start in range(0, len(order), BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            chosen = [encodings[i] for i in batch]
            # Two by turns: the next batch is being read while what was made of this one is used.
            request = requests.pop(0) if len(requests) == 2 else self._model.create_infer_request()
            requests.append(request)
            following = (batch, chosen, request, self._begin(request, chosen))
            if begun:
                yield _read(*begun)
            begun = following
        if begun:
            yield _read(*begun)

    def _begin(self, request: Any, encodings: Sequence[Any]) -> np.ndarray:
        """Have one batch read; its mask."""
        import numpy as np

        length = min(self._max_tokens, -(-max(len(encoding.ids) for encoding in encodings) // BUCKET) * BUCKET)
        ids = np.zeros((len(encodings), length), np.int64)
        mask = np.zeros_like(ids)
        for i, encoding in enumerate(encodings):
            ids[i, : len(encoding.ids)] = encoding.ids
            mask[i, : len(encoding.ids)] = 1
        request.start_async({"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})
        return mask

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        import numpy as np

        whole = np.empty((len(texts), self._dimension), np.float32)
        for batch, _, states, mask in self._batches(texts):
            whole[batch] = _pooled(states, mask)
        vectors: list[list[float]] = whole.tolist()
        return vectors

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embeddings([query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def _read(
    batch: list[int], encodings: list[Any], request: Any, mask: np.ndarray
) -> tuple[list[int], list[Any], np.ndarray, np.ndarray]:
    request.wait()
    return batch, encodings, request.get_output_tensor(0).data, mask


def _of_sentences(text: str, encoding: Any, states: np.ndarray) -> np.ndarray:
    """The vectors of a text's sentences, made of its tokens' `states`."""
    import numpy as np

    _, owner, kept = _owners(text, encoding)
    members = owner == kept[:, None] if len(kept) else np.ones((1, len(owner)), bool)
    return _unit(np.einsum("st,td->sd", members.astype(np.float32), states[: len(owner)])).astype(np.float16)


def _owners(text: str, encoding: Any) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Where the text's sentences start, the number (from 1) of each token's sentence, and the numbers of those that count.

    The heading's tokens and the special ones have the number 0.
    """
    import numpy as np

    begins, ends = np.array(encoding.offsets).T
    heading = text.find("\n")
    starts = [heading + 1, *(boundary.end() for boundary in BOUNDARY.finditer(text, heading + 1))]
    owner = np.searchsorted(starts, begins, side="right") * (ends > begins)
    numbers, counts = np.unique(owner, return_counts=True)
    return starts, owner, numbers[(numbers > 0) & (counts >= FEWEST_TOKENS)]


def _pooled(states: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The mean over each text's tokens, the special ones included, as the model was trained."""
    import numpy as np

    # A sum, which has the mean's direction. By einsum, for matmul's threads go on spinning and take OpenVINO's time.
    return _unit(np.einsum("bt,btd->bd", mask.astype(states.dtype), states))


def _unit(vectors: np.ndarray) -> np.ndarray:
    import numpy as np

    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _converted(folder: Path, cached: Path | None) -> Any:
    """The model as an OpenVINO graph, kept at `cached` where that can be written."""
    import openvino
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder, attn_implementation="sdpa", use_safetensors=True).eval()
    example = {name: torch.ones(2, 8, dtype=torch.long) for name in ("input_ids", "attention_mask", "token_type_ids")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of branches that this model does not take
        traced = openvino.convert_model(model, example_input=example)
    graph = openvino.Model([traced.output(0)], traced.get_parameters())  # without the pooler, which nothing here reads
    if cached:
        try:
            cached.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cached.parent) as temporary:
                openvino.save_model(graph, Path(temporary, cached.name), compress_to_fp16=False)
                # The weights first: a reader finds both or neither.
                os.replace(Path(temporary, cached.name).with_suffix(".bin"), cached.with_suffix(".bin"))
                os.replace(Path(temporary, cached.name), cached)
        except (OSError, RuntimeError):
            pass  # a folder that cannot be written to, a full disk: converted anew each time
    return graph


def _json(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))
