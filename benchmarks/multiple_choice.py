"""Is the right option of a multiple-choice question named? On the shipped questions, pasted as a student would.

    python benchmarks/multiple_choice.py [--quiz examples/quiz.csv] [--make examples/course]

`named`: how often an option is named at all; `right`: how many of those are. `the most like`: the option that, behind the stem,
is nearest to a sentence of the passages found, which names one always.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path

from tutor.offline import close_network

close_network(hub=False)

import numpy as np  # noqa: E402

from index_store.course import Library  # noqa: E402
from index_store.embedding import load_embedding  # noqa: E402
from index_store.search import CourseSearch  # noqa: E402
from ingest.pipeline import ingest  # noqa: E402
from tutor.answering.multiple_choice import borne_out, parse  # noqa: E402
from tutor.answering.sentences import sentences  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quiz", type=Path, default=Path("examples/quiz.csv"))
    parser.add_argument("--make", type=Path, default=Path("examples/course"), metavar="BOOKS")
    arguments = parser.parse_args()
    with arguments.quiz.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    with tempfile.TemporaryDirectory() as home:
        library, embedding = Library(Path(home)), load_embedding()
        ingest([arguments.make], library.course("quiz"), embedding, library.vectors)
        search = CourseSearch(library.course("quiz"), embedding)
        named = right = alike = 0
        for row in rows:
            choice = parse("\n".join([row["question"], *(f"{letter}) {row[letter]}" for letter in "ABCD")]))
            if choice is None:
                raise SystemExit(f"{row['id']} is not recognised")
            hits = [hit for hit in search.search(choice.searched, 4) if hit.passage.kind != "exercise"]
            said = [text for hit in hits for text in sentences(hit.passage.text)]
            statements = np.array(embedding.embed([choice.statement(option) for option in choice.options]))
            nearest = int(np.argmax((statements @ np.array(embedding.embed(said)).T).max(axis=1)))
            alike += choice.options[nearest].letter == row["answer"]
            if borne := borne_out(choice, said, embedding):
                named += 1
                right += borne.option.letter == row["answer"]
    print("| | questions | named | right | of those named |\n|---|---|---|---|---|")
    print(f"| borne out by a sentence, or none | {len(rows)} | {named} | {right} | {right / max(1, named):.0%} |")
    print(f"| the most like | {len(rows)} | {len(rows)} | {alike} | {alike / len(rows):.0%} |")


if __name__ == "__main__":
    main()
