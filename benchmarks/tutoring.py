"""What does training on written tutoring answers change? Three steps around `tutor train`.

    python benchmarks/tutoring.py examples FILE.jsonl... --out DATA
    tutor train recipes/smollm2-sft.yaml data.train=DATA/train.jsonl data.validation=DATA/validation.jsonl --out RUNS/sft
    python benchmarks/tutoring.py pairs RUNS/sft DATA/asked.jsonl --out DATA/pairs.jsonl
    tutor train recipes/smollm2-dpo.yaml parent=RUNS/sft data.train=DATA/pairs.jsonl --out RUNS/dpo
    python benchmarks/tutoring.py table base=smollm2-135m@nf4 sft=RUNS/sft dpo=RUNS/dpo --data DATA --out RUNS/table

Each FILE holds written answers: one JSON object a line with id, question, answerable, answer citing [1] to [4], and passages
[{book, section, page, text}]. `examples` renders them with the tutor's own prompt and holds whole sections of the books out:
`test.jsonl` and `validation.jsonl` ask of sections that no other file asks of (such a section may still be among the passages
that do not answer). `asked.jsonl` has questions that SFT does not learn from. `pairs` has the SFT model answer those, and keeps
each answer that is worse than the written one as `rejected`. `table` has every stage answer `test.jsonl` greedily.

Of an answer, by what the tutor itself uses: cited rightly, it cites passages and only those that the written answer cites;
cited and supported, every sentence that cites is borne out by what it cites; refused, it cites nothing, and has a word of
negation and one of the passages. Twenty answers, drawn by seed, stand side by side in OUT/answers.md, with the prompts in
OUT/stages.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tutor.offline import close_network

close_network(hub=False)

from index_store.embedding import load_embedding  # noqa: E402
from index_store.passage import embedding_prefix  # noqa: E402
from training import answers, scored_model, stage_report, stage_table  # noqa: E402
from training.data import read  # noqa: E402
from training.stage_report import Column  # noqa: E402
from tutor.answering import prompts  # noqa: E402
from tutor.answering.citations import CLAIM, CODE, MARKER, without_numbers  # noqa: E402
from tutor.answering.support import Claim, borne_out  # noqa: E402

SHOWN = 20
TOKENS = 128  # most of an answer; the written ones have 15 to 130
LONGEST = 2048
HELD_OUT = {"test": 15, "validation": 5}  # of a hundred sections
SHARE_ASKED = 35  # of a hundred sections of the rest
NEGATION = re.compile(
    r"n['’]t\b|\b(?:not|no|none|nothing|neither|never|cannot|unable|without|only|missing|left open)\b", re.IGNORECASE
)
SOURCE = re.compile(r"\b(?:passages?|excerpts?|texts?|materials?|sources?|search|found|here|given|have)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Judged:
    """One answer. `supported` is None where nothing is cited."""

    refused: bool
    cited: frozenset[int]
    supported: bool | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    made = steps.add_parser("examples")
    made.add_argument("files", type=Path, nargs="+", metavar="FILE.jsonl")
    for name in ("train", "validation", "asked", "test"):
        made.add_argument(f"--{name}", type=int, metavar="N", help=f"Only N rows of {name}.jsonl, drawn by seed.")
    made.add_argument("--out", type=Path, required=True, metavar="DATA")
    paired = steps.add_parser("pairs")
    paired.add_argument("run", metavar="RUN")
    paired.add_argument("asked", type=Path, metavar="DATA/asked.jsonl")
    paired.add_argument("--out", type=Path, required=True, metavar="PAIRS.jsonl")
    table = steps.add_parser("table")
    table.add_argument("stages", nargs="+", metavar="NAME=MODEL")
    table.add_argument("--data", type=Path, required=True, metavar="DATA")
    table.add_argument("--general", type=Path, metavar="TEXT", help="Text of another subject, for what is forgotten.")
    table.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    arguments = parser.parse_args()
    {"examples": examples, "pairs": pairs, "table": tabulate}[arguments.step](arguments)


def examples(arguments: argparse.Namespace) -> None:
    parts: dict[str, list[dict[str, Any]]] = {"train": [], "validation": [], "asked": [], "test": []}
    mixed = 0
    for file in arguments.files:
        for row in rows_of(file):
            found = {part_of(section) for section in sections(row)}
            if len(found) > 1:
                mixed += 1
                continue
            parts[found.pop()].append(rendered(row))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, rows in parts.items():
        wanted = getattr(arguments, name)
        kept = rows if wanted is None else random.Random(0).sample(rows, min(wanted, len(rows)))
        write_rows(arguments.out / f"{name}.jsonl", kept)
        print(f"{name}: {len(kept)} of {len(rows)}, {sum(row['answerable'] for row in kept)} of them answerable")
    print(f"left out: {mixed} whose answer rests on sections of two parts")


def sections(row: Mapping[str, Any]) -> set[str]:
    """The numbered sections that the answer rests on; of one that rests on none, the section that most passages are of."""
    names = [f"{passage['book']}: {passage['section'].split(' – ')[0]}" for passage in row["passages"]]
    if used := cited(row["answer"], len(names)):
        return {names[number - 1] for number in used}
    return {max(names, key=names.count)}


def part_of(section: str) -> str:
    place = int(hashlib.sha256(section.encode()).hexdigest()[:8], 16)
    for name, share in HELD_OUT.items():
        if place % 100 < share:
            return name
        place += 100 - share
    return "asked" if (place // 100) % 100 < SHARE_ASKED else "train"


def rendered(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as `tutor train` reads it, with what answers to it are judged by."""
    texts = [
        f"{embedding_prefix(passage['book'], tuple(passage['section'].split(' – ')))}\n{passage['text']}"
        for passage in row["passages"]
    ]
    return {
        "prompt": [
            {"role": "system", "content": prompts.EXPLAIN},
            {"role": "user", "content": prompts.explain_question(texts, row["question"])},
        ],
        "completion": [{"role": "assistant", "content": row["answer"]}],
        "id": row["id"],
        "question": row["question"],
        "answerable": row["answerable"],
        "passages": [passage["text"] for passage in row["passages"]],
    }


def cited(answer: str, count: int) -> frozenset[int]:
    """The passages of 1...count that an answer cites: behind a space and outside code, where brackets are an index. Numbers
    without a passage are taken out of an answer by the tutor, and count as nothing here too."""
    prose = CODE.sub("``", answer)
    markers = [marker for marker in MARKER.finditer(prose) if marker.start() and prose[marker.start() - 1].isspace()]
    numbers = {int(number) for marker in markers for number in marker[1].split(",")}
    return frozenset(number for number in numbers if 1 <= number <= count)


def refuses(text: str) -> bool:
    return bool(NEGATION.search(text) and SOURCE.search(text))


def judged(rows: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> list[Judged]:
    """An answer to each row."""
    claims: list[tuple[int, Claim]] = []
    for place, (row, text) in enumerate(zip(rows, texts, strict=True)):
        for match in CLAIM.finditer(text):
            if numbers := cited(match[0], len(row["passages"])):
                used = tuple(row["passages"][number - 1] for number in sorted(numbers))
                claims.append((place, Claim(without_numbers(match[0]), used, row["question"])))
    borne = borne_out([claim for _, claim in claims], load_embedding()) if claims else []
    found: list[Judged] = []
    for place, text in enumerate(texts):
        mine = [sure for (of, _), sure in zip(claims, borne, strict=True) if of == place]
        numbers = cited(text, len(rows[place]["passages"]))
        found.append(Judged(not numbers and refuses(text), numbers, all(mine) if mine else None))
    return found


def right(row: Mapping[str, Any], answer: Judged) -> bool:
    """Nothing is wrong with the answer that can be judged here."""
    if not row["answerable"]:
        return answer.refused
    return cites_rightly(row, answer) and bool(answer.supported)


def cites_rightly(row: Mapping[str, Any], answer: Judged) -> bool:
    return bool(answer.cited) and answer.cited <= cited(row["completion"][0]["content"], len(row["passages"]))


def rows_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]


def write_rows(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def pairs(arguments: argparse.Namespace) -> None:
    rows = rows_of(arguments.asked)
    base = scored_model.load(scored_model.named(arguments.run))
    written = answers.write(base, read(arguments.asked, "sft").rows, TOKENS)
    found = judged(rows, [answer.text for answer in written])
    made = []
    for row, answer, one in zip(rows, written, found, strict=True):
        if answer.text.strip() and not right(row, one):
            rejected = [{"role": "assistant", "content": answer.text.strip()}]
            made.append({"prompt": row["prompt"], "chosen": row["completion"], "rejected": rejected, "id": row["id"]})
    write_rows(arguments.out, made)
    print(f"{len(made)} of {len(rows)} answers are worse than the written one")


def tabulate(arguments: argparse.Namespace) -> None:
    test = arguments.data / "test.jsonl"
    rows = rows_of(test)
    plan = stage_table.Plan(examples=test, general=arguments.general, longest=LONGEST, answers=len(rows), answer_tokens=TOKENS)
    stages = stage_table.stages(arguments.stages)
    kept = stage_table.measure(plan, stages, arguments.out, lambda message: print(message, file=sys.stderr, flush=True))
    found = [judged(rows, [answer["text"] for answer in stage["answers"]]) for stage in kept]
    drawn = sorted(random.Random(0).sample(range(len(rows)), min(SHOWN, len(rows))))
    shown = [{**stage, "answers": [stage["answers"][place] for place in drawn]} for stage in kept]
    report = stage_report.report(shown, columns(rows, kept, found))
    stage_report.write(report, arguments.out)
    side_by_side = [line for place in drawn for line in shown_of(place, rows[place], kept, found)]
    (arguments.out / "answers.md").write_text("\n".join(side_by_side), "utf-8")
    print("\n".join(stage_report.tables(report, "###")))
    written = judged(rows, [row["completion"][0]["content"] for row in rows])
    told = sum(right(row, one) for row, one in zip(rows, written, strict=True))
    print(f"The written answers themselves, judged alike: {told} of {len(rows)} right.")


def shown_of(
    place: int, row: Mapping[str, Any], kept: Sequence[Mapping[str, Any]], found: Sequence[Sequence[Judged]]
) -> list[str]:
    """Lines of Markdown: one question with its answers as they came, each as it was judged."""
    kind = "answerable" if row["answerable"] else "not answered by its passages"
    lines = [f"## {row['question']}", "", f"{row['id']}, {kind}", ""]
    lines += [f"**written**: {' '.join(row['completion'][0]['content'].split())}", ""]
    for stage, judgements in zip(kept, found, strict=True):
        told = "right" if right(row, judgements[place]) else "wrong"
        lines += [f"**{stage['name']}** ({told}): {' '.join(stage['answers'][place]['text'].split())}", ""]
    return lines


def columns(
    rows: Sequence[Mapping[str, Any]], kept: Sequence[Mapping[str, Any]], found: Sequence[Sequence[Judged]]
) -> list[Column]:
    """The measures of this page, each with every stage's value of each item it is about."""
    asked = [place for place, row in enumerate(rows) if row["answerable"]]
    not_answered = [place for place, row in enumerate(rows) if not row["answerable"]]
    kinds = [
        ("cited rightly", "Of questions that the passages answer.", asked, cites_rightly),
        (
            "cited and supported",
            "Of questions that the passages answer: it cites, and each sentence that cites is borne out by what it cites.",
            asked,
            lambda row, one: bool(one.supported),
        ),
        ("refused wrongly", "Of questions that the passages answer; lower is better.", asked, lambda row, one: one.refused),
        ("refused rightly", "Of questions that the passages do not answer.", not_answered, lambda row, one: one.refused),
        ("nothing wrong", "Cited rightly and supported, or refused rightly; of all.", range(len(rows)), right),
    ]
    made = [
        Column(title, note, "share", [[float(of(rows[place], one[place])) for place in places] for one in found])
        for title, note, places, of in kinds
        if places
    ]
    lengths = [[float(answer["tokens"]) for answer in stage["answers"]] for stage in kept]
    cut = ", ".join(f"{stage['name']} {sum(answer['cut'] for answer in stage['answers'])}" for stage in kept)
    written = sum(len(row["completion"][0]["content"].split()) for row in rows) / len(rows)
    note = f"Tokens of an answer, at most {TOKENS}; cut there: {cut}. The written answers have {written:.0f} words."
    return [*made, Column("length", note, "tokens", lengths)]


if __name__ == "__main__":
    main()
