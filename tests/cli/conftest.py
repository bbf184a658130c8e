"""The command `tutor`, called in this process or in one of its own, in a folder and an environment of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from index_store.course import Library
from index_store.embedding import DEFAULT_EMBEDDING, Embedding
from index_store.files import sha256_of

REPOSITORY = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-c", "from tutor.cli.main import main; main(prog_name='tutor')"]


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> list[str]:
        """The lines on standard error that begin as an error does."""
        return [line for line in self.err.splitlines() if line.startswith("tutor: ")]


def environment() -> dict[str, str]:
    """The environment without any setting of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TUTOR_")}
    return {**kept, "PYTHONPATH": str(REPOSITORY)}


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No tutor.toml and no TUTOR_* but the test's own; the default home is the test's too."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    for name in [name for name in os.environ if name.startswith("TUTOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def tutor(embedding: Embedding, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call a command in this process. Anything but an exit (a traceback, for the user) is raised here.

    The built-in embedding is loaded once for all; commands in processes of their own load theirs.
    """
    from index_store import embedding as room
    from tutor.cli.main import main

    load = room.load_embedding
    monkeypatch.setattr(
        room,
        "load_embedding",
        lambda name=DEFAULT_EMBEDDING, **options: embedding if name == DEFAULT_EMBEDDING else load(name, **options),
    )

    def call(*arguments: object, env: dict[str, str] | None = None) -> Result:
        result = CliRunner().invoke(main, [str(a) for a in arguments], prog_name="tutor", env=env)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Result(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def tutor_process() -> Callable[..., Result]:
    """Call a command as a process of its own, as a terminal does."""

    def call(*arguments: object) -> Result:
        done = subprocess.run(
            [*PROGRAM, *map(str, arguments)], capture_output=True, encoding="utf-8", env=environment(), timeout=240
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="session")
def sample_home(sample_library: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample course's home that commands may write to."""
    home = tmp_path_factory.mktemp("cli") / "home"
    shutil.copytree(sample_library.home, home, symlinks=True)
    return home


def state_of(home: Path) -> dict[str, str]:
    """CURRENT and every file of every generation, with its content. (Opening a Chroma folder changes its files.)"""
    return {
        str(file.relative_to(home)): sha256_of(file)
        for file in (home / "courses").rglob("*")
        if file.is_file() and not {"chroma", "writer.lock"} & set(file.parts)
    }


@pytest.fixture
def small_home(tmp_path: Path, typeset: Callable[[Path, str], Path], tutor: Callable[..., Result], models: Path) -> Path:
    """A home with the course "physics" of one book, optics.pdf."""
    book = typeset(tmp_path / "given" / "optics.pdf", "= Lenses\nA converging lens brings parallel rays to its focal point.\n")
    assert tutor("ingest", book, "--course", "physics", "--home", tmp_path / "home").code == 0
    (tmp_path / "home" / "models").symlink_to(models)
    return tmp_path / "home"


@pytest.fixture
def state() -> Callable[[Path], dict[str, str]]:
    return state_of
