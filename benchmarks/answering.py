"""How fast does the built-in model answer, and how exactly is it read? By engine, quantization and threads, in one run.

    python benchmarks/answering.py [--repeats 5] [--quick] [--patience MINUTES] > answering.md

Machines are shared: compare rows of one run. Every configuration runs in a process of its own, first on an otherwise idle
machine, then beside one process that keeps one core busy. After a warm-up each row is the median over `--repeats` prompts of
one length, cut from the sample course's passages so that no two begin with the same token (no prefix cache helps), with 64
new tokens each, past the end of the answer if need be. `asked again` is the first token's time for the last prompt once more.
`cores` is the row's processor time by wall time and `others` what the rest of the machine used meanwhile: a row is sound where
that is near 0 (near 1 beside the busy core). With `--patience`, rows wait for the rest of the machine to be quiet and disturbed
ones are measured again, for so many minutes in all. `peak MB` is the process's largest resident memory, with Python, libraries
and mapped weights.

Agreement is with transformers in fp32 on the weights of the shipped Q4_1 file, over text of the sample course that is fed token
by token: `KL` is the mean divergence of the next token's distribution, KL(fp32 || engine) in nats, and `same first choice` the
share of positions with the same likeliest token. `log p off by` is the mean absolute difference of the log probability that
the running engine itself reports for its likeliest token. OpenVINO's distributions come from the graph that GenAI makes of the
GGUF file, compiled by OpenVINO with the same defaults; its own log probabilities come through the pipeline.

Files other than the shipped one are made of it with the gguf library, every matrix alike (the shipped file keeps its embedding
matrix in Q8_0). The last table asks the shipped questions of the sample course, from the call of `stream` (search
included) to the first text. llama.cpp is measured through xllamacpp, which the tests install.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from answering_jobs import machine_seconds

JOBS = Path(__file__).with_name("answering_jobs.py")
LONGEST_SECONDS = 1200
QUIET_CORES = 0.2
LIBRARIES = ("openvino-genai", "openvino", "xllamacpp", "transformers", "torch", "gguf")
FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_int8", "amx_bf16")


@dataclass(frozen=True)
class Configuration:
    """One row: `threads` 0 leaves their number to the engine."""

    engine: str
    file_type: str
    threads: int = 0


SPEED = [
    Configuration("transformers", "Q4_1 as fp32"),
    *(Configuration("llama.cpp", kind, threads) for kind in ("Q4_1", "Q8_0", "Q4_0") for threads in (1, 2)),
    *(Configuration("OpenVINO", kind) for kind in ("Q4_1", "Q8_0", "Q4_0", "F16")),
]
AGREEMENT = [
    *(Configuration("llama.cpp", kind, 2) for kind in ("Q4_1", "Q8_0", "Q4_0")),
    *(Configuration("OpenVINO", kind) for kind in ("Q4_1", "Q8_0", "Q4_0", "F16")),
]


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    repeats: int
    prompt_tokens: int
    positions: int
    questions: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="Prompts in a row's median.")
    parser.add_argument("--quick", action="store_true", help="Short prompts, two repeats, few questions: does it all run?")
    parser.add_argument("--patience", type=float, default=0, metavar="MINUTES", help="Most time to wait for a quiet machine.")
    arguments = parser.parse_args()
    size = Size(2, 200, 40, 4) if arguments.quick else Size(arguments.repeats, 900, 200, 20)
    with tempfile.TemporaryDirectory(prefix="answering-") as name:
        _report(size, Path(name), time.monotonic() + 60 * arguments.patience)


def _report(size: Size, folder: Path, patient_until: float) -> None:
    _print_machine()
    prepared = _in_child("prepare", folder, {"size": vars(size)})
    if "error" in prepared:
        sys.exit(f"nothing could be prepared: {prepared['error']}")
    _print_speed(size, folder, patient_until)
    _print_questions(size, folder, patient_until)
    _print_agreement(size, folder)


def _print_machine() -> None:
    model, flags = platform.processor() or platform.machine(), ""
    if (cpuinfo := Path("/proc/cpuinfo")).is_file():
        rows = dict(line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line)
        rows = {name.strip(): value.strip() for name, value in rows.items()}
        model = rows.get("model name", model)
        flags = ", ".join(feature for feature in FEATURES if feature in rows.get("flags", "").split())
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    print(f"{date.today()}, {model}, {os.cpu_count()} cores ({flags or 'features unknown'}), {platform.system()}.")
    print(f"Python {platform.python_version()}, {versions}.")
    print(f"Machines are shared: compare rows of one run. {_load()}", flush=True)


def _load() -> str:
    return f"Load average before: {os.getloadavg()[0]:.2f}." if hasattr(os, "getloadavg") else ""


def _print_speed(size: Size, folder: Path, patient_until: float) -> None:
    for busy in (False, True):
        print(f"\n### One question at a time, {'one core busy' if busy else 'idle'}\n\n{_load()}\n")
        print(
            "| engine | file | threads | cores | others | prompt tokens | first token, s | asked again, s | prompt tokens/s "
            "| new tokens/s | peak MB |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|---|")
        for configuration in SPEED:
            options = vars(configuration) | {"repeats": size.repeats}
            row = _undisturbed("speed", folder, options, busy, patient_until)
            start = f"| {configuration.engine} | {configuration.file_type} | {configuration.threads or 'its own'} "
            if "error" in row:
                print(f"{start}| {row['error']} | | | | | | | |", flush=True)
                continue
            print(
                f"{start}| {row['cores']:.1f} | {row['others']:.1f} | {row['prompt']} | {row['first']:.2f} "
                f"| {row['again']:.2f} | {row['prompt'] / row['first']:.0f} | {row['decode']:.1f} | {_megabytes(row)} |",
                flush=True,
            )


def _print_agreement(size: Size, folder: Path) -> None:
    print(f"\n### Agreement with full precision, {size.positions} positions\n")
    print("| engine | file | KL, nats | same first choice | log p off by | remarks |")
    print("|---|---|---|---|---|---|")
    for configuration in AGREEMENT:
        row = _in_child("agreement", folder, vars(configuration))
        start = f"| {configuration.engine} | {configuration.file_type} "
        if "error" in row:
            print(f"{start}| {row['error']} | | | |", flush=True)
            continue
        print(f"{start}| {row['kl']:.4f} | {row['same']:.1%} | {row['off']:.4f} | {row['remarks']} |", flush=True)


def _print_questions(size: Size, folder: Path, patient_until: float) -> None:
    print("\n### A question on the sample course, end to end\n")
    print(
        "| style | machine | others | questions | declined | search, s | first text, s | 9 in 10 within, s | whole answer, s "
        "| new tokens/s | peak MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for busy in (False, True):
        for style in ("quote", "explain"):
            options = {"style": style, "count": size.questions}
            row = _undisturbed("questions", folder, options, busy, patient_until)
            start = f"| {style} | {'one core busy' if busy else 'idle'} "
            if "error" in row:
                print(f"{start}| {row['error']} | | | | | | | | |", flush=True)
                continue
            print(
                f"{start}| {row['others']:.1f} | {row['questions']} | {row['declined']} | {row['search']:.2f} "
                f"| {row['first']:.2f} | {row['within']:.2f} | {row['whole']:.2f} | {row['decode']:.1f} | {_megabytes(row)} |",
                flush=True,
            )


def _megabytes(row: dict[str, Any]) -> str:
    return f"{row['peak']:.0f}" if row["peak"] else "-"


@contextmanager
def _busy_core(busy: bool) -> Iterator[None]:
    if not busy:
        yield
        return
    spin = f"import os\nwhile os.getppid() == {os.getpid()}: pass"  # ends with this process, however that ends
    spinning = subprocess.Popen([sys.executable, "-c", spin])
    try:
        yield
    finally:
        spinning.kill()
        spinning.wait()


def _undisturbed(job: str, folder: Path, options: dict[str, Any], busy: bool, patient_until: float) -> dict[str, Any]:
    """The job's result; while there is patience, of the least disturbed of three runs begun on a quiet machine."""
    rows = []
    while True:
        while time.monotonic() < patient_until and _used_cores() > QUIET_CORES:
            pass
        with _busy_core(busy):
            rows.append(_in_child(job, folder, options))
        if "error" in rows[-1]:
            return rows[-1]
        best = min(rows, key=lambda row: row["others"])
        if best["others"] <= QUIET_CORES + busy or len(rows) == 3 or time.monotonic() > patient_until:
            return best


def _used_cores() -> float:
    """Processor seconds per second that the machine uses, over the next three seconds."""
    before = machine_seconds()
    time.sleep(3)
    return (machine_seconds() - before) / 3


def _in_child(job: str, folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    """What the job wrote, or {"error": its last line}."""
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    command = [sys.executable, str(JOBS), job, str(folder), json.dumps(options)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {LONGEST_SECONDS} s"}
    if result.is_file():
        return dict(json.loads(result.read_text("utf-8")))
    lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
    return {"error": (lines[-1] if lines else f"ended with status {done.returncode}").replace("|", "/")}


if __name__ == "__main__":
    main()
