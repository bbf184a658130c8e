"""The log's file: one SQLite database of exchanges, and of preferences between answers, which go with them.

Any number of threads and processes may read and write. Readable by its owner only; what is deleted is overwritten.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from index_store.errors import ActivityError
from tutor.activity.exchange import Exchange

LOG_FILE = "activity.sqlite"
BUSY = 5.0  # seconds to wait for another writer
COLUMNS = tuple(field.name for field in fields(Exchange))
TABLES = """
CREATE TABLE IF NOT EXISTS exchanges (
  id TEXT PRIMARY KEY, time TEXT NOT NULL, course TEXT NOT NULL, student TEXT NOT NULL, question TEXT NOT NULL,
  answer TEXT NOT NULL, model TEXT NOT NULL, style TEXT NOT NULL, outcome TEXT NOT NULL, help TEXT NOT NULL,
  section TEXT NOT NULL, book TEXT NOT NULL, file TEXT NOT NULL, page INTEGER NOT NULL, label TEXT NOT NULL,
  seconds REAL NOT NULL, first_token_seconds REAL NOT NULL, rating INTEGER NOT NULL CHECK (rating IN (-1, 0, 1)),
  passages TEXT NOT NULL, leans INTEGER NOT NULL, reviewed TEXT NOT NULL,
  prompt TEXT NOT NULL -- the last, so that what is longest is not read on the way to the others
);
CREATE INDEX IF NOT EXISTS exchanges_by_course ON exchanges (course, time);
CREATE INDEX IF NOT EXISTS exchanges_by_time ON exchanges (time);
CREATE TABLE IF NOT EXISTS preferences (
  id TEXT PRIMARY KEY, time TEXT NOT NULL, course TEXT NOT NULL,
  exchange TEXT NOT NULL REFERENCES exchanges (id) ON DELETE CASCADE,
  other TEXT REFERENCES exchanges (id) ON DELETE CASCADE,
  prompt TEXT NOT NULL, chosen TEXT NOT NULL, rejected TEXT NOT NULL, source TEXT NOT NULL, by TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS preferences_by_course ON preferences (course, time);
CREATE INDEX IF NOT EXISTS preferences_by_exchange ON preferences (exchange);
CREATE INDEX IF NOT EXISTS preferences_by_other ON preferences (other);
"""


class ActivityStore:
    """The log of one home. Makes its file at the first row; `busy` is for how many seconds another writer is waited for.

    Every method raises ActivityError where the file cannot be read or written.
    """

    def __init__(self, home: Path, busy: float = BUSY) -> None:
        self.file = home / LOG_FILE
        self._busy = busy

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """The database, made where it is not there yet. One transaction: kept if all goes well, else undone."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.file, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite's own files beside it get the same mode
            with closing(sqlite3.connect(self.file, timeout=self._busy)) as database:
                database.row_factory = sqlite3.Row
                if database.execute("PRAGMA user_version").fetchone()[0] != 1:
                    database.execute("PRAGMA journal_mode=WAL")
                    database.executescript(f"BEGIN IMMEDIATE;{TABLES}PRAGMA user_version=1;COMMIT;")
                database.execute("PRAGMA synchronous=NORMAL")
                database.execute("PRAGMA secure_delete=ON")
                database.execute("PRAGMA foreign_keys=ON")
                with database:
                    yield database
        except sqlite3.OperationalError as error:  # no space, no permission, locked for too long
            raise ActivityError(f"{self.file}: {error}. Check free space and permissions.") from error
        except sqlite3.DatabaseError as error:
            raise ActivityError(f"{self.file}: {error}. Put it aside; a new one is begun.") from error
        except OSError as error:
            raise ActivityError(f"{self.file}: {error.strerror}. Check free space and permissions.") from error

    def add(self, exchange: Exchange) -> None:
        """Keep an exchange."""
        row = asdict(exchange)
        row |= {"section": json.dumps(exchange.section, ensure_ascii=False), "passages": json.dumps(exchange.passages)}
        with self.open() as database:
            marks = ", ".join(f":{column}" for column in COLUMNS)
            database.execute(f"INSERT INTO exchanges ({', '.join(COLUMNS)}) VALUES ({marks})", row)

    def rate(self, id: str, student: str, rating: int) -> bool:
        """Set the rating (-1, 0 or 1) of an exchange of this student; False where it is not there, or not theirs."""
        with self.open() as database:
            statement = "UPDATE exchanges SET rating = ? WHERE id = ? AND student = ?"
            return database.execute(statement, (rating, id, student)).rowcount == 1

    def ratings(self, ids: Sequence[str], student: str) -> dict[str, int]:
        """The ratings that this student gave, by id; without those that are not there."""
        found = self._select("id IN (SELECT value FROM json_each(?)) AND student = ?", (json.dumps(list(ids)), student))
        return {exchange.id: exchange.rating for exchange in found}

    def get(self, id: str) -> Exchange | None:
        """One exchange."""
        return next(iter(self._select("id = ?", (id,))), None)

    def of_course(
        self,
        course: str,
        since: str = "",
        where: str = "TRUE",
        values: Sequence[Any] = (),
        most: int = -1,
        prompts: bool = True,
    ) -> list[Exchange]:
        """The exchanges of a course from the time `since` on, newest first, `most` of them (-1: all).

        `where` is a condition in SQL with a question mark for each of `values`. Without `prompts`, which are most of the
        file, these are empty.
        """
        return self._select(f"course = ? AND time >= ? AND ({where})", (course, since, *values), most, prompts)

    def delete(self, student: str = "", course: str = "", before: str = "") -> int:
        """Delete the exchanges of this student and of this course before this time, whichever are given; how many there were.

        The preferences that were made of them go with them. Nothing is deleted where nothing is given.
        """
        given = {"student = ?": student, "course = ?": course, "time < ?": before}
        conditions = {condition: value for condition, value in given.items() if value}
        if not conditions or not self.file.exists():
            return 0
        with self.open() as database:
            deleted = database.execute(
                f"DELETE FROM exchanges WHERE {' AND '.join(conditions)}", [*conditions.values()]
            ).rowcount
        with self.open() as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log beside the file holds the old pages too
        return deleted

    def purge(self, days: int) -> int:
        """Delete what is older than `days`; how many exchanges there were."""
        return self.delete(before=(datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds"))

    def _select(self, where: str, values: Sequence[Any], most: int = -1, prompts: bool = True) -> list[Exchange]:
        if not self.file.exists():
            return []
        with self.open() as database:
            columns = ", ".join("'' AS prompt" if name == "prompt" and not prompts else name for name in COLUMNS)
            statement = f"SELECT {columns} FROM exchanges WHERE {where} ORDER BY time DESC, id LIMIT ?"
            return [exchange_of(row) for row in database.execute(statement, (*values, most))]


def exchange_of(row: sqlite3.Row) -> Exchange:
    """The exchange that a row of the table holds."""
    values = {column: row[column] for column in COLUMNS}
    values |= {"section": tuple(json.loads(row["section"])), "passages": tuple(json.loads(row["passages"]))}
    return Exchange(**{**values, "leans": bool(row["leans"])})
