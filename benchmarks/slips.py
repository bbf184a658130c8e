"""What do slips of the keyboard cost, and what does mending them win back?

    python benchmarks/slips.py --books FOLDER --questions QUESTIONS.jsonl

Every answerable question is typed with slips in one or two of its longer words, --variants times: a letter left out, typed
twice, exchanged for its neighbour on the keyboard, or swapped with the next. The same search with and without mending; "as
they are" shows what mending does to questions without slips, and "altered" how many it exchanges a word of.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from tutor.offline import close_network

close_network(hub=False)

from index_store.course import Library  # noqa: E402
from index_store.embedding import load_embedding  # noqa: E402
from index_store.questions import found_at, read_questions  # noqa: E402
from index_store.search import CourseSearch  # noqa: E402
from ingest.pipeline import ingest  # noqa: E402

TOP = 10
LONGER = re.compile(r"\b[a-zäöüéèàç]{5,}\b", re.IGNORECASE)
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=Path, nargs="+", required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--variants", type=int, default=5)
    arguments = parser.parse_args()
    questions = [question for question in read_questions(arguments.questions) if question.answerable]
    embedding = load_embedding()
    with tempfile.TemporaryDirectory() as home:
        library = Library(Path(home))
        course = library.course("measured")
        ingest(arguments.books, course, embedding, library.vectors, force=True)
        search = CourseSearch(course, embedding)
        mend = search.corrected
        print(f"{len(questions)} questions, {arguments.variants} variants each where they have slips\n")
        print("| questions | mending | altered | hit@1 | hit@5 | MRR |\n|---|---|---:|---:|---:|---:|")
        for name, slips in (("as they are", 0), ("one slip", 1), ("two slips", 2)):
            asked = [
                replace(question, text=typed(question.text, slips, random.Random(f"{question.text} {variant}")))
                for question in questions
                for variant in range(arguments.variants if slips else 1)
            ]
            for mended, how in (("no", as_typed), ("yes", mend)):
                search.corrected = how  # type: ignore[method-assign]
                places = [found_at(question, search.search(question.text, TOP)) for question in asked]
                altered = fmean(how(question.text) != question.text for question in asked)
                print(f"| {name} | {mended} | {altered:.0%} | {share(places, 1):.3f} | {share(places, 5):.3f} | ", end="")
                print(f"{fmean(1 / place if place else 0.0 for place in places):.3f} |", flush=True)


def as_typed(question: str) -> str:
    return question


def typed(question: str, slips: int, dice: random.Random) -> str:
    """The question with `slips` of its longer words mistyped."""
    words = list(LONGER.finditer(question))
    for word in sorted(dice.sample(words, min(slips, len(words))), key=lambda word: -word.start()):
        question = question[: word.start()] + mistyped(word[0], dice) + question[word.end() :]
    return question


def mistyped(word: str, dice: random.Random) -> str:
    place = dice.randrange(1, len(word))
    kinds: Sequence[Callable[[], str]] = (
        lambda: word[:place] + word[place + 1 :],
        lambda: word[:place] + word[place] + word[place:],
        lambda: word[:place] + neighbour(word[place], dice) + word[place + 1 :],
        lambda: word[: place - 1] + word[place] + word[place - 1] + word[place + 1 :],
    )
    return dice.choice(kinds)()


def neighbour(letter: str, dice: random.Random) -> str:
    for row in ROWS:
        if (at := row.find(letter.lower())) >= 0:
            return dice.choice([row[near] for near in (at - 1, at + 1) if 0 <= near < len(row)])
    return letter


def share(places: Sequence[int], within: int) -> float:
    return fmean(0 < place <= within for place in places)


if __name__ == "__main__":
    main()
