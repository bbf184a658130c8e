"""A course: a folder of generations, the name of the live one in `CURRENT`, and a lock for its one writer.

HOME/courses/NAME/CURRENT           the live generation's name, replaced by an atomic rename
HOME/courses/NAME/generations/ID/   immutable indexes (see generation.py)
HOME/courses/NAME/books/SHA256.pdf  the books themselves, by content, each with its own suffix
HOME/vectors.sqlite                 vectors already made (see vectors.py)
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index_store.errors import CourseError, IndexDamagedError
from index_store.files import write_atomically
from index_store.generation import write_generation
from index_store.manifest import BookEntry, Manifest, read_manifest
from index_store.passage import Passage
from index_store.vectors import VectorCache

if TYPE_CHECKING:
    from index_store.embedding import Embedding, Vectors

GENERATIONS_KEPT = 3
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Library:
    """All courses of one home folder."""

    home: Path

    @property
    def vectors(self) -> VectorCache:
        return VectorCache(self.home / "vectors.sqlite")

    def course(self, name: str) -> Course:
        """The course called `name`, existing or not. Raises CourseError for a name that cannot be one."""
        if not NAME.fullmatch(name):
            raise CourseError(f"course name {name!r}: use 1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit.")
        return Course(name, self.home / "courses" / name)

    def courses(self) -> list[Course]:
        """The courses that have a live index, by name."""
        folder = self.home / "courses"
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        courses = [Course(file.name, file) for file in found if NAME.fullmatch(file.name)]
        return [course for course in courses if course.published]

    def existing(self, name: str) -> Course:
        """The course called `name`. Raises CourseError, naming those there are, where it has no index."""
        course = self.course(name)
        if not course.published:
            known = ", ".join(c.name for c in self.courses()) or "none yet"
            raise CourseError(
                f"no course {name!r} in {self.home} (courses: {known}). Make it with: tutor ingest BOOK.pdf --course {name}"
            )
        return course


@dataclass(frozen=True)
class Course:
    """One course. Reading needs no lock; `writer()` takes it."""

    name: str
    folder: Path

    @property
    def published(self) -> bool:
        """Whether it has, or had, a live index."""
        return (self.folder / "CURRENT").is_file() or bool(self.generations())

    @property
    def live_name(self) -> str:
        """What `CURRENT` says, whether that is there or not; "" where it got lost. Raises CourseError where none ever was."""
        try:
            return (self.folder / "CURRENT").read_text("utf-8", errors="replace").strip()
        except FileNotFoundError:
            if self.generations():
                return ""
            raise CourseError(
                f"course {self.name!r} has no index yet. Make one with: tutor ingest BOOK.pdf --course {self.name}"
            ) from None

    @property
    def live(self) -> Path:
        """The live generation's folder. Raises CourseError where none was ever published."""
        name = self.live_name
        generation = self.folder / "generations" / name
        if not re.fullmatch(r"[0-9TZa-f-]+", name) or not generation.is_dir():
            what = f": names {name[:80]!r}, which is not there" if name else " is missing"
            raise IndexDamagedError(f"{self.folder / 'CURRENT'}{what}. Ingest the course again.")
        return generation

    def generations(self) -> list[Path]:
        """The complete generations, oldest first: their names begin with the time at which they were made."""
        folder = self.folder / "generations"
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        return [generation for generation in found if (generation / "manifest.json").is_file()]

    def earlier(self) -> list[Path]:
        """The complete generations made before the live one, newest first; all where it is not known which that is."""
        kept, live = self.generations()[::-1], self.live_name
        known = re.fullmatch(r"[0-9TZa-f-]+", live)
        return [generation for generation in kept if not known or generation.name < live]

    def manifest(self) -> Manifest:
        return read_manifest(self.live)

    @property
    def questions_file(self) -> Path:
        """The questions that the instructor saved with the course (see questions.py)."""
        return self.folder / "questions.jsonl"

    def book_file(self, book: BookEntry) -> Path:
        """The file that the course keeps of `book`."""
        kept = self.folder / "books" / f"{book.sha256}{Path(book.file).suffix.lower()}"
        # Courses of the time when only PDFs were read keep every book as one.
        return kept if kept.is_file() else kept.with_suffix(".pdf")

    @contextmanager
    def writer(self) -> Iterator[CourseWriter]:
        """The one writer of this course. Raises CourseError, saying who holds it, where another is at work."""
        from filelock import FileLock, Timeout

        (self.folder / "generations").mkdir(parents=True, exist_ok=True)
        (self.folder / "books").mkdir(exist_ok=True)
        holder = self.folder / "writer.json"
        try:
            with FileLock(self.folder / "writer.lock", timeout=0):
                write_atomically(holder, json.dumps({"pid": os.getpid(), "since": _now()}))
                self._sweep()
                try:
                    yield CourseWriter(self)
                finally:
                    holder.unlink(missing_ok=True)
        except Timeout:
            raise CourseError(f"course {self.name!r} is being written by {_describe(holder)}. Wait for it to end.") from None

    def _sweep(self) -> None:
        """Remove torn generations, and complete ones beyond those kept. Only the writer may."""
        live = self.live_name if (self.folder / "CURRENT").is_file() else ""
        others = [generation.name for generation in self.generations() if generation.name != live]
        keep = {live, *others[1 - GENERATIONS_KEPT :]}
        for generation in (self.folder / "generations").iterdir():
            if generation.is_dir() and generation.name not in keep:
                shutil.rmtree(generation)


@dataclass(frozen=True)
class CourseWriter:
    """What the holder of a course's lock may do."""

    course: Course

    def build(
        self,
        passages: Sequence[Passage],
        vectors: Vectors,
        embedding: Embedding,
        books: Sequence[BookEntry],
        settings: dict[str, Any],
    ) -> Path:
        """Build a new generation whole, beside the live one; `make_live` or `discard` it."""
        now = datetime.now(UTC)
        folder = self.course.folder / "generations" / f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"
        folder.mkdir()
        try:
            write_generation(
                folder,
                passages,
                vectors,
                Manifest(
                    created=now.isoformat(timespec="seconds"),
                    embedding=embedding.name,
                    embedding_key=embedding.key,
                    dimension=embedding.dimension,
                    passages=len(passages),
                    books=tuple(books),
                    settings=settings,
                ),
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def make_live(self, generation: Path) -> None:
        """Answer from `generation` from now on: one atomic rename."""
        write_atomically(self.course.folder / "CURRENT", generation.name + "\n")

    def discard(self, generation: Path) -> None:
        """Remove a generation that did not go live."""
        shutil.rmtree(generation)

    def keep_book(self, file: Path, sha256: str) -> None:
        """Keep the book with the course, by content."""
        target = self.course.folder / "books" / f"{sha256}{file.suffix.lower()}"
        if not target.is_file():
            temporary = target.with_suffix(".part")
            try:
                shutil.copyfile(file, temporary)
                os.replace(temporary, target)
            except OSError as error:
                temporary.unlink(missing_ok=True)
                raise CourseError(
                    f"{file}: cannot be kept in {target.parent} ({error.strerror}). Check free space and permissions."
                ) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _describe(holder: Path) -> str:
    try:
        row = json.loads(holder.read_text("utf-8"))
        return f"process {int(row['pid'])} since {row['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
