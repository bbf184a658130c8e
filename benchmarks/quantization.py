"""What does a number format cost one checkpoint: size, memory, likelihood, divergence from full precision, speed?

    python benchmarks/quantization.py smollm2-135m --text T.jsonl --pairs P.jsonl --out FOLDER

As `tutor quantize-report`, whose files it writes; prints the table. `--limit`: only the first rows of both files.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from training import quantized_report, quantized_table, scored_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--text", type=Path, required=True, metavar="T.jsonl")
    parser.add_argument("--pairs", type=Path, metavar="P.jsonl")
    parser.add_argument("--limit", type=int, metavar="N")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    arguments = parser.parse_args()
    model = scored_model.named(arguments.model)
    with tempfile.TemporaryDirectory() as folder:
        files = [first(file, arguments.limit, Path(folder)) for file in (arguments.text, arguments.pairs) if file]
        rows = list(quantized_report.measure(model, files[0], *files[1:], notify=lambda line: print(line, file=sys.stderr)))
    about = arguments.text.name + (f" and {arguments.pairs.name}" if arguments.pairs else "")
    quantized_table.write(rows, arguments.model, model.precision.device, about, arguments.out)
    print("\n".join(quantized_table.table(rows)))


def first(file: Path, limit: int | None, folder: Path) -> Path:
    """`file`, or its first `limit` lines as a file in `folder`."""
    if limit is None:
        return file
    made = folder / f"{len(list(folder.iterdir()))}-{file.name}"
    made.write_text("".join(file.read_text("utf-8").splitlines(keepends=True)[:limit]), "utf-8")
    return made


if __name__ == "__main__":
    main()
