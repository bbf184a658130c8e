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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import fmean, median
from typing import Any

from tutor.answering.gguf_file import requantize
from tutor.answering.models import built_in_file
from tutor.offline import close_network

SAMPLE = Path(__file__).parents[1] / "examples"
NEW_TOKENS = 64
CONTEXT = 2048
LEAD = 32  # tokens in front of the first position that is compared
THROUGH_ENGINE = 40
LONGEST_SECONDS = 1200
QUIET_CORES = 0.2
LIBRARIES = ("openvino-genai", "openvino", "xllamacpp", "transformers", "torch", "gguf")
FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_int8", "amx_bf16")

Ask = Callable[[Sequence[int]], list[float]]
"""Generates NEW_TOKENS after a prompt of token ids; the moments (time.perf_counter) at which they came."""


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
    parser.add_argument("--child", nargs=3, metavar=("JOB", "FOLDER", "OPTIONS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        job, folder, options = arguments.child
        _child(job, Path(folder), json.loads(options))
        return
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
    spinning = subprocess.Popen([sys.executable, "-c", "while True: pass"])
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
    before = _machine_seconds()
    time.sleep(3)
    return (_machine_seconds() - before) / 3


def _in_child(job: str, folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    """What the job wrote, or {"error": its last line}."""
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    command = [sys.executable, __file__, "--child", job, str(folder), json.dumps(options)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {LONGEST_SECONDS} s"}
    if result.is_file():
        return dict(json.loads(result.read_text("utf-8")))
    lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
    return {"error": (lines[-1] if lines else f"ended with status {done.returncode}").replace("|", "/")}


def _child(job: str, folder: Path, options: dict[str, Any]) -> None:
    close_network(hub=False)
    jobs = {"prepare": _prepare, "speed": _speed, "agreement": _agreement, "questions": _questions}
    found = jobs[job](folder, **options)
    (folder / "result.json").write_text(json.dumps(found), "utf-8")
    sys.stdout.flush()
    os._exit(0)  # servers and pipelines of foreign libraries may hang or crash while they are taken down


# ---------------------------------------------------------------------------------------------- jobs, one process each


def _prepare(folder: Path, size: dict[str, int]) -> dict[str, Any]:
    """The course, the prompts, the full-precision distributions and the requantized files."""
    import gguf
    import numpy as np
    import torch

    from index_store.course import Library
    from index_store.embedding import DEFAULT_EMBEDDING, load_embedding
    from index_store.generation import read_passages
    from ingest.pipeline import ingest

    library = Library(folder / "home")
    course = library.course("sample")
    ingest([SAMPLE / "course"], course, load_embedding(DEFAULT_EMBEDDING), library.vectors)

    tokenizer, model = _load_transformers()
    text = "\n\n".join(passage.text for passage in read_passages(course.live))
    tokens = tokenizer(text, add_special_tokens=False).input_ids
    held_out, tokens = tokens[: LEAD + size["positions"]], tokens[LEAD + size["positions"] :]
    prompts = _prompts(tokens, size["prompt_tokens"], size["repeats"] + 1)
    (folder / "tokens.json").write_text(json.dumps({"held_out": held_out, "prompts": prompts}))

    with torch.inference_mode():
        logits = model(torch.tensor([held_out])).logits[0, LEAD - 1 : -1]
    np.save(folder / "reference.npy", logits.log_softmax(-1).numpy())

    source = built_in_file()
    (folder / "Q4_1.gguf").symlink_to(source)
    reader = gguf.GGUFReader(source)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    for kind in ("Q8_0", "Q4_0", "F16"):
        requantize(reader, fields, folder / f"{kind}.gguf", kind)
    return {"prompts": len(prompts)}


def _prompts(tokens: list[int], length: int, count: int) -> list[list[int]]:
    """`count` stretches of `tokens`, spread over them, no two beginning with the same token."""
    found: list[list[int]] = []
    for number in range(count):
        start = number * (len(tokens) - 2 * length) // count
        begun = {prompt[0] for prompt in found}
        while tokens[start] in begun:
            start += 1
        found.append(tokens[start : start + length])
    return found


def _speed(folder: Path, engine: str, file_type: str, threads: int, repeats: int) -> dict[str, float]:
    file = folder / f"{file_type.split()[0]}.gguf"
    ask = {"transformers": _ask_transformers, "llama.cpp": _ask_llama_cpp, "OpenVINO": _ask_openvino}[engine](file, threads)
    warm_up, *prompts = json.loads((folder / "tokens.json").read_text())["prompts"]
    ask(warm_up)
    firsts, rates, cores, others = [], [], [], []
    for prompt in prompts[:repeats]:
        machine, processor, begun = _machine_seconds(), time.process_time(), time.perf_counter()
        moments = ask(prompt)
        seconds, used = time.perf_counter() - begun, time.process_time() - processor
        cores.append(used / seconds)
        others.append(max(0.0, (_machine_seconds() - machine - used) / seconds))
        firsts.append(moments[0] - begun)
        rates.append((NEW_TOKENS - 1) / (moments[-1] - moments[0]))
    begun = time.perf_counter()
    again = ask(prompts[-1])[0] - begun
    return {
        "prompt": len(prompts[0]),
        "first": median(firsts),
        "again": again,
        "decode": median(rates),
        "cores": median(cores),
        "others": median(others),
        "peak": _peak_megabytes(),
    }


def _agreement(folder: Path, engine: str, file_type: str, threads: int) -> dict[str, Any]:
    import numpy as np

    held_out = json.loads((folder / "tokens.json").read_text())["held_out"]
    reference = np.load(folder / "reference.npy")
    distributions = {"llama.cpp": _distributions_llama_cpp, "OpenVINO": _distributions_openvino}[engine]
    found, own, remarks = distributions(folder / f"{file_type}.gguf", threads, held_out)
    kl = (np.exp(reference) * (reference - found)).sum(axis=1)
    off = [abs(float(reference[position, token]) - log_p) for position, (token, log_p) in enumerate(own)]
    same = reference.argmax(axis=1) == found.argmax(axis=1)
    return {"kl": float(kl.mean()), "same": float(same.mean()), "off": float(fmean(off)), "remarks": remarks}


def _questions(folder: Path, style: str, count: int) -> dict[str, float]:
    from llama_index.core.llms import ChatMessage, MessageRole

    from tutor.answering.service import AnsweringService
    from tutor.settings import load_settings

    rows = [json.loads(line) for line in (SAMPLE / "questions.jsonl").read_text("utf-8").splitlines()]
    questions = [row["question"] for row in rows if row["answerable"]]
    warm_up, *questions = questions[:: max(1, len(questions) // (count + 1))][: count + 1]
    service = AnsweringService(load_settings(home=folder / "home", style=style))
    engine = service.engine("sample")
    engine.stream(warm_up).finish()

    def tokens_in(text: str) -> int:
        empty, full = (ChatMessage(role=MessageRole.USER, content=content) for content in ("", text))
        return service.model.count_tokens([full]) - service.model.count_tokens([empty])

    searches, firsts, wholes, rates = [], [], [], []
    declined = 0
    machine, processor, all_begun = _machine_seconds(), time.process_time(), time.perf_counter()
    for question in questions:
        begun = time.perf_counter()
        stream = engine.stream(question)
        searches.append(time.perf_counter() - begun)
        if not stream.found:
            declined += 1
            continue
        moments, pieces = [], []
        for piece in stream:
            moments.append(time.perf_counter())
            pieces.append(piece)
        firsts.append(moments[0] - begun)
        wholes.append(time.perf_counter() - begun)
        if len(moments) > 1:
            rates.append(tokens_in("".join(pieces[1:])) / (moments[-1] - moments[0]))
    used, seconds = time.process_time() - processor, time.perf_counter() - all_begun
    return {
        "others": max(0.0, (_machine_seconds() - machine - used) / seconds),
        "questions": len(questions),
        "declined": declined,
        "search": median(searches),
        "first": median(firsts),
        "within": sorted(firsts)[int(0.9 * (len(firsts) - 1))],
        "whole": median(wholes),
        "decode": median(rates),
        "peak": _peak_megabytes(),
    }


def _machine_seconds() -> float:
    """Processor seconds that all processes have used since the start; 0 where the system does not say."""
    stat = Path("/proc/stat")
    if not stat.is_file():
        return 0.0
    user, nice, system, _idle, _waiting, *interrupts = map(int, stat.read_text().split("\n", 1)[0].split()[1:8])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def _peak_megabytes() -> float:
    """Largest resident memory of this process; 0 where the system does not say. (ru_maxrss would count the parent's too.)"""
    status = Path("/proc/self/status")
    if not status.is_file():
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))


# ------------------------------------------------------------------------------------------------------------- engines


def _load_transformers() -> tuple[Any, Any]:
    """Tokenizer and fp32 model of the shipped file."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    file = built_in_file()
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    return tokenizer, AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)


def _ask_transformers(file: Path, threads: int) -> Ask:
    import torch
    from transformers.generation.streamers import BaseStreamer

    _, model = _load_transformers()

    class Moments(BaseStreamer):  # type: ignore[misc]
        def __init__(self) -> None:
            self.seen: list[float] = []

        def put(self, value: Any) -> None:
            self.seen.append(time.perf_counter())

        def end(self) -> None:
            pass

    def ask(prompt: Sequence[int]) -> list[float]:
        moments = Moments()
        ids = torch.tensor([prompt])
        with torch.inference_mode():
            model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                streamer=moments,
                do_sample=False,
                min_new_tokens=NEW_TOKENS,
                max_new_tokens=NEW_TOKENS,
                pad_token_id=0,
            )
        return moments.seen[1:]  # the prompt itself comes first

    return ask


def _llama_cpp_server(file: Path, threads: int) -> Any:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file)
    parameters.n_ctx = CONTEXT
    parameters.n_parallel = 1
    parameters.n_gpu_layers = 0
    parameters.fit_params = False
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    return xllamacpp.Server(parameters)


def _ask_llama_cpp(file: Path, threads: int) -> Ask:
    server = _llama_cpp_server(file, threads)
    request = {"n_predict": NEW_TOKENS, "ignore_eos": True, "temperature": 0, "stream": True}

    def ask(prompt: Sequence[int]) -> list[float]:
        moments: list[float] = []
        chunks: list[dict[str, Any]] = []

        def take(chunk: dict[str, Any]) -> bool:
            moments.append(time.perf_counter())
            chunks.append(chunk)
            return False

        server.handle_completions({**request, "prompt": list(prompt)}, take)
        timings = chunks[-1].get("timings", {})
        if timings.get("predicted_n") != NEW_TOKENS:
            raise RuntimeError(f"llama.cpp wrote {timings.get('predicted_n')} of {NEW_TOKENS} tokens: {chunks[-1]}")
        return moments[:-1]  # the last chunk holds the timings alone

    return ask


def _distributions_llama_cpp(file: Path, threads: int, tokens: Sequence[int]) -> tuple[Any, list[tuple[int, float]], str]:
    """Log probabilities of shape (positions, vocabulary), one request a position; and its own of the likeliest token."""
    import numpy as np

    server = _llama_cpp_server(file, threads)
    rows, own = [], []
    for length in range(LEAD, len(tokens)):
        request = {"prompt": list(tokens[:length]), "n_predict": 1, "n_probs": 1_000_000, "temperature": 0}
        answer = server.handle_completions(request)
        (token,) = answer["choices"][0]["logprobs"]["content"]
        row = np.full(len(token["top_logprobs"]), -np.inf, np.float32)
        for candidate in token["top_logprobs"]:
            row[candidate["id"]] = candidate["logprob"]
        rows.append(row)
        own.append((token["id"], token["logprob"]))
    return np.stack(rows), own[:THROUGH_ENGINE], ""


def _openvino_batcher(file: Path) -> Any:
    from tutor.answering.openvino_engine import Batcher

    return Batcher(file)


def _ask_openvino(file: Path, threads: int) -> Ask:
    import numpy as np
    import openvino

    batcher = _openvino_batcher(file)
    config = batcher.pipeline.get_config()
    config.do_sample = False
    config.ignore_eos = True
    config.max_new_tokens = NEW_TOKENS

    def ask(prompt: Sequence[int]) -> list[float]:
        ids = openvino.Tensor(np.array([prompt], np.int64))
        moments = [time.perf_counter() for _ in batcher.generate(ids, config)]
        if len(moments) != NEW_TOKENS:
            raise RuntimeError(f"OpenVINO wrote {len(moments)} of {NEW_TOKENS} tokens")
        return moments

    return ask


def _distributions_openvino(file: Path, threads: int, tokens: Sequence[int]) -> tuple[Any, list[tuple[int, float]], str]:
    """As for llama.cpp: all positions in one pass of the converted graph, its own through the pipeline."""
    import numpy as np
    import openvino
    import openvino_genai
    import torch

    with tempfile.TemporaryDirectory() as name:  # GenAI saves the graph beside the GGUF file
        copy = Path(name, file.name)
        copy.symlink_to(file.resolve())
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = 1
        pipeline = openvino_genai.ContinuousBatchingPipeline(str(copy), scheduler, "CPU", {"enable_save_ov_model": True})
        compiled = openvino.Core().compile_model(Path(name, "openvino_model.xml"), "CPU")
    ids = np.array([tokens], np.int64)
    inputs = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "position_ids": np.arange(len(tokens))[None],
        "beam_idx": np.zeros(1, np.int32),
    }
    logits = next(iter(compiled.create_infer_request().infer(inputs).values()))[0, LEAD - 1 : -1]

    config = pipeline.get_config()
    config.do_sample = False
    config.ignore_eos = True
    config.max_new_tokens = 1
    config.logprobs = 1
    own = []
    for length in range(LEAD, len(tokens))[:THROUGH_ENGINE]:
        request = pipeline.add_request(length, openvino.Tensor(ids[:, :length].copy()), config)
        while pipeline.has_non_finished_requests():
            pipeline.step()
        (output,) = request.read().values()
        own.append((output.generated_ids[-1], float(output.generated_log_probs[-1])))
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    cache = compiled.get_property("KV_CACHE_PRECISION").to_string()
    return torch.tensor(logits).log_softmax(-1).numpy(), own, f"computes in {precision}, cache in {cache}"


if __name__ == "__main__":
    main()
