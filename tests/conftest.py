"""What the tests share: the real embedding, the sample course really ingested, and PDFs typeset on the spot."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import typst
from filelock import FileLock

from index_store.course import Library
from index_store.embedding import DEFAULT_EMBEDDING, Embedding, embedding_folder, load_embedding
from ingest.pipeline import ingest
from tutor.answering.gguf_file import prepare
from tutor.answering.models import built_in_file
from tutor.answering.service import AnsweringService
from tutor.offline import close_network
from tutor.settings import load_settings

close_network(hub=False)  # before any fixture imports a model library
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's threads of several processes wait for each other's cores

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session", autouse=True)
def _closed_network() -> None:
    close_network(hub=False)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in models in the form that their engines read: made once, for every home and process of a run of the tests."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "prepared-models"
    with FileLock(f"{folder}.lock"):
        load_embedding(models=folder)
        prepare(built_in_file(), folder, lambda line: None)
    return folder


@pytest.fixture(scope="session")
def embedding(models: Path) -> Embedding:
    return load_embedding(models=models)


@pytest.fixture(scope="session")
def sample_books() -> Path:
    return REPOSITORY / "examples" / "course"


@pytest.fixture(scope="session")
def sample_library(tmp_path_factory: pytest.TempPathFactory, sample_books: Path, embedding: Embedding, models: Path) -> Library:
    """The three sample books ingested as the course "sample". Tests read it; none writes to it."""
    library = Library(tmp_path_factory.mktemp("sample-home"))
    (library.home / "models").symlink_to(models)
    ingest([sample_books], library.course("sample"), embedding, library.vectors)
    return library


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """An empty home of the test's own."""
    return Library(tmp_path / "home")


@pytest.fixture(scope="session")
def typeset() -> Callable[[Path, str], Path]:
    """Compile Typst source to a PDF at the path given, and return that path."""

    def compile_to(file: Path, source: str) -> Path:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(typst.compile(source.encode()))
        return file

    return compile_to


@pytest.fixture(scope="session")
def service(sample_library: Library) -> AnsweringService:
    """The built-in model and embedding over the sample course."""
    return AnsweringService(load_settings(home=sample_library.home))


@pytest.fixture(scope="session")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a folder with a small BERT of `outputs` scores that has learnt nothing, under the built-in embedding's tokenizer."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    @cache
    def make(outputs: int = 1) -> Path:
        folder = tmp_path_factory.mktemp("cross-encoder")
        tokenizer = AutoTokenizer.from_pretrained(embedding_folder(DEFAULT_EMBEDDING))
        torch.manual_seed(3)
        config = BertConfig(
            vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
            num_labels=outputs, initializer_range=0.5,
        )  # fmt: skip
        BertForSequenceClassification(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make
