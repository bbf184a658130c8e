"""How fast is a sheet of multiple-choice questions graded, in how much memory, and how well does the model answer it?

    python benchmarks/grading.py [--quiz examples/quiz.csv] [--make examples/course] [--part speed] [--part accuracy]

Speed: each row is a process of its own with the built-in model, asked without passages: the same prompts and the same most
tokens. `one at a time`: transformers.generate in fp32 on the shipped weights; all else is what `tutor grade` does, with reading
the letter and asking how likely each is. Loading a model is left out; opening the pipeline anew for each wave is not.

Accuracy: `text alone` is what the chains of thought commit to; `unparsed` commits to nothing. Behind it, the same with one
constrained completion for those. Intervals: 95 %, Wilson, of all questions. Chance: one over the number of options.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tutor.offline import close_network

close_network(hub=False)

from tutor.answering.models import load_model  # noqa: E402
from tutor.mcqa.grade import Plan, asked_with, grade  # noqa: E402
from tutor.mcqa.results import Result  # noqa: E402
from tutor.mcqa.run import SMALL_MODEL_TOKENS, open_course  # noqa: E402
from tutor.mcqa.score import wilson  # noqa: E402
from tutor.mcqa.sheet import Question, read_sheet  # noqa: E402
from tutor.settings import Settings, load_settings  # noqa: E402

NAME = "quiz"
WAYS = {
    "transformers.generate, one at a time": None,
    "k = 1, no letter log-probabilities": Plan(letter_logprobs=False),
    "k = 1": Plan(),
    "k = 5": Plan(samples=5),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quiz", type=Path, default=Path("examples/quiz.csv"))
    parser.add_argument("--make", type=Path, default=Path("examples/course"), metavar="BOOKS")
    parser.add_argument("--part", action="append", choices=["speed", "accuracy"], help="both without")
    parser.add_argument("--tokens", type=int, default=SMALL_MODEL_TOKENS)
    parser.add_argument("--samples", type=int, default=5, help="of the accuracy's last rows")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    questions = read_sheet(arguments.quiz).questions
    if arguments.job:
        return job(arguments.job, questions, arguments.tokens)
    parts = arguments.part or ["speed", "accuracy"]
    if "speed" in parts:
        speed(arguments)
    if "accuracy" in parts:
        if "speed" in parts:
            print()
        with tempfile.TemporaryDirectory() as home:
            accuracy(questions, load_settings(home=Path(home)), arguments)


def speed(arguments: argparse.Namespace) -> None:
    print("| | seconds | questions a minute | times one at a time | tokens | peak memory |\n|---|---|---|---|---|---|")
    alone = 0.0
    for way in WAYS:
        command = [sys.executable, __file__, "--job", way, "--quiz", str(arguments.quiz), "--tokens", str(arguments.tokens)]
        told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
        rate = 60 * told["questions"] / told["seconds"]
        alone = alone or rate
        times = f"{told['seconds']:.0f} | {rate:.1f} | {rate / alone:.1f}"
        print(f"| {way} | {times} | {told['tokens']:,} | {told['megabytes']:,} MB |", flush=True)


def job(way: str, questions: Sequence[Question], tokens: int) -> None:
    """Grade all in this process, and print how long it took."""
    plan = WAYS[way]
    with tempfile.TemporaryDirectory() as home:
        settings = load_settings(home=Path(home))
        seconds, written = _alone(questions, settings, tokens) if plan is None else _graded(questions, settings, plan, tokens)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"questions": len(questions), "seconds": seconds, "tokens": written, "megabytes": peak}))


def _graded(questions: Sequence[Question], settings: Settings, plan: Plan, tokens: int) -> tuple[float, int]:
    from dataclasses import replace

    model = load_model(settings)
    begun = time.perf_counter()
    results = list(grade(questions, model, replace(plan, max_tokens=tokens)))
    return time.perf_counter() - begun, sum(result.tokens for result in results)


def _alone(questions: Sequence[Question], settings: Settings, tokens: int) -> tuple[float, int]:
    import torch
    from engines import load_transformers

    tokenizer, model = load_transformers()
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": message.role.value, "content": message.content} for message in asked_with(question)],
            tokenize=False,
            add_generation_prompt=True,
        )
        for question in questions
    ]
    stops = [tokenizer.convert_tokens_to_ids("<|im_end|>"), tokenizer.eos_token_id]
    written = 0
    begun = time.perf_counter()
    for prompt in prompts:
        given = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")
        with torch.inference_mode():
            out = model.generate(**given, do_sample=False, max_new_tokens=tokens, eos_token_id=stops, pad_token_id=stops[0])
        written += out.shape[1] - given["input_ids"].shape[1]
    return time.perf_counter() - begun, written


def accuracy(questions: Sequence[Question], settings: Settings, arguments: argparse.Namespace) -> None:
    from index_store.course import Library
    from index_store.embedding import load_embedding
    from ingest.pipeline import ingest

    library, embedding = Library(settings.home), load_embedding()
    ingest([arguments.make], library.course(NAME), embedding, library.vectors)
    model = load_model(settings)
    opened = open_course(settings, NAME)
    print(
        f"{arguments.quiz.name}, {len(questions)} questions; chance is {_chance(questions):.0%}.\n\n"
        "| | | right | wrong | unparsed | score | 95 % interval |\n|---|---|---|---|---|---|---|"
    )
    for samples in dict.fromkeys((1, arguments.samples)):
        for given, course in (("without passages", None), ("with passages", opened)):
            plan = Plan(samples=samples, max_tokens=arguments.tokens, letter_logprobs=False)
            results = list(grade(questions, model, plan, course))
            _row(f"k = {samples}, {given}", "text alone", [result for result in results if not result.fallback], len(results))
            _row("", "and constrained", results, len(results))


def _row(way: str, which: str, results: Sequence[Result], of: int) -> None:
    outcomes = [result.outcome for result in results]
    right, wrong = outcomes.count("right"), outcomes.count("wrong")
    low, high = wilson(right, of)
    print(
        f"| {way} | {which} | {right} | {wrong} | {of - right - wrong} | {right / of:.0%} | {low:.0%} to {high:.0%} |",
        flush=True,
    )


def _chance(questions: Sequence[Question]) -> float:
    return sum(1 / len(question.options) for question in questions) / len(questions)


if __name__ == "__main__":
    main()
