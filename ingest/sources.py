"""Which books paths name, and what the course calls each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from index_store.errors import BookError, CourseError
from ingest.formats import READABLE, UNREADABLE_BOOKS, books_in, unreadable
from ingest.report import BookOutcome


def find_books(paths: Sequence[Path]) -> tuple[dict[str, Path], list[BookOutcome]]:
    """The books that `paths` name, by the name that the course gives them, and the files that cannot have one.

    Files as given, folders searched through; a book in a folder's subfolder is named with it ("week1/slides.pdf"). Raises
    CourseError where a path names nothing.
    """
    found: list[tuple[str, Path]] = []
    refused: list[BookOutcome] = []
    for path in paths:
        if path.is_dir():
            files, others = books_in(path), books_in(path, UNREADABLE_BOOKS)
            if not files and not others:
                raise CourseError(f"{path}: no book in this folder. Name a folder with books, or a book: {READABLE} are read.")
            refused += [BookOutcome(file.name, "refused", error=str(unreadable(file))) for file in others]
            found += [(file.relative_to(path).as_posix(), file) for file in files]
        elif path.is_file():
            found.append((path.name, path))
        else:
            raise CourseError(f"{path}: no such file or folder. Check the path.")
    books: dict[str, Path] = {}
    taken: set[Path] = set()
    for name, file in found:
        if file.resolve() in taken:
            continue
        taken.add(file.resolve())
        if name not in books:
            books[name] = file
        else:
            error = BookError(str(file), f"{books[name]} has the same name, {name}", "Rename one of the two.")
            refused.append(BookOutcome(name, "refused", error=str(error)))
    return books, refused
