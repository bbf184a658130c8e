"""The parent's end of the child processes that open foreign files (see child.py), and the words for what goes wrong there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from index_store.errors import BookError

SECONDS_A_BOOK = 600
MEGABYTES = 2048

EMPTY = ("the file is empty", "Export or download it again.")
DAMAGED = ("the file is damaged and cannot be opened", "Export or download it again.")

Refusals = Mapping[str, tuple[str, str]]
"""The words that a child may refuse with, and the reason and remedy that each stands for."""


class Readers:
    """Processes that read files, kept for the next file of the kind until they are closed; as many as files at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: set[_Reader] = set()
        self._idle: dict[str, list[_Reader]] = defaultdict(list)
        self._closed = False

    def rows_of(
        self,
        module: str,
        file: Path,
        refusals: Refusals,
        *,
        megabytes: int = MEGABYTES,
        seconds: int = SECONDS_A_BOOK,
        options: Sequence[str] = (),
        place: Callable[[], str] = lambda: "",
    ) -> Iterator[tuple[str, Any]]:
        """Read `file` with `module` and yield the rows it prints, without the last.

        `place` says where in the file it is (" at page 3 of 9"). Raises BookError where it refuses, takes too long, or ends
        before it is done.
        """
        try:
            with file.open("rb"):
                pass
        except OSError as error:
            raise BookError(str(file), error.strerror or str(error), "Check the path and its permissions.") from error
        reader = self._take(module)
        reader.begin([str(file.resolve()), str(megabytes), str(seconds), *options])
        timed_out = threading.Event()

        def end() -> None:
            timed_out.set()
            reader.kill()

        overtime = threading.Timer(seconds, end)
        overtime.start()
        refused = ""
        done = False
        try:
            for kind, row in reader.rows():
                if kind == "refused":
                    refused = row
                elif kind == "end":
                    done = True
                else:
                    yield kind, row
        finally:
            overtime.cancel()
            overtime.join()
            self._give_back(module, reader)
        if refused:
            raise BookError(str(file), *refusals.get(str(refused), DAMAGED))
        if not done:
            if timed_out.is_set() or reader.code == -signal.SIGXCPU:
                reason = f"reading took longer than {seconds} s"
            elif reader.code == -signal.SIGPROF:
                reason = f"reading{place()} took too long"
            else:
                reason = f"the reader stopped{place()} (code {reader.code})"
            raise BookError(str(file), reason, "Save it again with another program and ingest that.")

    def _take(self, module: str) -> _Reader:
        with self._lock:
            if self._closed:
                raise RuntimeError("the readers are closed")
            while self._idle[module]:
                if (reader := self._idle[module].pop()).waits:
                    return reader
                self._discard(reader)
            reader = _Reader(module)
            self._all.add(reader)
            return reader

    def _give_back(self, module: str, reader: _Reader) -> None:
        with self._lock:
            if reader.waits and not self._closed:
                self._idle[module].append(reader)
            else:
                self._discard(reader)

    def _discard(self, reader: _Reader) -> None:
        reader.close()
        self._all.discard(reader)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            self._closed = True
            for reader in self._all:
                reader.kill()
            for idle in self._idle.values():
                for reader in idle:
                    reader.close()


def rows_of(module: str, file: Path, refusals: Refusals, readers: Readers | None, **options: Any) -> Iterator[tuple[str, Any]]:
    """As Readers.rows_of, by `readers` or by a process for this file alone."""
    if readers:
        yield from readers.rows_of(module, file, refusals, **options)
        return
    with Readers() as own:
        yield from own.rows_of(module, file, refusals, **options)


class _Reader:
    """One `python -m ingest.child`. `code` is how the last file's reading ended."""

    def __init__(self, module: str) -> None:
        self._ready = True
        self._killed = False
        self.code = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ingest.child", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            cwd=Path(__file__).parent.parent,
            process_group=0,  # ended together with the process that it forks
        )

    @property
    def waits(self) -> bool:
        """Whether it waits for the next file."""
        return self._ready and not self._killed and self._process.poll() is None

    def begin(self, arguments: Sequence[str]) -> None:
        self._ready = False
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it was ended: rows() says how
            self._process.stdin.write(json.dumps(arguments) + "\n")
            self._process.stdin.flush()

    def rows(self) -> Iterator[tuple[str, Any]]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                kind, row = json.loads(line)
            except ValueError:  # half a line: the child was ended while it wrote
                continue
            if kind == "ended":
                self._ready, self.code = True, row
                return
            yield kind, row
        self.code = self._process.wait()

    def kill(self) -> None:
        self._killed = True
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        self.kill()
        with suppress(BrokenPipeError), self._process:
            pass  # waits, and closes the pipes
