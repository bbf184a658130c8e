"""How long do students wait when many ask at once? 1, 10 and 50 of them, at a really running `tutor chat`.

    python benchmarks/load.py --make examples/course [--students 1 10 50] [--each 2] [--questions examples/questions.jsonl]
    python benchmarks/load.py --course NAME --questions QUESTIONS.jsonl       (a course ingested before)

A server of its own is started, with the model and settings in use, and asked over its HTTP API, which waits in the same line as
the chat. All students send their first question within a second, and each its next when the one before is answered. Times
are seconds from sending: to the first passage (the places that the answer will rest on), the first word, and the end. `worst
student` is the largest of the students' own median waits for an answer, over the median of them: 1 is fair. `memory` is the
most that the server held.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import httpx

ROOT = Path(__file__).parent.parent
PROGRAM = [sys.executable, "-c", "from tutor.cli.main import main; main(prog_name='tutor')"]
PATIENCE = 1800  # seconds


@dataclass(frozen=True)
class Wait:
    """What one question took, in seconds."""

    student: int
    passages: float
    word: float
    end: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--course", help="a course of the home in use")
    which.add_argument("--make", type=Path, help="books to read into a temporary home first")
    parser.add_argument("--questions", type=Path, default=ROOT / "examples" / "questions.jsonl")
    parser.add_argument("--students", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--each", type=int, default=2, help="questions of a student")
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in arguments.questions.read_text("utf-8").splitlines()]
    questions = [row["question"] for row in rows if row["answerable"]]
    with tempfile.TemporaryDirectory() as folder:
        course, environment = arguments.course or "sample", {**os.environ, "TUTOR_QUESTIONS_PER_MINUTE": "0"}
        if arguments.make:
            environment["TUTOR_HOME"] = folder
            _tutor(environment, "ingest", str(arguments.make), "--course", course)
        name = f"load-{os.getpid()}"
        key = _tutor(environment, "keys", "add", name, "--course", course).strip().splitlines()[-1]
        try:
            print(f"course {course!r}, {arguments.each} questions a student")
            print("| students | first passage p50 / p95 | first word p50 / p95 | answer p50 / p95 | answers a minute |", end="")
            print(" worst student | errors | memory |\n|---|---|---|---|---|---|---|---|")
            for students in arguments.students:
                with _server(environment) as (url, process):
                    _report(url, key, course, questions, students, arguments.each, process)
        finally:
            _tutor(environment, "keys", "remove", name)


def _report(
    url: str, key: str, course: str, questions: Sequence[str], students: int, each: int, process: subprocess.Popen[str]
) -> None:
    _ask(url, key, course, questions[0], 0)  # the first one warms the model
    waits: list[Wait] = []
    errors: list[str] = []
    chance = random.Random(students)

    def student(number: int, asked: Sequence[str], begin: float) -> None:
        time.sleep(begin)
        for question in asked:
            try:
                waits.append(_ask(url, key, course, question, number))
            except (httpx.HTTPError, ValueError, KeyError) as error:
                errors.append(f"{type(error).__name__}: {error}")

    threads = [
        threading.Thread(target=student, args=(number, chance.sample(questions, each), chance.random()))
        for number in range(students)
    ]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    seconds = time.perf_counter() - begun
    own = [median(wait.end for wait in waits if wait.student == number) for number in {wait.student for wait in waits}]
    print(
        f"| {students} | {_both(waits, 'passages')} | {_both(waits, 'word')} | {_both(waits, 'end')} "
        f"| {60 * len(waits) / seconds:.0f} | {max(own) / median(own):.1f} | {len(errors)} | {_peak(process.pid):,.0f} MB |",
        flush=True,
    )
    for error in sorted(set(errors)):
        print(f"  {errors.count(error)} x {error}", file=sys.stderr)


def _ask(url: str, key: str, course: str, question: str, student: int) -> Wait:
    """Ask, and read the stream to its end. Raises ValueError where it is no whole answer."""
    body = {"model": course, "stream": True, "messages": [{"role": "user", "content": question}]}
    begun = time.perf_counter()
    passages = word = 0.0
    over = False
    with httpx.stream(
        "POST", f"{url}v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE
    ) as stream:
        stream.raise_for_status()
        for line in stream.iter_lines():
            if line == "data: [DONE]":
                over = True
            elif line.startswith("data: "):
                row = json.loads(line.removeprefix("data: "))
                if "error" in row:
                    raise ValueError(row["error"]["message"])
                passages = passages or time.perf_counter() - begun
                if any(choice["delta"].get("content") for choice in row["choices"]):
                    word = word or time.perf_counter() - begun
    if not over or not word:
        raise ValueError("the stream ended early")
    return Wait(student, passages, word, time.perf_counter() - begun)


@contextmanager
def _server(environment: dict[str, str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*PROGRAM, "chat", "--port", str(port)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "the chat is open at" in line:
                break
        else:
            raise SystemExit("the chat did not start")
        threading.Thread(target=process.stderr.read, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{port}/", process
        finally:
            process.terminate()
            process.wait(30)


def _tutor(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([*PROGRAM, *arguments], env=environment, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    return done.stdout


def _both(waits: Sequence[Wait], what: str) -> str:
    values = sorted(getattr(wait, what) for wait in waits)
    high = quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
    return f"{median(values):.2f} / {high:.2f}"


def _peak(pid: int) -> float:
    """The most memory that a process held, in MB, as Linux counts it."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1000


if __name__ == "__main__":
    main()
