"""What each number format costs one checkpoint: the way through, one format after another, each loaded, measured and freed.

KL divergence and top-1 agreement compare the next-token distributions at every scored token with full precision's. A format
that the device cannot hold or compute is a row with the reason. Knows nothing of tables (training/quantized_table.py).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import items, likelihood, preferences, quantizing, scored_model, scoring, statistic
from training.answers import stop_tokens
from training.base_model import Base
from training.errors import RunError, TrainingError
from training.items import Items
from training.scored_model import ScoredModel
from training.scoring import Tokens
from training.statistic import Estimate

if TYPE_CHECKING:
    import torch

TOKENS_AT_ONCE = 128  # whose distributions over the vocabulary are held together
GENERATED = 32
FAULTS = (
    RuntimeError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    NotImplementedError,
    ImportError,
    OSError,
    TrainingError,
)


@dataclass(frozen=True)
class Row:
    """One format. `fault` says why the others are None.

    `weights`: bytes as a file of the format holds them. `peak`: bytes that the process (on CUDA: the device) took at most over
    what it held before the model was loaded, while scoring; None where the system does not tell, and of GGUF types, which are
    held in full precision here. `kl`: nats per token. `top1`: share of tokens at which both would say the same. Speeds in
    tokens per second, by torch; None of GGUF types.
    """

    kind: str
    name: str
    fault: str | None = None
    weights: int | None = None
    peak: int | None = None
    nll: Estimate | None = None
    kl: Estimate | None = None
    top1: Estimate | None = None
    policy_alignment: Estimate | None = None
    scoring_speed: float | None = None
    generating_speed: float | None = None


@dataclass(frozen=True)
class Reference:
    """Full precision's last hidden states of every scored token, by text, and its head: enough to make its distributions."""

    hidden: Sequence[torch.Tensor]
    head: torch.Tensor


@dataclass(frozen=True)
class Task:
    """What every format is measured on."""

    model: ScoredModel
    text: Path
    pairs: Path | None
    window: int
    longest: int


def measure(
    model: ScoredModel,
    text: Path,
    pairs: Path | None = None,
    window: int = items.WINDOW,
    longest: int = 2048,
    kinds: Sequence[str] = quantizing.KINDS,
    notify: Callable[[str], None] = lambda message: None,
    apart: bool = True,
) -> Iterator[Row]:
    """A Row for each of `kinds`, as it is measured; full precision first. Raises TrainingError for what is no checkpoint.

    Each is measured in a process of its own: in one that has held another model already, the peak tells of that one's memory
    too. Not `apart`, all are measured in this process, and the peaks of all but the first mean nothing.
    """
    if model.run and model.adapter:
        raise RunError(f"{model.name}: a run with an adapter. Merge it first, and give the merged folder.")
    if model.quantization != "none":
        raise RunError(f"{model.name}: already in 4 bits. Leave @nf4 out.")
    scored_model.quiet([model])
    task = Task(model, text, pairs, window, longest)
    read_items(task)  # what is wrong with a file is told before weights load
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder, "reference.pt")
        for kind in (quantizing.FULL, *(kind for kind in kinds if kind != quantizing.FULL)):
            name = quantizing.called(kind, model.precision)
            notify(f"{name}: loading")
            row = in_a_process(task, kind, reference) if apart else attempt(task, kind, reference)
            if kind == quantizing.FULL and row.fault:  # all else is compared with it
                raise RunError(f"{model.name}: cannot be measured in full precision: {row.fault}")
            notify(f"{name}: {row.fault or 'measured'}")
            yield row


def in_a_process(task: Task, kind: str, reference: Path) -> Row:
    """What `attempt` gives, of a fresh process."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(attempt, task, kind, reference).result()
        except BrokenProcessPool:
            name = quantizing.called(kind, task.model.precision)
            return Row(kind, name, fault="its process was ended by the system, most likely for want of memory")


def attempt(task: Task, kind: str, reference: Path) -> Row:
    """One format measured; a row with the reason where it cannot be. Full precision leaves its `reference` for the others."""
    name = quantizing.called(kind, task.model.precision)
    scored_model.quiet([task.model])
    try:
        read, preferred = read_items(task)
        scored_model.free()
        before = held_now(task.model.precision.device)
        return _measured(kind, name, quantizing.load(task.model, kind), before, read, preferred, reference)
    except FAULTS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return Row(kind, name, fault=reason if kind == quantizing.FULL else reason.partition(". ")[0][:200])


def read_items(task: Task) -> tuple[Items, Items | None]:
    """The texts and the pairs as tokens. Raises TrainingError."""
    tokenizer = scored_model.tokenizer_for(task.model, task.window)
    read = items.text(task.text, tokenizer, task.window)
    return read, items.rows(task.pairs, "dpo", tokenizer, task.longest) if task.pairs else None


def _measured(
    kind: str,
    name: str,
    held: quantizing.Held,
    before: int | None,
    read: Items,
    preferred: Items | None,
    reference: Path,
) -> Row:
    import torch

    base = held.base
    of_gguf = kind in quantizing.GGUF
    scoring.score(base, read.flat[:1])  # what is made at the first call is not timed
    scored_model.free()
    reset_peak(base.precision.device)
    begun = time.perf_counter()
    scores = scoring.score(base, read.flat)
    scored_in = time.perf_counter() - begun
    peak = peak_since(base.precision.device)
    nll = likelihood.measure(read, scores).nll
    generating = None if of_gguf else _generating(base, read.flat[0])
    if kind == quantizing.FULL:
        torch.save({"hidden": [*hidden(base, read.flat)], "head": _head(base).detach().clone()}, reference)
    kl, top1 = _against(base, read.flat, Reference(**torch.load(reference, map_location=base.precision.device)))
    aligned = None
    if preferred:
        made = preferences.pairs_of(scoring.score(base, preferred.flat))
        aligned = preferences.measure(made, None).policy_alignment.share
    return Row(
        kind,
        name,
        weights=held.weights,
        peak=None if of_gguf or peak is None or before is None else max(0, peak - before),
        nll=nll,
        kl=kl,
        top1=top1,
        policy_alignment=aligned,
        scoring_speed=None if of_gguf else sum(len(text.ids) for text in read.flat) / scored_in,
        generating_speed=generating,
    )


def hidden(base: Base, texts: Sequence[Tokens]) -> Iterator[torch.Tensor]:
    """For each text the hidden states, (scored tokens, width), from which its scored tokens are foretold."""
    import torch

    model: Any = base.model
    made: dict[int, torch.Tensor] = {}
    for batch in scoring.batches(texts, scoring.BATCH_TOKENS[base.precision.device]):
        ids, mask, _ = scoring.padded([texts[place] for place in batch], base)
        with torch.no_grad(), scoring.autocast(base):
            out = model.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        for row, place in enumerate(batch):
            text = texts[place]
            made[place] = out[row, text.start - 1 : len(text.ids) - 1].clone()
    yield from (made[place] for place in range(len(texts)))


def _head(base: Base) -> torch.Tensor:
    """(vocabulary, width). Raises RunError for a head that is more than a product with it."""
    model: Any = base.model
    head = model.get_output_embeddings()
    named = ("final_logit_softcapping", "logit_scale", "logits_scaling", "lm_head_multiplier", "output_multiplier")
    if getattr(head, "bias", None) is not None or any(getattr(model.config, name, None) for name in named):
        raise RunError("the head of this model is more than one matrix product, which KL is not computed for.")
    weight: torch.Tensor = head.weight
    return weight


def _against(base: Base, texts: Sequence[Tokens], reference: Reference) -> tuple[Estimate, Estimate]:
    """KL(full precision || this) in nats per token, and the share of tokens whose likeliest is the same."""
    import torch

    head = _head(base)
    kl, same, tokens = [], [], []
    with torch.no_grad():
        for mine, theirs in zip(hidden(base, texts), reference.hidden, strict=True):
            diverged = agreed = 0.0
            for one, other in zip(mine.split(TOKENS_AT_ONCE), theirs.split(TOKENS_AT_ONCE), strict=True):
                p = (other.to(reference.head.dtype) @ reference.head.T).float().log_softmax(-1)
                q = (one.to(head.dtype) @ head.T).float().log_softmax(-1)
                diverged += float((p.exp() * (p - q)).sum(-1).double().sum())
                agreed += float((p.argmax(-1) == q.argmax(-1)).sum())
            kl.append(diverged)
            same.append(agreed)
            tokens.append(float(len(mine)))
    return statistic.ratio(kl, tokens), statistic.ratio(same, tokens)


def _generating(base: Base, text: Tokens) -> float:
    """Tokens per second of one greedy continuation, the prompt's reading included."""
    import torch

    model: Any = base.model
    ids = torch.tensor([text.ids[:64]], device=model.device)
    options: dict[str, Any] = {"max_new_tokens": GENERATED, "min_new_tokens": GENERATED, "do_sample": False, "use_cache": True}
    options |= {"pad_token_id": base.tokenizer.pad_token_id, "eos_token_id": stop_tokens(base)}
    with torch.no_grad(), scoring.autocast(base):
        begun = time.perf_counter()
        model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **options)
        return GENERATED / (time.perf_counter() - begun)


def held_now(device: str) -> int | None:
    """Bytes that the process holds in memory, or on the GPU."""
    if device == "cuda":
        import torch

        return torch.cuda.memory_allocated()
    return _status("VmRSS")


def reset_peak(device: str) -> None:
    """Let the peak be counted from now."""
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()
    elif Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


def peak_since(device: str) -> int | None:
    """Most bytes held since then; None where the system does not tell."""
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated()
    return _status("VmHWM")


def _status(name: str) -> int | None:
    try:
        rows = Path("/proc/self/status").read_text("ascii").splitlines()
    except OSError:
        return None
    return next((1024 * int(row.split()[1]) for row in rows if row.startswith(f"{name}:")), None)
