"""What the tests share: the real embedding, the sample course really ingested, and PDFs typeset on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typst

from index_store.course import Library
from index_store.embedding import Embedding, load_embedding
from ingest.pipeline import ingest
from tutor.answering.service import AnsweringService
from tutor.offline import close_network
from tutor.settings import load_settings

close_network(hub=False)  # before any fixture imports a model library

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session", autouse=True)
def _closed_network() -> None:
    close_network(hub=False)


@pytest.fixture(scope="session")
def embedding() -> Embedding:
    return load_embedding()


@pytest.fixture(scope="session")
def sample_books() -> Path:
    return REPOSITORY / "examples" / "course"


@pytest.fixture(scope="session")
def sample_library(tmp_path_factory: pytest.TempPathFactory, sample_books: Path, embedding: Embedding) -> Library:
    """The three sample books ingested as the course "sample". Tests read it; none writes to it."""
    library = Library(tmp_path_factory.mktemp("sample-home"))
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
