"""Is a generation what it was when it was written? Files are read and no index is opened: quick, and safe where it is damaged.

Chroma writes a row into its database whenever that is opened, so of that file its tables count, not its bytes.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from index_store.files import sha256_of
from index_store.manifest import MANIFEST

DATABASE = "chroma/chroma.sqlite3"
TABLES = {"collections": "id", "segments": "id", "embeddings": "id", "embeddings_queue": "seq_id"}
DAMAGED = "damaged"


def checksums(folder: Path) -> dict[str, str]:
    """The sha256 of every file of the generation in `folder`, but for its manifest, by path within it."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    names = {file.relative_to(folder).as_posix(): file for file in files}
    return {
        name: _of_tables(file) if name == DATABASE else sha256_of(file)
        for name, file in names.items()
        # The database's journals come and go as readers do.
        if name != MANIFEST and not name.startswith(f"{DATABASE}-")
    }


def altered(folder: Path, recorded: Mapping[str, str]) -> list[str]:
    """The files, by name, that are not as `recorded`, missing ones among them."""
    try:
        now = checksums(folder)
    except OSError as error:
        return [str(error)]
    return sorted(name for name in {*now, *recorded} if now.get(name) != recorded.get(name))


def _of_tables(file: Path) -> str:
    """One checksum of the database's rows that hold the index; `DAMAGED` where it cannot be read."""
    total = hashlib.sha256()
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.text_factory = bytes  # damaged text need not be text
            if database.execute("PRAGMA quick_check(1)").fetchone() != (b"ok",):
                return DAMAGED
            for table, key in TABLES.items():
                for row in database.execute(f"SELECT * FROM {table} ORDER BY {key}"):
                    total.update(repr(row).encode())
    except (sqlite3.Error, UnicodeDecodeError):  # of a garbled name in its message
        return DAMAGED
    return total.hexdigest()
