"""The manifest of a generation: what it holds and what it was made with. Written last, so that a folder without one is torn."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from index_store.errors import EmbeddingError, IndexDamagedError

MANIFEST = "manifest.json"
FORMAT = 2  # indexes of earlier ones are made anew from the books that the course keeps


@dataclass(frozen=True)
class BookEntry:
    """A book as a manifest names it. `pages` counts physical pages (slides; or else parts); `sha256` is the file's.

    `lost_characters` are those that the file gives no meaning to (U+FFFD in the text), `repaired_characters` those that
    mended fonts changed; `hidden_characters` of a PDF, and `hidden_parts` of other files, are what the file does not show,
    left out. `scanned_pages` are the numbers of pages that are pictures of text; OCR read them in the languages `ocr`
    ("eng+deu"), or not at all where that is empty.
    """

    file: str
    title: str
    sha256: str
    pages: int
    passages: int
    pages_without_text: int
    lost_characters: int
    repaired_characters: int = 0
    hidden_parts: int = 0
    hidden_characters: int = 0
    scanned_pages: tuple[int, ...] = ()
    ocr: str = ""


@dataclass(frozen=True)
class Manifest:
    """What a generation holds and what it was made with. `created` is UTC, ISO 8601; `checksums` are those of its files."""

    created: str
    embedding: str
    embedding_key: str
    dimension: int
    passages: int
    books: tuple[BookEntry, ...]
    settings: dict[str, Any]
    checksums: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the generation in `folder`. Raises IndexDamagedError where there is none that can be read."""
    try:
        row = json.loads((folder / MANIFEST).read_text("utf-8"))
        if row["format"] not in range(1, FORMAT + 1):
            raise IndexDamagedError(_other_format(folder, row["format"]))
        return Manifest(**{**row, "books": tuple(map(_book_entry, row["books"]))})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexDamagedError(f"{folder}: no readable manifest ({type(error).__name__}). Ingest the course again.") from error


def check_format(folder: Path, manifest: Manifest) -> None:
    """Raise IndexDamagedError where the generation in `folder` was written in an earlier format: only its manifest is read."""
    if manifest.format != FORMAT:
        raise IndexDamagedError(_other_format(folder, manifest.format))


def _other_format(folder: Path, found: object) -> str:
    return f"{folder}: index format {found}, this version reads {FORMAT}. Ingest the course again."


def _book_entry(row: dict[str, Any]) -> BookEntry:
    return BookEntry(**{**row, "scanned_pages": tuple(row.get("scanned_pages", ()))})


def check_embedding(manifest: Manifest, name: str, key: str) -> None:
    """Raise EmbeddingError, naming both, where an index made with one embedding would be searched with another."""
    if manifest.embedding_key != key:
        raise EmbeddingError(
            f"this course's index was made with the embedding {manifest.embedding!r} ({manifest.embedding_key}), "
            f"not with {name!r} ({key}). Use --embedding {manifest.embedding}, or ingest the course again with {name}."
        )
