"""A run's adapter merged into its base: in two ways, both measured against the adapter, the nearer one kept.

An adapter learned on a 4-bit base makes up for what its rounding did. Merged into the 16-bit base it makes up for an error that
is not there; merged into the dequantized 4-bit base, the function is the one that was trained. Which is nearer is measured, on
what was saved and read from disk again. `tutor merge` calls this.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import agreement, base_model, corpus, held_out, memory, merged_card, merged_folder, precision, run_folder, stage
from training.agreement import Agreement, Reference
from training.errors import RunError
from training.finished import Finished, open_run
from training.held_out import HeldOut
from training.precision import Precision

if TYPE_CHECKING:
    from transformers import GenerationConfig, PretrainedConfig, PreTrainedTokenizerBase

Notify = Callable[[str], None]

SAME_KL = 1e-3  # what rounding in bf16 may make of the same weights
NOTED_NLL = 0.01  # nats a token
MAX_KL = 0.01  # nats a token: a merge into the dequantized base stays far below, one into the 16-bit base mostly above
DEQUANTIZED, SIXTEEN_BIT, PLAIN = "the dequantized 4-bit base", "the 16-bit base", "the base"
DTYPES = ("auto", "bf16", "fp16", "fp32")
FP16_MOST = 65504.0


@dataclass(frozen=True)
class Merged:
    """What was published. `candidates` by way of merging; `kept` is one of them."""

    folder: Path
    kept: str
    dtype: str
    held_out: HeldOut
    reference_nll: float
    candidates: dict[str, Agreement]


def merge(
    folder: Path,
    out: Path,
    text: Path | None = None,
    most: float = MAX_KL,
    dtype: str = "auto",
    notify: Notify = lambda line: None,
) -> Merged:
    """Merge the run in `folder` into a model at `out`. Raises TrainingError; then nothing is left at `out`.

    `text`: held-out rows to measure on, in place of the run's own. `most`: the KL divergence, nats a token, that is published.
    """
    if out.exists():
        raise RunError(f"{out}: is there already. Choose another --out.")
    finished = open_run(folder)
    recipe = finished.recipe
    stage.quiet(hub="revision" in base_model.where(recipe.model, recipe.revision))
    base_model.require_same(recipe.model, recipe.revision, finished.manifest["base"], finished.run.path)
    tokenizer, generation = tokenizer_of(finished)
    _, config = base_model.without_weights(recipe.model, recipe.revision)
    words = config.vocab_size
    if text:
        learned = run_folder.learned_from(finished.manifest, run_folder.sha256(text))
        source = "rows that the run was trained on" if learned else "the given text"
        measured = held_out.read(text, recipe.stage, tokenizer, words, recipe.max_length, source, learned)
    else:
        kept, course = finished.manifest["data"], folder / corpus.COURSE
        measured = held_out.of_run(recipe.data, kept, course, recipe.stage, tokenizer, words, recipe.max_length)
    held = format_of(finished, config)
    saved = dtype if dtype != "auto" else {"bf16": "bf16"}.get(str(finished.manifest["precision"]), "fp16")
    notify(f"measuring on {len(measured.texts)} rows ({measured.tokens} tokens) of {measured.file}, {measured.source}")
    with merged_folder.in_the_making(out) as part:
        reference, ways = begin(finished, held, tokenizer, generation, measured, notify)
        candidates: dict[str, Agreement] = {}
        places: dict[str, Path] = {}
        for way, model in ways:
            place = part / f"candidate-{len(places)}"
            saved = in_range(model, saved, dtype)
            merged_folder.save(model, Precision(saved, held.device, False).dtype, tokenizer, generation, place)
            del model
            gc.collect()
            candidates[way] = measure(place, reference, held, saved)
            notify(f"merged into {way}: {candidates[way].told()}")
            places[way] = place
        kept = min(
            candidates, key=lambda way: candidates[way].kl if agreement.within(candidates[way], float("inf")) else float("inf")
        )
        if not agreement.within(candidates[kept], most):
            raise RunError(
                f"{folder}: merged into {kept}, the model is {candidates[kept].kl:.2g} nats a token from the adapter (KL), and "
                f"at most {most:g} is published. Nothing was written; keep using the adapter, or raise --max-kl."
            )
        for way, found in candidates.items():
            if found.nll < candidates[kept].nll - NOTED_NLL:
                notify(
                    f"{way} has the lower NLL, for it was not rounded to 4 bits, but it is not the function that was trained"
                )
        done = Merged(out, kept, saved, measured, reference.nll, candidates)
        record = lineage(finished, done, most)
        merged_folder.finish(places[kept], record, merged_card.write(recipe, record))
        merged_folder.publish(places[kept], out)
    return done


def begin(
    finished: Finished,
    held: Precision,
    tokenizer: PreTrainedTokenizerBase,
    generation: GenerationConfig,
    measured: HeldOut,
    notify: Notify,
) -> tuple[Reference, Iterator[tuple[str, Any]]]:
    """What the adapter computes on the base as it was trained on, and then, one at a time, the merged models."""
    recipe = finished.recipe
    notify(f"loading {recipe.model}, {recipe.quantization}, {held.name} on {held.device}")
    base = base_model.load(recipe.model, recipe.revision, recipe.quantization, held, tokenizer).model
    model = with_adapter(base, finished)
    if recipe.quantization != "none" and held.device == "cpu":
        model = unpacked(model, finished, held, measured)
    stops = generation.eos_token_id if isinstance(generation.eos_token_id, list) else [generation.eos_token_id]
    reference = agreement.refer(model, measured.texts, stops)
    notify(f"the adapter on its base: NLL {reference.nll:.4f}")
    return reference, ways(model, finished, held, tokenizer)


def unpacked(model: Any, finished: Finished, held: Precision, measured: HeldOut) -> Any:
    """The adapter, not merged, on its base with the 4-bit weights unpacked once: on a CPU each pass would unpack them anew, and
    that takes most of its time. Raises RunError where the two do not compute the same on the first row."""
    (first,) = measured.texts[:1]
    packed = agreement.Reference((first,), (agreement.log_probs_of(model)(first),), (), ())
    model = with_adapter(model.unload().dequantize(held.dtype), finished)
    found = agreement.compare(packed, agreement.log_probs_of(model))
    if not math.isfinite(found.kl):
        raise RunError(f"{finished.run.path}: the adapter computes no numbers (NaN): its training diverged. Train it again.")
    if not agreement.within(found, SAME_KL):
        raise RunError(
            f"{finished.run.path}: the 4-bit base and its dequantized weights compute otherwise here (KL {found.kl:.2g}). "
            "Reinstall bitsandbytes as constraints.txt has it."
        )
    return model


def ways(model: Any, finished: Finished, held: Precision, tokenizer: PreTrainedTokenizerBase) -> Iterator[tuple[str, Any]]:
    """The merged models. None is held here while it is used, nor when the next is made: no more than one is in memory."""
    recipe = finished.recipe
    if recipe.quantization == "none":
        made = [model.merge_and_unload(safe_merge=True)]
        del model
        yield PLAIN, made.pop()
        return
    if getattr(model.base_model.model, "hf_quantizer", None):
        model = with_adapter(model.unload().dequantize(held.dtype), finished)
    made = [model.merge_and_unload(safe_merge=True)]
    del model
    yield DEQUANTIZED, made.pop()
    gc.collect()
    yield (
        SIXTEEN_BIT,
        with_adapter(base_model.load(recipe.model, recipe.revision, "none", held, tokenizer).model, finished).merge_and_unload(
            safe_merge=True
        ),
    )


def with_adapter(base: Any, finished: Finished) -> Any:
    import peft

    return peft.PeftModel.from_pretrained(base, str(finished.run.adapter)).eval()


def measure(place: Path, reference: Reference, held: Precision, saved: str) -> Agreement:
    """What was saved, read from disk: computed in its own number format on a GPU, in `held` on a CPU."""
    import transformers

    computed = held if held.device == "cpu" else Precision(saved, held.device, False)
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(
        str(place), dtype=computed.dtype, device_map={"": held.device}, use_safetensors=True, trust_remote_code=False
    )
    return agreement.compare(reference, agreement.log_probs_of(model.eval()))


def tokenizer_of(finished: Finished) -> tuple[PreTrainedTokenizerBase, GenerationConfig]:
    """As the run left them: the token that ends a turn is the tokenizer's end, and among those that generation stops at."""
    import transformers

    place = str(finished.run.adapter)
    with base_model.told(place):
        tokenizer = transformers.AutoTokenizer.from_pretrained(place, local_files_only=True, trust_remote_code=False)
        return tokenizer, transformers.GenerationConfig.from_pretrained(place)


def format_of(finished: Finished, config: PretrainedConfig) -> Precision:
    """What to load, compute and merge in: on a GPU what was trained in, on a CPU fp32, or bf16 where that does not fit.

    Raises RunError where memory does not hold one model and the log-probabilities that wait beside it.
    """
    size = memory.Shape.of(config)
    weights = size.blocks + size.embeddings
    device = precision.pick("auto").device
    names = [str(finished.manifest["precision"])] if device == "cuda" else ["fp32", "bf16"]
    for name in names:
        held = Precision(name, device, False)
        needed = weights * held.dtype.itemsize * 1.1 + 2 * held_out.HELD_BYTES * (weights > 10**9)
        if needed <= memory.available(held):
            return held
    raise RunError(
        f"{finished.run.path}: merging needs about {needed / 1e9:.1f} GB and this machine has "
        f"{memory.available(held) / 1e9:.1f} free. Close other programs, or merge on a larger machine."
    )


def in_range(model: Any, saved: str, asked: str) -> str:
    """`saved`, or bf16 where a weight is too large for fp16. Raises RunError where fp16 was asked for."""
    if saved != "fp16" or max(float(parameter.detach().abs().max()) for parameter in model.parameters()) <= FP16_MOST:
        return saved
    if asked == "fp16":
        raise RunError("a merged weight is larger than fp16 holds (65504). Save it with --dtype bf16.")
    return "bf16"


def lineage(finished: Finished, done: Merged, most: float) -> dict[str, Any]:
    """merge.json: what it was made of and how nearly it is that."""
    manifest = finished.manifest
    return {
        "run": str(finished.run.path.resolve()),
        "stage": manifest["stage"],
        "adapter": finished.adapter_sha256,
        "manifest": run_folder.sha256(finished.run.path / "manifest.json"),
        "base": manifest["base"],
        "quantization": finished.recipe.quantization,
        "parent": manifest["parent"],
        "data": manifest["data"],
        "merged_into": done.kept,
        "dtype": done.dtype,
        "max_kl": most,
        "held_out": done.held_out.record(),
        "reference_nll": done.reference_nll,
        "candidates": {way: found.record() for way, found in done.candidates.items()},
        "versions": run_folder.versions(),
    }
