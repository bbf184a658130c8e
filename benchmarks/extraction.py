"""Is the option found that a chain of thought commits to? Beside published extractors, on labelled outputs.

    python benchmarks/extraction.py OUTPUTS.jsonl [--chains CHAINS.jsonl] [--size 1000000] [--wrong]

OUTPUTS: real outputs of models, labelled with the option that each commits to; rows of question_id, options, output, label
(null: none) and kind. `right` counts none as an answer; `wrong letter`: another option than the label's was named. The rules
were written looking at the outputs of one half of the questions; of the other, only at the tables.

CHAINS: rows of prompt, chosen and rejected, both ending "The answer is (X)."; that sentence is rewritten in many ways.

Then the slowest of many hostile texts of a million characters. `--wrong` prints what went wrong in the half that was looked at.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tutor.mcqa import Choice, extract

LETTERS = "ABCDEFGHIJ"
CHAINS = 300  # of either side
SEED = 5


def ours(text: str, options: list[str]) -> str | None:
    return extract(text, options).letter


def three_stages(text: str, options: list[str]) -> str | None:
    """MMLU-Pro's evaluate_from_api.py: extract_answer, extract_again, extract_final.

    The second stage, `.*[aA]nswer:\\s*([A-J])`, takes the last such place of the first line that has one; here without going
    through a line once for every start.
    """
    if first := re.search(r"answer is \(?([A-J])\)?", text):
        return first[1]
    found = list(re.finditer(r"[aA]nswer:\s*([A-J])", text))
    if found:
        return [one for one in found if "\n" not in text[found[0].start() : one.start()]][-1][1]
    letters = re.findall(r"\b[A-J]\b", text)
    return letters[-1] if letters else None


def first_match(text: str, options: list[str]) -> str | None:
    """lm-evaluation-harness, mmlu_pro: the first match of the filter's regex."""
    found = re.search(r"answer is \(?([ABCDEFGHIJ])\)?", text)
    return found[1] if found else None


def answer_colon(text: str, options: list[str]) -> str | None:
    """simple-evals: ANSWER_PATTERN_MULTICHOICE, with ten letters."""
    found = re.search(r"(?i)Answer[ \t]*:[ \t]*\$?([A-J])\$?", text)
    return found[1] if found else None


def last_before_question(text: str, options: list[str]) -> str | None:
    """Cut at the next "Question:", then the last match."""
    found = re.findall(r"answer is \(?([A-J])\)?", text.split("Question:")[0])
    return found[-1] if found else None


EXTRACTORS: dict[str, Callable[[str, list[str]], str | None]] = {
    "tutor.mcqa.extract": ours,
    "MMLU-Pro, three stages": three_stages,
    "lm-evaluation-harness, first match": first_match,
    "simple-evals, `Answer:`": answer_colon,
    "last match before `Question:`": last_before_question,
}


def looked_at(row: dict[str, Any]) -> bool:
    return int(hashlib.sha256(f"half:{row['question_id']}".encode()).hexdigest()[:8], 16) % 2 == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outputs", type=Path)
    parser.add_argument("--chains", type=Path)
    parser.add_argument("--size", type=int, default=1_000_000, help="characters of a hostile text")
    parser.add_argument("--wrong", action="store_true", help="print what went wrong in the half that was looked at")
    arguments = parser.parse_args()
    rows = _rows(arguments.outputs)
    _extractors(rows)
    _kinds(rows)
    if arguments.wrong:
        for row in filter(looked_at, rows):
            choice = extract(row["output"], row["options"])
            if choice.letter != row["label"]:
                print(f"\n{row['id']} {row['kind']} {row['label']} {choice}\n{row['output'][-600:]}")
    if arguments.chains:
        _reworded(_rows(arguments.chains), arguments.wrong)
    _hostile(arguments.size)


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def _extractors(rows: list[dict[str, Any]]) -> None:
    parts = {"all": rows, "half looked at": [*filter(looked_at, rows)], "other half": [r for r in rows if not looked_at(r)]}
    print("| extractor | " + " | ".join(f"{part} ({len(some)}): right | wrong letter" for part, some in parts.items()) + " |")
    print("|---" * (1 + 2 * len(parts)) + "|")
    for name, extractor in EXTRACTORS.items():
        cells = []
        for some in parts.values():
            found = [(extractor(row["output"], row["options"]), row["label"]) for row in some]
            cells += [
                _share(letter == label for letter, label in found),
                _share(letter not in (None, label) for letter, label in found),
            ]
        print(f"| {name} | " + " | ".join(cells) + " |")


def _share(of: Iterator[bool]) -> str:
    each = list(of)
    return f"{sum(each) / max(1, len(each)):.1%}"


def _kinds(rows: list[dict[str, Any]]) -> None:
    choices: list[tuple[dict[str, Any], Choice]] = [(row, extract(row["output"], row["options"])) for row in rows]
    print("\n| kind of output | outputs | right | wrong letter | none for a letter |\n|---|---|---|---|---|")
    for kind, count in Counter(row["kind"] for row in rows).most_common():
        mine = [(choice.letter, row["label"]) for row, choice in choices if row["kind"] == kind]
        wrong = sum(letter not in (None, label) for letter, label in mine)
        missed = sum(letter is None and label is not None for letter, label in mine)
        print(f"| {kind} | {count} | {sum(a == b for a, b in mine)} | {wrong} | {missed} |")
    print("\n| how it was found, or why not | outputs | right | wrong letter |\n|---|---|---|---|")
    for how, count in Counter(choice.how or f"none: {choice.why}" for _, choice in choices).most_common():
        mine = [(choice.letter, row["label"]) for row, choice in choices if how == (choice.how or f"none: {choice.why}")]
        print(f"| {how} | {count} | {sum(a == b for a, b in mine)} | {sum(a not in (None, b) for a, b in mine)} |")


NEXT = (
    "\n\nQuestion: A block slides down.\nOptions:\nA. 1 m\nB. 2 m\nC. 3 m\nAnswer: "
    "Let's think step by step. The answer is ({Y})."
)
# {X}: the option committed to; {Y}: another; {T}: the text of X; {V}, {L}: its value, and in LaTeX; {Z}: no option.
WAYS: dict[str, tuple[str, ...]] = {
    "a letter, in English": (
        "The answer is {X}.",
        "So the correct answer is **{X}**.",
        "$\\boxed{{{X}}}$",
        "The final answer is: \\[ \\boxed{{\\text{{{X}}}}} \\]",
        "Therefore, option {X} is correct.",
        "Answer: {X}",
        "**Final Answer:** ({X})",
        "The correct choice is {X}: {T}",
        "Thus, I would choose option ({X}).",
        "### Answer\n\n**{X}. {T}**",
        "This corresponds to option {X}.",
        "({X}) is the correct answer.",
        "Hence the best option is [{X}].",
        "<answer>{X}</answer>",
        "The answer is `{X}`.",
        "So, {X}.",
        "Among the options, the closest is ({X}).",
        "the answer is ({x}).",
    ),
    "in French, German, Spanish, Italian": (
        "La réponse est ({X}).",
        "La bonne réponse est donc l'option {X}.",
        "Réponse : {X}",
        "Die Antwort ist ({X}).",
        "Die richtige Antwort lautet {X}.",
        "Lösung: {X}",
        "Richtig ist somit Option {X}.",
        "La respuesta correcta es la {X}.",
        "La risposta corretta è {X}.",
    ),
    "corrected or denied": (
        "The answer is ({Y}). Wait, that is wrong. The answer is ({X}).",
        "The answer is {Y}... no, {X}.",
        "The answer is not ({Y}) but ({X}).",
        "At first the answer seems to be ({Y}), but this is incorrect. The correct answer is ({X}).",
        "Option {Y} is incorrect. Option {X} is correct.",
        "It could be ({Y}) or ({X}). The answer is ({X}).",
        "Die Antwort ist nicht {Y}, sondern {X}.",
        "La réponse est ({Y}), non, ({X}).",
    ),
    "followed by more": (
        "The answer is ({X})." + NEXT,
        "The answer is {X}.</s>\nUser: And now?\nThe answer is {Y}.",
        "The answer is ({X}).\n\nI hope this helps!",
        "The answer is ({X}). The other options, such as ({Y}), do not fit.",
        "The answer is ({X}). The answer is ({X}). The answer is ({X}). The answer",
    ),
    "the option's words": (
        "The answer is {T}",
        "The correct option is: {T}",
        "So the correct answer is **{T}**",
        'Hence the answer is: "{T}".',
        "Die richtige Antwort ist: {T}",
        "La réponse est : {T}",
        "Therefore, {T}",
    ),
    "the option's value": (
        "The answer is {V}.",
        "Hence ${V}$ is the answer.",
        "Therefore the result is $\\boxed{{{L}}}$.",
        "The answer is approximately {V}, as computed.",
        "Die Antwort lautet {L}.",
        "The final answer is ({V}).",
        "So the result is {V}.",
    ),
    "a result only": (
        "Thus x = {V}.",
        "\\[ x = {L} \\]",
        "This gives about {V}.",
        "So the total is {V}.",
        "Therefore we get $v \\approx {L}$.",
        "It is thus {V}. The answer",
    ),
    "none to be found": (
        "The answer is (none of the above options).",
        "The answer is ({Z}).",
        "The answer is ({X}) and ({Y}).",
        "None of the options is correct.",
        "(a) The answer is ({X}). (b) The answer is ({Y}).",
        "The answer is ( ).",
        "I cannot determine the answer from what is given.",
        "The answer is ({X}).\nThe answer is ({Y}).\nThe answer is ({X}).\nThe answer is ({Y}).",
    ),
    "nothing at the end": ("",),
    "broken off in the middle": ("",),
}


def _reworded(rows: list[dict[str, Any]], show: bool) -> None:
    chains = [chain for row in rows for chain in _chains(row)]
    random.Random(SEED).shuffle(chains)
    print("\n| the last sentence reworded to | texts | right | wrong letter | none for a letter |\n|---|---|---|---|---|")
    for family, ways in WAYS.items():
        counts: Counter[str] = Counter()
        for body, options, letter in chains[: 2 * CHAINS]:
            for way in ways:
                text = _text(family, body, way, options, letter)
                if text is None:
                    continue
                expected = None if family in ("none to be found", "nothing at the end", "broken off in the middle") else letter
                found = extract(text, options).letter
                # Before its last sentence a chain may name the option already.
                fits = found == expected or (family in ("nothing at the end", "broken off in the middle") and found == letter)
                outcome = "right" if fits else "missed" if found is None else "wrong"
                counts[outcome] += 1
                if show and outcome != "right" and random.random() < 0.02:
                    print(f"{way!r} {letter} {extract(text, options)} {options}\n    {text[-300:]!r}")
        total = sum(counts.values())
        print(
            f"| {family} | {total} | "
            + " | ".join(f"{counts[k] / max(1, total):.1%}" for k in ("right", "wrong", "missed"))
            + " |"
        )


def _chains(row: dict[str, Any]) -> Iterator[tuple[str, list[str], str]]:
    options = [text for _, text in re.findall(r"^\(([A-J])\) (.*)$", row["prompt"], re.MULTILINE)]
    for side in ("chosen", "rejected"):
        last = re.search(r"\s*The answer is \(([A-J])\)\.\s*$", row[side])
        if last and LETTERS.index(last[1]) < len(options):
            yield row[side][: last.start()], options, last[1]


def _text(family: str, body: str, way: str, options: list[str], letter: str) -> str | None:
    if family == "none to be found" and any(option.lower().startswith(("none", "neither")) for option in options):
        return None
    if family == "broken off in the middle":
        return body[: int(len(body) * 0.6)].rstrip(" .\n")
    said = options[LETTERS.index(letter)].strip()
    other = LETTERS[(LETTERS.index(letter) + 3) % len(options)]
    if (len(options) == len(LETTERS) and "{Z}" in way) or other == letter:
        return None
    value = re.fullmatch(r"(-?[\d,]*\.?\d+)( [A-Za-z/]{1,6})?", said)
    if family in ("the option's value", "a result only") and (
        value is None or sum(_number(option) == _number(said) for option in options) > 1
    ):
        return None
    if family == "the option's words" and (
        not re.search(r"[A-Za-z]{3}", said) or options.count(options[LETTERS.index(letter)]) > 1
    ):
        return None
    latex = f"{value[1]}\\,\\text{{{(value[2] or '').strip()}}}" if value and value[2] else said
    ending = way.format(X=letter, x=letter.lower(), Y=other, Z=LETTERS[-1], T=said, V=said, L=latex)
    return f"{body} {ending}" if not ending.startswith("#") else f"{body}\n\n{ending}"


def _number(text: str) -> str:
    return re.sub(r"[^\d.-]", "", text)


OPTIONS = ["12 m/s", "15 m/s", "the first of them", "(a)", "24 cm^3", "none of these"]
HOSTILE = (
    "(",
    "A ",
    "answer is ",
    "The answer is (B). ",
    "1",
    "1,",
    "1.5 ",
    "\\boxed{",
    "{",
    "\n",
    "\n\n",
    " ",
    "not ",
    "**",
    "$",
    "Question:\n",
    "Question: ",
    "(A) and ",
    "option A is ",
    "the answer to the ",
    "A. x\nB. y\n",
    "=",
    "= 1 ",
    "\\frac{1}{2} ",
    "answer: ",
    "The answer is not ",
    "no, ",
    "wait ",
    "is the answer ",
    "x",
    "Ａ",
    "𝐁",
    "é",
    "\0",
    "\ud800",
    "(A)(B)",
    "A\n",
    "a) b) ",
    "correct ",
    "best x option ",
    "so ",
    "\\\\",
    "-",
    "'",
    "5 m/s ",
    "The answer is 12 m/s. ",
    "the correct the ",
    "answer that is ",
    "none of ",
    "A, ",
    "I ",
    "because ",
    "Answer: x\n",
    "</s>",
    ": ",
    "the first of ",
)


def _hostile(size: int) -> None:
    extract("The answer is 43.2 km/h.", OPTIONS)  # loads the units, once, half a second
    times = []
    for shape in HOSTILE:
        for text in (
            (shape * (size // len(shape) + 1))[:size],
            (shape * (size // len(shape) + 1))[: size - 20] + " The answer is (B).",
        ):
            start = time.process_time()
            extract(text, OPTIONS)
            times.append((time.process_time() - start, shape))
    times.sort()
    slowest = ", ".join(
        f"`{shape.encode('unicode_escape').decode()}` {seconds * 1000:.0f} ms" for seconds, shape in times[:-4:-1]
    )
    median = times[len(times) // 2][0]
    print(
        f"\n{len(times)} hostile texts of {size:,} characters, in processor time: median {median * 1000:.0f} ms; "
        f"slowest {slowest}."
    )


if __name__ == "__main__":
    main()
