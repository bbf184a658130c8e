"""Does a sheet that was killed while it was graded come to the same results?

    python benchmarks/grading_kills.py --kills 20

The shipped quiz is graded once to the end, with several samples a question; then again and again by a process that gets
kill -9 at a random moment of its work and is run again with the same command. Compared is all of each result but its seconds.
Ends with code 1 where a file is another than the uninterrupted one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TUTOR = [sys.executable, "-c", "from tutor.cli.main import main; main(prog_name='tutor')"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quiz", type=Path, default=Path("examples/quiz.csv"))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(measure(arguments, Path(folder)))


def measure(arguments: argparse.Namespace, folder: Path) -> int:
    begun = time.monotonic()
    command = grade(arguments, folder, "whole")
    command.wait()
    length = time.monotonic() - begun
    whole = rows_of(folder / "whole.jsonl")
    chance = random.Random(arguments.seed)
    equal, left, torn = 0, [], 0
    for kill in range(arguments.kills):
        file = folder / f"killed-{kill}.jsonl"
        while True:  # until it was killed before its end
            file.unlink(missing_ok=True)
            file.with_suffix(".settings.json").unlink(missing_ok=True)
            file.with_suffix(".csv").unlink(missing_ok=True)
            child = grade(arguments, folder, file.stem)
            moment = chance.uniform(0.15, 0.95) * length
            try:
                child.wait(moment)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                break
            length = min(length, moment)
        there = file.read_bytes() if file.exists() else b""
        left.append(there.count(b"\n"))
        torn += not there.endswith(b"\n") and bool(there)
        if grade(arguments, folder, file.stem).wait():
            print(f"kill {kill}: the second run failed", file=sys.stderr)
        same = rows_of(file) == whole
        equal += same
        told = "equal" if same else f"ANOTHER FILE: {differing(whole, rows_of(file))}"
        print(f"kill {kill}: {left[-1]} results left, {told}", file=sys.stderr, flush=True)
    print("| kills | results left by the killed run | cut in a line | resumed file equals the uninterrupted one |")
    print("|---|---|---|---|")
    some = sum(0 < count < len(whole) for count in left)
    print(f"| {arguments.kills} | {min(left)} to {max(left)} of {len(whole)} (some, not all: {some}) | {torn} | {equal} |")
    return 0 if equal == arguments.kills else 1


def grade(arguments: argparse.Namespace, folder: Path, name: str) -> subprocess.Popen[bytes]:
    command = [
        *TUTOR, "grade", str(arguments.quiz), "--out", str(folder / f"{name}.jsonl"), "--home", str(folder / "home"),
        "--samples", str(arguments.samples), "--max-new-tokens", str(arguments.tokens), "--limit", str(arguments.questions),
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)


def rows_of(file: Path) -> list[dict[str, Any]]:
    """Each result without its seconds."""
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def differing(rows: list[dict[str, Any]], others: list[dict[str, Any]]) -> str:
    """Where two files differ: id and field."""
    if [row["id"] for row in rows] != [row["id"] for row in others]:
        return "other questions"
    pairs = zip(rows, others, strict=True)
    return ", ".join(f"{one['id']}.{name}" for one, two in pairs for name in one if one[name] != two[name])


if __name__ == "__main__":
    main()
