"""Does anything break when an ingest is killed, at any moment, while others ask?

    python benchmarks/kills.py --books examples/course --kills 50

A course goes to and fro between two states: the books as they are, and each without its first page. Every ingest is a
process that gets kill -9 at a random moment of its work (in every second run all vectors have to be made again), while two
other processes ask all the time: one keeps its search open, one opens it anew for every question. Ends with code 1 where

- a question fails, or its passages are not all of one state, or more than one in ten is another than an untouched course of
  that state gives (a text's neighbours in a batch change the last bits of its vector, and may so change the last place);
- the lock is held, or a torn generation is still there, after the next writer has come;
- the ingest after the last kill leaves something else than an untouched one (passages, vectors, manifest but for times and
  checksums: Chroma names its files by chance).
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tutor.offline import close_network

close_network(hub=False)

import numpy as np  # noqa: E402

from index_store.course import Course, Library  # noqa: E402
from index_store.embedding import load_embedding  # noqa: E402
from index_store.generation import COLLECTION, chroma_client, read_passages  # noqa: E402
from index_store.manifest import read_manifest  # noqa: E402
from index_store.search import CourseSearch  # noqa: E402
from ingest.pipeline import ingest  # noqa: E402

NAME = "killed"
STATES = ("whole", "without-first-pages")
QUESTIONS = 12
TOP = 10
MOST_DIFFERENCE = 1e-3  # of a vector's numbers: a text's neighbours in a batch change its last bits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=Path, nargs="+", default=[])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--job", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        job, *values = arguments.job
        return {"write": write, "ask": ask}[job](*values)
    if not arguments.books:
        parser.error("--books: name at least one")
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(measure(arguments.books, arguments.kills, arguments.seed, Path(folder)))


def write(home: str, books: str) -> None:
    """One ingest, in a process of its own."""
    embedding = load_embedding(models=Path(home, "models"))
    library = Library(Path(home))
    print("begun", flush=True)
    ingest([Path(books)], library.course(NAME), embedding, library.vectors)


def ask(home: str, manner: str, questions: str) -> None:
    """Ask until standard input ends; print the answers that were given, each kind once, and how many there were."""
    embedding = load_embedding(models=Path(home, "models"))
    course = Library(Path(home)).existing(NAME)
    rows = json.loads(Path(questions).read_text("utf-8"))
    search = CourseSearch(course, embedding)
    print("begun", flush=True)
    stop = [False]
    signal.signal(signal.SIGTERM, lambda *_: stop.__setitem__(0, True))
    answers: set[tuple[int, tuple[str, ...]]] = set()
    errors: list[str] = []
    asked = 0
    while not stop[0]:
        number = asked % len(rows)
        asked += 1
        try:
            if manner == "anew":
                search = CourseSearch(course, embedding)
            answers.add((number, tuple(hit.passage.id for hit in search.search(rows[number], TOP))))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what this looks for
            errors.append(f"{type(error).__name__}: {error}")
    print(json.dumps({"asked": asked, "answers": sorted(answers), "errors": errors}))


def measure(books: Sequence[Path], kills: int, seed: int, folder: Path) -> int:
    """Print the table; 0 where nothing broke, otherwise 1."""
    dice = random.Random(seed)
    states = {state: folder / state for state in STATES}
    make_states(books, *states.values())
    embedding = load_embedding(models=folder / "home" / "models")
    untouched: dict[str, Course] = {}
    for state in STATES:
        library = Library(folder / f"untouched-{state}")
        ingest([states[state]], library.course(NAME), embedding, library.vectors)
        untouched[state] = library.existing(NAME)
    texts = [p.text for state in STATES for p in read_passages(untouched[state].live)]
    questions = [" ".join(text.split()[3:18]) for text in dice.sample(texts, min(QUESTIONS, len(texts)))]
    (folder / "questions.json").write_text(json.dumps(questions), "utf-8")
    expected = {
        (number, state): {hit.passage.id for hit in search.search(question, TOP)}
        for state in STATES
        for search in [CourseSearch(untouched[state], embedding)]
        for number, question in enumerate(questions)
    }
    held = {state: {passage.id for passage in read_passages(untouched[state].live)} for state in STATES}

    home = folder / "home"
    run_to_end(home, states[STATES[0]])
    course = Library(home).existing(NAME)
    forget_vectors(home)
    askers = [start("ask", home, manner, folder / "questions.json") for manner in ("kept open", "anew")]
    # Timed while the others ask, for they take an ingest's time.
    seconds = {False: run_to_end(home, states[STATES[1]]), True: run_to_end(home, states[STATES[0]])}
    stages = {"before it wrote": 0, "a torn generation left": 0, "after it was done": 0}
    locked = torn_left = published = 0
    try:
        for number in range(kills):
            before = course.live_name
            state = STATES[0] if same_passages(course, untouched[STATES[1]]) else STATES[1]
            kept = number % 2 == 1
            if not kept:
                forget_vectors(home)
            child = start("write", home, states[state])
            time.sleep(dice.uniform(0, 1.1 * seconds[kept]))
            finished = child.poll() is not None
            child.kill()
            child.wait()
            torn = len(torn_generations(course))
            stages["after it was done" if finished else "a torn generation left" if torn else "before it wrote"] += 1
            published += course.live_name != before
            try:
                with course.writer():
                    torn_left += len(torn_generations(course))
            except Exception as error:  # noqa: BLE001
                locked += 1
                print(f"after kill {number + 1}: {error}", file=sys.stderr)
        last = STATES[0] if same_passages(course, untouched[STATES[1]]) else STATES[1]
        run_to_end(home, states[last])
    finally:
        told = [finish(asker) for asker in askers]
    differences = differing(course, untouched[last])

    def states_of(number: int, ids: Sequence[str]) -> list[str]:
        """The states that can have given this answer: of their passages alone, and all but one of those expected."""
        return [s for s in STATES if held[s] >= set(ids) and len(expected[number, s] - set(ids)) <= 1]

    given = [states_of(number, ids) for row in told for number, ids in row["answers"]]
    foreign = [states for states in given if not states]
    errors = [error for row in told for error in row["errors"]]
    seen = {state for states in given for state in states}
    print(f"{kills} kills of an ingest that takes {seconds[False]:.1f} s ({seconds[True]:.1f} s with vectors kept); ", end="")
    print("; ".join(f"{count} {stage}" for stage, count in stages.items()) + f"; {published} had published\n")
    print("| | |\n|---|---|")
    print(f"| questions asked meanwhile | {sum(row['asked'] for row in told):,} |")
    print(f"| states seen | {len(seen)} of {len(STATES)} |")
    print(f"| failed | {len(errors)} |")
    print(f"| answers of neither state | {len(foreign)} |")
    print(f"| locks not free after a kill | {locked} |")
    print(f"| torn generations not swept | {torn_left} |")
    print(f"| differences of the last ingest from an untouched one | {'; '.join(differences) or 'none'} |")
    for error in sorted(set(errors)):
        print(f"{errors.count(error)} times: {error}", file=sys.stderr)
    return int(bool(errors or foreign or locked or torn_left or differences))


def make_states(books: Sequence[Path], whole: Path, shorter: Path) -> None:
    from pypdf import PdfReader, PdfWriter

    from ingest.pipeline import find_books

    found, _ = find_books(books)
    for name, file in found.items():
        pages = len(PdfReader(file).pages) if file.suffix.lower() == ".pdf" else 0
        if pages < 2:
            continue
        for folder, first in ((whole, 0), (shorter, 1)):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with PdfWriter() as pdf:
                pdf.append(file, pages=(first, pages))
                pdf.write(target)
    if not whole.is_dir():
        raise SystemExit(f"{', '.join(map(str, books))}: no PDF of two pages or more. Name one.")


def start(job: str, *values: object) -> subprocess.Popen[str]:
    """A process of its own for `job`, at work when this returns."""
    child = subprocess.Popen(
        [sys.executable, __file__, "--job", job, *map(str, values)], stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert child.stdout is not None
    if child.stdout.readline() != "begun\n":
        raise SystemExit(f"the process for {job!r} did not begin")
    return child


def finish(asker: subprocess.Popen[str]) -> dict[str, Any]:
    asker.terminate()
    told, _ = asker.communicate(timeout=120)
    row: dict[str, Any] = json.loads(told)
    return row


def run_to_end(home: Path, books: Path) -> float:
    """Seconds of one ingest that nobody kills."""
    child = start("write", home, books)
    begun = time.perf_counter()
    if child.wait() != 0:
        raise SystemExit("an ingest that nobody killed failed")
    return time.perf_counter() - begun


def forget_vectors(home: Path) -> None:
    for file in home.glob("vectors.sqlite*"):
        file.unlink()


def torn_generations(course: Course) -> list[Path]:
    return [folder for folder in (course.folder / "generations").iterdir() if not (folder / "manifest.json").is_file()]


def same_passages(one: Course, other: Course) -> bool:
    return (one.live / "passages.jsonl").read_bytes() == (other.live / "passages.jsonl").read_bytes()


def differing(one: Course, other: Course) -> list[str]:
    """In what the live generations of two courses differ, but for their times."""
    found = [] if same_passages(one, other) else ["passages"]
    manifests = [asdict(read_manifest(course.live)) | {"created": "", "checksums": {}} for course in (one, other)]
    if manifests[0] != manifests[1]:
        found.append("manifest")
    rows = [chroma_client(c.live / "chroma").get_collection(COLLECTION).get(include=["embeddings"]) for c in (one, other)]
    vectors = [dict(zip(row["ids"], row["embeddings"], strict=True)) for row in rows]
    if set(vectors[0]) != set(vectors[1]):
        found.append("passages in Chroma")
    elif any(np.abs(vectors[0][key] - vectors[1][key]).max() > MOST_DIFFERENCE for key in vectors[0]):
        found.append("vectors")
    sentences = [np.load(course.live / "sentences.npy") for course in (one, other)]
    if sentences[0].shape != sentences[1].shape or np.abs(sentences[0] - sentences[1]).max() > MOST_DIFFERENCE:
        found.append("vectors of sentences")
    return found


if __name__ == "__main__":
    main()
