"""Files that an instructor hands over, looked at before any parser sees them, and kept apart until they are ingested.

HOME/uploads/COURSE/NAME, readable by this machine's user alone. Nothing of what a browser says becomes a path but a name of
plain letters, digits and a few signs.
"""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from index_store.errors import BookError
from ingest.formats import SUFFIXES, unreadable

MOST_FILES = 20
LONGEST_NAME = 120  # characters
STRANGE = re.compile(r"[^\w .()+,&'-]|^[.\s-]+")
# What a file of a kind begins with; the others are text.
BEGINNINGS = {".pdf": b"%PDF-", ".docx": b"PK\x03\x04", ".pptx": b"PK\x03\x04"}
LOOKED_AT = 1024  # bytes; a PDF's mark may stand behind a few of another's


class Uploads:
    """The files handed over for one course and not ingested yet."""

    def __init__(self, home: Path, course: str) -> None:
        self.folder = home / "uploads" / course

    @property
    def files(self) -> list[Path]:
        """By name."""
        return sorted(self.folder.iterdir()) if self.folder.is_dir() else []

    def add(self, name: str, content: BinaryIO, most_bytes: int) -> Path:
        """Keep a file under its name made plain; one of the same name is replaced.

        Raises BookError for a kind that is not read, for content that is not of its kind, and for one that is too large
        or too many.
        """
        plain = plain_name(name)
        self._check(plain, content, most_bytes)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = self.folder / plain
        if not target.exists() and len(self.files) >= MOST_FILES:
            raise BookError(plain, f"{MOST_FILES} files wait to be ingested already", "Ingest or discard those first.")
        temporary = self.folder.parent / f".{self.folder.name}.part"
        try:
            with temporary.open("wb") as stream:
                shutil.copyfileobj(content, stream)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        return target

    def discard(self, files: Sequence[Path] | None = None) -> None:
        """Remove these files, or all of them."""
        for file in self.files if files is None else files:
            file.unlink(missing_ok=True)

    def _check(self, name: str, content: BinaryIO, most_bytes: int) -> None:
        suffix = Path(name).suffix.lower()
        if suffix not in SUFFIXES:
            raise unreadable(Path(name))
        size = content.seek(0, os.SEEK_END)
        content.seek(0)
        beginning = content.read(LOOKED_AT)
        content.seek(0)
        if not size:
            raise BookError(name, "the file is empty", "Choose it again.")
        if size > most_bytes:
            raise BookError(
                name,
                f"it has {size / 1e6:,.0f} MB, and at most {most_bytes / 1e6:,.0f} are taken",
                "Ingest it with: tutor ingest, or raise the setting upload_mb.",
            )
        mark = BEGINNINGS.get(suffix)
        if mark and mark not in beginning:
            raise BookError(name, f"its content is not that of a {suffix} file", "Export it again.")
        if not mark and b"\x00" in beginning and not beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise BookError(name, f"its content is not text, as that of a {suffix} file is", "Export it again.")


def plain_name(name: str) -> str:
    """The last part of a name as a browser sends it, in plain characters. Raises BookError where nothing is left of it."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    plain = STRANGE.sub("_", last).strip(" _") if last.strip(". ") else ""
    stem, dot, suffix = plain.rpartition(".")
    if not stem.strip("_ ") or not dot:
        raise BookError(repr(name[:LONGEST_NAME]), "this is no name of a book", "Give the file a name such as book.pdf.")
    return f"{stem[: LONGEST_NAME - len(suffix) - 1]}.{suffix}"
