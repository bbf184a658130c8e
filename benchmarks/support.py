"""Is a cited sentence shown as supported where its passage supports it, and marked where it does not?

    python benchmarks/support.py FILE.jsonl...

Each file holds written answers: one JSON object a line with question, answerable, answer citing [1] to [4], and passages
[{text}]. A sentence with the one passage that it cites counts as right; as wrong counts the same sentence with every passage
that its answer does not cite (all four were found for the question, so they are near), and with its own passage where one of
its numbers is altered. Precision: the share of right ones among those shown as supported, which depends on how many wrong ones
there are; here they outnumber the right ones.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tutor.offline import close_network

close_network(hub=False)

from index_store.embedding import load_embedding  # noqa: E402
from tutor.answering.citations import CLAIM, MARKER, SUPPORTED, without_numbers  # noqa: E402
from tutor.answering.support import NUMBER, Claim, borne_out, nearest  # noqa: E402

CHUNK = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.jsonl")
    embedding = load_embedding()
    print("| book | by | right ones shown as supported | of another passage, shown | number altered, shown | precision |")
    print("|---|---|---|---|---|---|")
    for file in parser.parse_args().files:
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        cases = [case for row in rows if row["answerable"] for case in _cases(row)]
        claims = [claim for _, claim in cases]
        ours = [
            shown for start in range(0, len(claims), CHUNK) for shown in borne_out(claims[start : start + CHUNK], embedding)
        ]
        _print(file.stem, f"cosine alone, {SUPPORTED}", cases, [cosine >= SUPPORTED for cosine in nearest(claims, embedding)])
        _print(file.stem, "the tutor", cases, ours)


def _cases(row: dict) -> Iterator[tuple[str, Claim]]:
    """The claims of an answer, each with what is true of it: "right", "other" or "number"."""
    texts = [passage["text"] for passage in row["passages"]]
    generator = random.Random(row["id"])
    sentences = []
    for match in CLAIM.finditer(row["answer"]):
        numbers = {int(number) for marker in MARKER.finditer(match[0]) for number in marker[1].split(",")}
        sentences.append((without_numbers(match[0]), numbers))
    cited = {number for _, numbers in sentences for number in numbers}
    for sentence, numbers in sentences:
        if len(numbers) != 1:
            continue
        claim = Claim(sentence, (texts[min(numbers) - 1],), row["question"])
        yield "right", claim
        for other in set(range(1, len(texts) + 1)) - cited:
            yield "other", replace(claim, passages=(texts[other - 1],))
        if found := list(NUMBER.finditer(sentence)):
            at = generator.choice(found)
            altered = re.sub(r"\d", lambda digit: str((int(digit[0]) + generator.randint(1, 8)) % 10), at[0])
            yield "number", replace(claim, sentence=sentence[: at.start()] + altered + sentence[at.end() :])


def _print(book: str, by: str, cases: list[tuple[str, Claim]], shown: list[bool]) -> None:
    cells = []
    for wanted in ("right", "other", "number"):
        of = [was for (kind, _), was in zip(cases, shown, strict=True) if kind == wanted]
        cells.append(f"{sum(of)} of {len(of)} ({sum(of) / max(1, len(of)):.0%})")
    right = sum(was for (kind, _), was in zip(cases, shown, strict=True) if kind == "right")
    print(f"| {book} | {by} | {' | '.join(cells)} | {right / max(1, sum(shown)):.1%} |", flush=True)


if __name__ == "__main__":
    main()
