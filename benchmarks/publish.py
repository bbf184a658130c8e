"""Run the benchmarks and write docs/benchmarks.md.

    python benchmarks/publish.py [SECTION...] [--textbook FOLDER] [--questions FILE] [--chunking FOLDER] [--courses FOLDER]

Every figure in that page is what the section's command printed on the day and the machine named there. Sections that are
not asked for, or need what is not given, stay as they are.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

OUTSIDE = {
    "TEXTBOOK": "a folder of PDFs that the project does not ship",
    "QUESTIONS": "labelled questions on it",
    "QUIZ": "multiple-choice questions on it",
    "GRADED": "a file that `tutor grade --samples 5` wrote of a sheet with a key",
    "CHUNKING": "the folder of Chroma's chunking benchmark",
    "TUTORING": "a folder of written answers (tutoring-*.jsonl)",
    "EXTRACTION": "models' answers to multiple-choice questions, labelled with the option that each commits to (JSONL)",
    "PREFERENCES": "chains of thought that end on a letter (JSONL: prompt, chosen, rejected)",
    "RUNS": "a folder of runs of `tutor train` (sft, dpo) and the merged model (merged)",
    "PAIRS": "preference pairs that the runs were not trained on (JSONL: prompt, chosen, rejected)",
    "COMPLETIONS": "examples that the runs were not trained on (JSONL: prompt, completion)",
    "DATA": "the folder that `benchmarks/tutoring.py examples` wrote",
    "GENERAL": "text of another subject (.txt, or JSONL: text)",
    "COURSES": "a folder of PDFs with their HTML sources in html/",
}
ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make benchmarks` (`python benchmarks/publish.py`): each section is what its command printed. Machines are shared:
compare the rows of one table, not tables of different days.
"""


@dataclass(frozen=True)
class Section:
    """A part of the page: the command is shown as given; words of OUTSIDE stand for what the caller names."""

    name: str
    title: str
    command: str
    text: str
    gpu: bool = False

    @property
    def needs(self) -> list[str]:
        return [word for word in OUTSIDE if word in self.command]


SECTIONS = (
    Section(
        "pages",
        "Is the right page found?",
        "benchmarks/pages.py --books examples/course --questions examples/questions.jsonl",
        "The three sample books; 54 questions they answer, 18 they do not (most of those from neighbouring topics). The "
        "questions were written with the books, so this is the easy case.",
    ),
    Section(
        "textbook",
        "Is the right page of a real textbook found?",
        "benchmarks/pages.py --books TEXTBOOK --questions QUESTIONS",
        "Twelve chapters of Erickson's *Algorithms* (CC BY 4.0); 76 questions it answers, 14 it does not. The fitted threshold "
        "uses no labels.",
    ),
    Section(
        "retrieval",
        "Which step finds the page?",
        "benchmarks/retrieval.py --books TEXTBOOK --questions QUESTIONS",
        "The same book and questions, from LlamaIndex's default pipeline to the tutor's search, one step a row. The numbers of "
        "the last two steps were chosen on these questions and on others, on two more books, together.",
    ),
    Section(
        "slips",
        "What do slips of the keyboard cost?",
        "benchmarks/slips.py --books TEXTBOOK --questions QUESTIONS",
        "The same questions, mistyped. Of those altered `as they are`, every one had a slip or a word that the book has in "
        "another form.",
    ),
    Section(
        "chunking",
        "Are whole answers retrieved, and little else?",
        "benchmarks/chunking.py --data CHUNKING",
        "Chroma's chunking benchmark; the best figures published with all-MiniLM-L6-v2 are a recall of 82.4 (precision 3.6) "
        "and an IoU of 7.2 (recall 75.2). Its questions were written by a language model and share words with their answers "
        "more than students' do: half the weight on keywords gives a recall of 89.7 here, and finds fewer pages of the "
        "textbook; students' questions decided.",
    ),
    Section(
        "text",
        "Is the text right?",
        "benchmarks/text_quality.py --books COURSES --html COURSES/html",
        "Three OpenStax books against the HTML that they were printed from. Word error rate, lower is better; word-bag F1, "
        "higher is better.",
    ),
    Section(
        "search",
        "How long does a search take?",
        "benchmarks/search_speed.py --books TEXTBOOK",
        "Once warm, the question's embedding included; passages are real ones with variations.",
    ),
    Section(
        "ingest",
        "How fast is an ingest?",
        "benchmarks/ingest_speed.py --books TEXTBOOK --edition COURSES/python-intro.pdf COURSES/python-intro-2nd.pdf",
        "Against LlamaIndex's default pipeline, and against that with passages that the embedding reads whole. `edition`: one "
        "section of a book changed. Growth: books of one chapter's length.",
    ),
    Section(
        "kills",
        "What does a killed ingest leave?",
        "benchmarks/kills.py --books examples/course --kills 50",
        "A re-ingest between two states of a course is killed at random moments while two processes ask.",
    ),
    Section(
        "answers",
        "Are the built-in model's answers true to the book?",
        "benchmarks/answers.py --make examples/course",
        "SmolLM2-135M in its own words, against the style it ships with, in which it chooses among the book's sentences, "
        "against the two nearest sentences without a model. `points` is the mean, over a question's answer points, of the "
        "cosine to the nearest sentence of the answer. Most of what the style gains comes from the sentences offered; the "
        "model's own choice adds little.",
    ),
    Section(
        "multiple-choice",
        "Is the right option of a multiple-choice question named?",
        "benchmarks/multiple_choice.py",
        "The 30 questions of examples/quiz.csv on the three sample books. How clear a sentence has to be was chosen on these, "
        "so a course of your own will do worse: of 32 of a statistics textbook, whose answers have to be worked out, one was "
        "named, and wrongly.",
    ),
    Section(
        "mcqa-extraction",
        "Is the option found that a chain of thought commits to?",
        "benchmarks/extraction.py EXTRACTION --chains PREFERENCES",
        "Outputs of fifteen models on MMLU-Pro, labelled by hand, hard cases over-sampled; right counts none as an answer. "
        "The rules were written on the outputs of one half of the questions and on the chains of the last table, whose last "
        "sentence is reworded; of the other half only these tables were looked at: its totals say what to expect elsewhere. A "
        "chain with its end cut off may still name the option, and one that was written for a wrong letter may contradict it.",
    ),
    Section(
        "grading",
        "How fast is a sheet graded?",
        "benchmarks/grading.py --part speed --tokens 100",
        "The 30 questions of examples/quiz.csv by SmolLM2-135M, chains of thought of 100 tokens at most.",
    ),
    Section(
        "grading-accuracy",
        "How well is a sheet answered?",
        "benchmarks/grading.py --part accuracy --samples 1",
        "The same questions, chains of thought of 300 tokens at most. A model of this size does not know more than chance: the "
        "figures show what reading the option and the constrained completion do, not what a model can do.",
    ),
    Section(
        "grading-textbook",
        "And a sheet on a real textbook?",
        "benchmarks/grading.py --quiz QUIZ --make TEXTBOOK --part accuracy --samples 1",
        "50 questions on twelve chapters of Erickson's *Algorithms*, by the same model.",
    ),
    Section(
        "confidence",
        "Can the confidence of grading be believed?",
        "benchmarks/confidence.py --results GRADED",
        "The results of `tutor grade examples/quiz.csv --course sample --samples 5`: 30 questions by SmolLM2-135M, which knows "
        "little more than chance, so that a confidence to be believed is a low one, and what tells right from wrong is whether "
        "the passages say the option. Raw is the share of the samples that agree. In halves of 15 an error of 0.1 is chance.",
    ),
    Section(
        "grading-kills",
        "What does a killed grading leave?",
        "benchmarks/grading_kills.py --kills 20",
        "The shipped quiz's first 20 questions with four samples each, three waves, killed at random moments and run again.",
    ),
    Section(
        "answers-textbook",
        "Are they on a real textbook?",
        "benchmarks/answers.py --make TEXTBOOK --questions QUESTIONS",
        "The same on twelve chapters of Erickson's *Algorithms*; every question is answered, also those refused otherwise.",
    ),
    Section(
        "help",
        "Does a help level hold, however the answer is asked for?",
        "benchmarks/help_levels.py --make TEXTBOOK --questions QUESTIONS --exercises 3 --styles quote",
        "Each exercise asked in fifty ways (`WAYS` in the script): as it is, with orders to ignore the rules, in other words, "
        "in other languages, in base64, in parts, with the beginning of an answer to complete, in conversations of up to five "
        "turns. Everything that the page shows is looked through, the passages beside the reply too. `full` is what the same "
        "ways get where nothing is held back. `step` tells a sentence that leads to the answer, on purpose. After earlier runs "
        "on some of these exercises, refusals no longer show passages, a step says something else than the key sentence, and "
        "what stands beside an answer is held back too.",
    ),
    Section(
        "help-others",
        "And what does it cost other questions?",
        "benchmarks/help_levels.py --make TEXTBOOK --questions QUESTIONS --exercises 25 --others",
        "What is held back is held back whatever is asked, so questions on other matters may get a hint too.",
    ),
    Section(
        "load",
        "How long do students wait when many ask at once?",
        "benchmarks/load.py --make examples/course",
        "The built-in model; server and students share the machine. Passages are found before a model's turn comes; eight "
        "answers are generated at a time, first come, first served.",
    ),
    Section(
        "support",
        "Are citations that a page does not bear out told apart?",
        "benchmarks/support.py TUTORING/tutoring-python.jsonl TUTORING/tutoring-statistics.jsonl",
        "Written answers on two books. The built-in model repeats the book's sentences, which are borne out as they are; this "
        "is for models that answer in their own words.",
    ),
    Section(
        "training",
        "How fast does a Llama-3-8B train, and in how much memory?",
        "benchmarks/train_throughput.py --steps 6 --cases sft sft-none dpo sft-15gb dpo-15gb trl",
        "SFT and DPO with the shipped recipes at Llama-3-8B's shape, with random 4-bit weights and sequences of 2048 "
        "tokens packed from documents of varied length; beside TRL's defaults (8 padded rows, checkpointed) on such "
        "documents. Tokens are those that are not padding; one optimizer step for each batch. `predicted` is what `tutor "
        "train --plan` says, with 0.5 GB of the CUDA context. The two rows for 15 GB had the allocator capped there, in "
        "fp16 without flash attention, as on a T4; their speed is this GPU's. Of the matrix rate, `done` counts what "
        "checkpointing computes again, `useful` does not. Unsloth is not beside them: its package (2026.10.9) asks for trl up "
        "to 1.15, transformers up to 5.17 and datasets before 5, and so does not go into this environment.",
        gpu=True,
    ),
    Section(
        "tutoring",
        "What does training on tutoring answers change?",
        "benchmarks/tutoring.py table base=smollm2-135m@nf4 sft=RUNS/sft dpo=RUNS/dpo merged=RUNS/merged "
        "exported=RUNS/merged-q8_0.gguf --data DATA --general GENERAL --out RUNS/table",
        "The shipped recipes for SmolLM2-135M on written tutoring answers about two open textbooks, rendered with the tutor's "
        "own prompt; sections of the books held out. 200 answers in 25 steps of SFT, 56 pairs in 14 steps of DPO: an hour on "
        "two cores, which teaches the form of an answer more than its matter. The same questions for each stage, compared with "
        "the stage before and with the first. How the runs came to be: docs/training.md. Twenty answers as they came: "
        "docs/answers.md.",
    ),
    Section(
        "stages",
        "Does a model learn to prefer the right chain of thought?",
        "benchmarks/stage_table.py base=smollm2-135m@nf4 sft=RUNS/sft dpo=RUNS/dpo --pairs PAIRS --out RUNS/table",
        "SFT on right chains of thought, then DPO on right and wrong ones of real models (STEM questions of MMLU-Pro); pairs "
        "of other questions, each stage compared with the one before and with the first. The base is held in 4 bits, as the "
        "adapters were trained on it. Accuracy is measured against what a run was trained from.",
    ),
    Section(
        "quantization",
        "What does a number format cost?",
        "benchmarks/quantization.py smollm2-135m --text COMPLETIONS --pairs PAIRS --limit 40 --out RUNS/quantization",
        "One checkpoint in each format, scored on the same tokens. Weights: bytes as a file of the format holds them. "
        "Peak: what a process of its own held at most while scoring, over what it held before the model was loaded. KL: "
        "full precision to this format, per token; top-1: tokens at which both have the same likeliest next token. Speeds"
        " are torch's; a GGUF type has its file's values, computed by torch, and no speed of its own here. On held-out "
        "chains of thought about STEM questions: 24 texts and 40 pairs, so the last digits of alignment say nothing. The "
        "shipped file is Q4_1: full precision here is what that file holds, and a grid of 4 bits much like its own (Q4_0)"
        " loses less than it would of other weights. The picture: docs/pictures/quantization.png.",
    ),
    Section(
        "answering",
        "How long does an answer take?",
        "benchmarks/answering.py --patience 20",
        "SmolLM2-135M by engine, quantization and threads: medians of five prompts, 64 new tokens each. `asked again` is the "
        "first token of the same prompt once more (prefix cache); `cores` and `others` are processor use of the measured "
        "process and of everything else. Agreement compares next-token distributions with transformers in fp32 on the shipped "
        "weights. OpenVINO keeps an integer zero point for a 4-bit block where Q4_1 stores a real minimum, so it reads the "
        "shipped file inexactly; the tutor rewrites such files as Q8_0 once. (Q4_0 is made of Q4_1, so it is coarser in any "
        "engine.)",
    ),
)


assert len({section.title for section in SECTIONS}) == len(SECTIONS)  # the page is kept by title


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(s.name for s in SECTIONS)}; all if none")
    for word, what in OUTSIDE.items():
        parser.add_argument(f"--{word.lower()}", dest=word, metavar="PATH", help=what)
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - {section.name for section in SECTIONS}
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}")
    written = _written()
    for section in SECTIONS:
        if arguments.sections and section.name not in arguments.sections:
            continue
        missing = [f"--{word.lower()}" for word in section.needs if not getattr(arguments, word)]
        if missing:
            print(f"{section.title}  needs {' and '.join(missing)}; left as it is", file=sys.stderr)
            continue
        if section.gpu and not _cuda():
            print(f"{section.title}  needs a CUDA device; left as it is", file=sys.stderr)
            continue
        print(f"{section.title}  ({section.command})", file=sys.stderr, flush=True)
        written[section.title] = _run(section, {word: getattr(arguments, word) for word in section.needs})
        parts = [f"## {title}\n\n{written[title]}" for title in (s.title for s in SECTIONS) if title in written]
        PAGE.write_text("\n".join([HEAD, *parts]), "utf-8")


def _written() -> dict[str, str]:
    """The page's sections as they stand, by title."""
    if not PAGE.is_file():
        return {}
    _, *parts = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return {title: text.strip() + "\n" for title, _, text in (part.partition("\n") for part in parts)}


def _run(section: Section, outside: dict[str, str]) -> str:
    run = section.command
    for word, path in outside.items():
        run = run.replace(word, str(Path(path).resolve()))
    command = run.split()
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{section.command} failed: {done.stderr.strip().splitlines()[-1:]}")
    machine = f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores, {_processor()}."
    printed = done.stdout.strip()
    for word, path in outside.items():
        printed = printed.replace(str(Path(path).resolve()), word)
    return f"{section.text}\n\n    python {section.command}\n\n{machine}\n\n{printed}\n"


def _cuda() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def _processor() -> str:
    try:
        rows = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(row.split(":", 1)[1].strip() for row in rows if row.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
