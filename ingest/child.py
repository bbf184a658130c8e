"""The limited child process that opens a foreign file: what it prints, its limits, and the process that it is forked from.

A book is untrusted input: a few kilobytes can cost a parser gigabytes or crash it. So each is read by a process of its own,
which prints JSON lines `[kind, row]`, the last of them `end` or `refused`. Loading what reads a PDF takes longer than reading
a short one; `python -m ingest.child MODULE` has it loaded, and forks for every line of arguments that it is given. Behind what
the forked one has printed it prints `ended` with its exit code. Knows nothing of what the rows mean.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

OUT_OF_MEMORY = b'\n["refused", "memory"]\n'


def emit(kind: str, row: Any) -> None:
    """Print one row."""
    sys.stdout.write(json.dumps([kind, row]) + "\n")


def limit(megabytes: int, seconds: int) -> None:
    """Have the kernel end this process where it takes more memory or processor time."""
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(megabytes: int, seconds: int, work: Callable[[], None]) -> None:
    """Do the child's work within its limits; that memory ran out is refused with the word "memory"."""
    limit(megabytes, seconds)
    try:
        work()
    except MemoryError:
        os.write(1, OUT_OF_MEMORY)  # what takes no more of it
        os._exit(1)


def main() -> None:
    module = importlib.import_module(sys.argv[1])
    while line := sys.stdin.readline():
        arguments = json.loads(line)
        child = os.fork()
        if not child:
            _read(module, arguments)
        module.prepare(arguments)  # while the first file is read: what the next ones will need
        _, status = os.waitpid(child, 0)
        # On a line of its own, for the child may have been ended within one.
        sys.stdout.write("\n")
        emit("ended", os.waitstatus_to_exitcode(status))
        sys.stdout.flush()


def _read(module: Any, arguments: list[str]) -> None:
    """In the forked process: read one file, and end."""
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)  # the lines that follow are not for this process
        sys.argv[1:] = arguments
        module.main()
        sys.stdout.flush()
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
