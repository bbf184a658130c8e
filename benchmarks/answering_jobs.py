"""What `answering.py` measures, each job in a process of its own."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from statistics import fmean, median
from typing import Any

from engines import (
    LEAD,
    NEW_TOKENS,
    ask_llama_cpp,
    ask_openvino,
    ask_transformers,
    distributions_llama_cpp,
    distributions_openvino,
    load_transformers,
)

from tutor.answering.gguf_file import requantize
from tutor.answering.models import built_in_file
from tutor.offline import close_network

SAMPLE = Path(__file__).parents[1] / "examples"


def main() -> None:
    """`JOB FOLDER OPTIONS-as-JSON`; what was found is written to FOLDER/result.json."""
    job, folder, options = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    close_network(hub=False)
    jobs = {"prepare": _prepare, "speed": _speed, "agreement": _agreement, "questions": _questions}
    found = jobs[job](folder, **options)
    (folder / "result.json").write_text(json.dumps(found), "utf-8")
    sys.stdout.flush()
    os._exit(0)  # servers and pipelines of foreign libraries may hang or crash while they are taken down


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

    tokenizer, model = load_transformers()
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
    ask = {"transformers": ask_transformers, "llama.cpp": ask_llama_cpp, "OpenVINO": ask_openvino}[engine](file, threads)
    warm_up, *prompts = json.loads((folder / "tokens.json").read_text())["prompts"]
    ask(warm_up)
    firsts, rates, cores, others = [], [], [], []
    for prompt in prompts[:repeats]:
        machine, processor, begun = machine_seconds(), time.process_time(), time.perf_counter()
        moments = ask(prompt)
        seconds, used = time.perf_counter() - begun, time.process_time() - processor
        cores.append(used / seconds)
        others.append(max(0.0, (machine_seconds() - machine - used) / seconds))
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
    distributions = {"llama.cpp": distributions_llama_cpp, "OpenVINO": distributions_openvino}[engine]
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
    machine, processor, all_begun = machine_seconds(), time.process_time(), time.perf_counter()
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
        "others": max(0.0, (machine_seconds() - machine - used) / seconds),
        "questions": len(questions),
        "declined": declined,
        "search": median(searches),
        "first": median(firsts),
        "within": sorted(firsts)[int(0.9 * (len(firsts) - 1))],
        "whole": median(wholes),
        "decode": median(rates),
        "peak": _peak_megabytes(),
    }


def machine_seconds() -> float:
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


if __name__ == "__main__":
    main()
