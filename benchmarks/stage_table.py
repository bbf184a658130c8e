"""What does each stage of training change, on the same items?

    python benchmarks/stage_table.py base=smollm2-135m@nf4 sft=RUN dpo=RUN merged=FOLDER --pairs P.jsonl --examples E.jsonl \\
        --general TEXT --out FOLDER

As `tutor evaluate stages`, whose files it writes and goes on from; prints the tables. Twenty answers of each stage, chosen by
seed, stand side by side in FOLDER/stages.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from training import stage_report, stage_table

ANSWERS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="+", metavar="NAME=MODEL")
    parser.add_argument("--pairs", type=Path, metavar="P.jsonl")
    parser.add_argument("--examples", type=Path, metavar="E.jsonl")
    parser.add_argument("--general", type=Path, metavar="TEXT")
    parser.add_argument("--max-length", type=int, default=2048)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    arguments = parser.parse_args()
    plan = stage_table.Plan(
        arguments.pairs,
        arguments.examples,
        arguments.general,
        longest=arguments.max_length,
        answers=ANSWERS if arguments.examples else 0,
    )
    stages = stage_table.stages(arguments.stages)
    kept = stage_table.measure(plan, stages, arguments.out, lambda message: print(message, file=sys.stderr, flush=True))
    found = stage_report.report(kept)
    stage_report.write(found, arguments.out)
    print("\n".join(stage_report.tables(found, "###")))


if __name__ == "__main__":
    main()
