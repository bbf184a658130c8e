"""The limited child process that opens a foreign file: both its ends, and the words for what goes wrong.

A book is untrusted input: a few kilobytes can cost a parser gigabytes or crash it. So each is read by a process of its
own, `python -m MODULE FILE MEGABYTES SECONDS ...`, which prints JSON lines `[kind, row]`, the last of them `end` or
`refused`. Knows nothing of what the rows mean.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from index_store.errors import BookError

SECONDS_A_BOOK = 600
MEGABYTES = 2048

EMPTY = ("the file is empty", "Export or download it again.")
DAMAGED = ("the file is damaged and cannot be opened", "Export or download it again.")


def rows_of(
    module: str,
    file: Path,
    refusals: Mapping[str, tuple[str, str]],
    *,
    megabytes: int = MEGABYTES,
    seconds: int = SECONDS_A_BOOK,
    options: tuple[str, ...] = (),
    place: Callable[[], str] = lambda: "",
) -> Iterator[tuple[str, Any]]:
    """Read `file` with `module` and yield the rows it prints, without the last.

    `refusals` gives reason and remedy for every word that the child may refuse with; `place` says where in the file it is
    (" at page 3 of 9"). Raises BookError where it refuses,
    takes too long, or ends before it is done.
    """
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise BookError(str(file), error.strerror or str(error), "Check the path and its permissions.") from error
    child = subprocess.Popen(
        [sys.executable, "-m", module, str(file.resolve()), str(megabytes), str(seconds), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        cwd=Path(__file__).parent.parent,
    )
    overtime = threading.Timer(seconds, child.kill)
    overtime.start()
    refused = ""
    ended = False
    try:
        assert child.stdout is not None
        for line in child.stdout:
            try:
                kind, row = json.loads(line)
            except ValueError:  # half a line: the child was ended while it wrote
                continue
            if kind == "refused":
                refused = row
            elif kind == "end":
                ended = True
            else:
                yield kind, row
        child.wait()
    finally:
        timed_out = overtime.finished.is_set()
        overtime.cancel()
        child.kill()
        child.wait()
    if refused:
        raise BookError(str(file), *refusals.get(str(refused), DAMAGED))
    if not ended:
        if timed_out or child.returncode == -signal.SIGXCPU:
            reason = f"reading took longer than {seconds} s"
        elif child.returncode == -signal.SIGPROF:
            reason = f"reading{place()} took too long"
        else:
            reason = f"the reader stopped{place()} (code {child.returncode})"
        raise BookError(str(file), reason, "Save it again with another program and ingest that.")


def emit(kind: str, row: Any) -> None:
    """The child's end: print one row."""
    sys.stdout.write(json.dumps([kind, row]) + "\n")


def limit(megabytes: int, seconds: int) -> None:
    """The child's end: have the kernel end this process where it takes more memory or processor time."""
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
