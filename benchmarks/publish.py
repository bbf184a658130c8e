"""Run the benchmarks and write docs/benchmarks.md: `python benchmarks/publish.py [--textbook FOLDER --questions FILE]`.

Every figure in that page is what one of these commands printed on the machine named in it. Without a textbook of yours the
section on one is left as it says.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
SECTIONS = (
    (
        "Is the right page found?",
        "benchmarks/pages.py --books examples/course --questions examples/questions.jsonl",
        "The three sample books; 54 questions they answer, 18 they do not (most of those from neighbouring topics). The "
        "questions were written with the books, so this is the easy case.",
    ),
    (
        "Are the built-in model's answers true to the book?",
        "benchmarks/answers.py --make examples/course",
        "SmolLM2-135M in its own words, against the style it ships with, in which it chooses among the book's sentences, "
        "against the two nearest sentences without a model. `points` is the mean, over a question's answer points, of the "
        "cosine to the nearest sentence of the answer. Most of what the style gains comes from the sentences offered; the "
        "model's own choice adds little.",
    ),
    (
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--textbook", type=Path, help="a folder of PDFs that the project does not ship")
    parser.add_argument("--questions", type=Path, help="labelled questions on it")
    parser.add_argument("--quick", action="store_true", help="fewer repeats of the slow ones")
    arguments = parser.parse_args()
    sections = [(title, command, text, command) for title, command, text in SECTIONS]
    if arguments.textbook and arguments.questions:
        run = f"benchmarks/pages.py --books {arguments.textbook} --questions {arguments.questions}"
        shown = "benchmarks/pages.py --books TEXTBOOK --questions QUESTIONS.jsonl"
        text = (
            "Twelve chapters of Erickson's *Algorithms* (CC BY 4.0), whose fonts lose ligatures, small capitals and old-style "
            "digits; 76 questions it answers, 14 it does not."
        )
        sections.insert(1, ("And on a real textbook?", shown, text, run))
    parts = [
        "# Benchmarks\n",
        "Written by `python benchmarks/publish.py`; each section is what its command printed. Machines are shared: compare "
        "the rows of one table, not tables of different days.\n",
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores, {_processor()}.\n",
    ]
    for title, shown, text, run in sections:
        if arguments.quick and "answering.py" in run:
            run = shown = run.replace("--patience 20", "--quick")
        print(f"{title}  ({shown})", file=sys.stderr, flush=True)
        done = subprocess.run(
            [sys.executable, *run.split()],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{shown} failed: {done.stderr.strip().splitlines()[-1:]}")
        parts += [f"## {title}\n", f"{text}\n", f"    python {shown}\n", done.stdout.strip() + "\n"]
    PAGE.write_text("\n".join(parts), "utf-8")


def _processor() -> str:
    try:
        rows = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(row.split(":", 1)[1].strip() for row in rows if row.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
