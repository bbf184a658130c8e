"""A run or a merged model in other programs' formats: GGUF, MLX, or the adapter alone as GGUF. `tutor export` calls this.

What was written is read again and compared with the merged model on held-out text; the figures stand beside the file.
"""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import (
    agreement,
    base_model,
    corpus,
    finished,
    gguf_adapter,
    gguf_model,
    held_out,
    merge,
    merged_folder,
    mlx_export,
    precision,
    recipe,
    stage,
)
from training.agreement import Agreement
from training.errors import RunError
from training.finished import Finished, open_run
from training.held_out import HeldOut
from training.run_folder import RunFolder, sha256, versions, write_json

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Notify = Callable[[str], None]
# Formats that round no more than the merged model is: a divergence there is an error.
ROUNDED_NO_MORE = {("gguf", "f16"), ("mlx", "f16")}
MOST_KL = 0.01  # nats a token


@dataclass(frozen=True)
class Exported:
    """`agreement` is with the merged model; None for an adapter, of which nothing here computes. `cautions`: what the CPU
    engine makes otherwise of the file."""

    file: Path
    agreement: Agreement | None
    cautions: tuple[str, ...] = ()


def export(
    folder: Path,
    to: str,
    kind: str | None = None,
    out: Path | None = None,
    text: Path | None = None,
    notify: Notify = lambda line: None,
) -> Exported:
    """Write the run or merged model in `folder` as `to`. Raises TrainingError; then nothing is at `out`.

    `kind` is one of gguf_model.TYPES, for GGUF only (f16). A run is merged first, into the folder that `tutor merge`
    takes, unless that is there; one that trained every weight has its model already.
    """
    if kind and to != "gguf":
        raise RunError(f"--type is for GGUF; {to} is written as it is. Leave it out.")
    trained = full_run(folder)
    whole = trained is not None or (not (folder / "manifest.json").is_file() and (folder / "config.json").is_file())
    if to == "adapter":
        if whole:
            raise RunError(f"{folder}: a whole model has no adapter. Give the folder of the run.")
        return adapter(open_run(folder), out or named(folder, "-adapter.gguf"))
    kind = kind or "f16"
    run = None if whole else open_run(folder)
    model = trained.model if trained else named(run.run.path, "-merged") if run else folder
    out = out or named(trained.path if trained else model, f"-{kind}.gguf" if to == "gguf" else "-mlx")
    if out.exists():
        raise RunError(f"{out}: is there already. Choose another --out.")
    if to == "mlx":
        mlx_export.require()
    if run:  # what can be known is known: merging takes its time
        model = merged_of(run, text, notify)
    base_model.check_folder(model)
    record = merged_folder.record_of(model)
    stage.quiet(hub=False)
    tokenizer, config = base_model.without_weights(str(model), None)
    if to == "gguf":
        gguf_model.check(model, tokenizer)
    measured = text_of(model, trained, record, text, tokenizer, config.vocab_size)
    out.parent.mkdir(parents=True, exist_ok=True)
    reference = reference_of(model, tokenizer, measured)
    part = out.with_name(f".part-{os.getpid()}-{out.name}")
    try:
        notify(f"writing {out}")
        if to == "gguf":
            gguf_model.write(model, tokenizer, kind, part, model.resolve().name)
            found = agreement.compare(reference, agreement.log_probs_of(read_gguf(part, model)))
        else:
            mlx_export.write(model, part)
            found = agreement.compare(reference, mlx_export.log_probs_of(part))
        if (to, kind) in ROUNDED_NO_MORE and not agreement.within(found, MOST_KL):
            raise RunError(
                f"{model}: read again as {to}, the model is {found.kl:.2g} nats a token from itself (KL), so the format or its "
                "reader does not have all of it. Nothing was written; use the merged folder."
            )
        write_json(out.with_name(f"{out.name}.json"), record_of(part, model, to, kind, record, measured, found))
        part.rename(out)
    finally:
        shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)
    return Exported(out, found, tuple(gguf_model.cautions(model, tokenizer)) if to == "gguf" else ())


def record_of(
    written: Path, model: Path, to: str, kind: str, merged: dict[str, Any] | None, measured: HeldOut, found: Agreement
) -> dict[str, Any]:
    """What stands beside the file: of what it was made, and how nearly it is that."""
    files = [written] if written.is_file() else sorted(written.iterdir())
    return {
        "model": str(model.resolve()),
        "adapter": merged["adapter"] if merged else None,
        "to": to,
        "type": kind if to == "gguf" else None,
        "held_out": measured.record(),
        "agreement": found.record(),
        "files": {file.name.removeprefix(f".part-{os.getpid()}-"): sha256(file) for file in files},
        "versions": versions(),
    }


def adapter(run: Finished, out: Path) -> Exported:
    """The run's adapter alone."""
    from training import gguf_llama

    if out.exists():
        raise RunError(f"{out}: is there already. Choose another --out.")
    _, config = base_model.without_weights(run.recipe.model, run.recipe.revision)
    numbers = gguf_llama.checked(config.to_dict(), run.recipe.model)
    out.parent.mkdir(parents=True, exist_ok=True)
    gguf_adapter.write(run.run.adapter, finished.lora_config(run.run.adapter), numbers, out, run.name)
    return Exported(out, None)


def named(folder: Path, ending: str) -> Path:
    """Beside `folder`, with its name."""
    path = folder.resolve()
    return path.with_name(f"{path.name}{ending}")


def merged_of(run: Finished, text: Path | None, notify: Notify) -> Path:
    """The run's merged folder, made where it is not there. Raises RunError where another run's stands there."""
    place = named(run.run.path, "-merged")
    if not place.exists():
        merge.merge(run.run.path, place, text, notify=notify)
        gc.collect()
    record = merged_folder.record_of(place)
    if record is None or record["adapter"] != run.adapter_sha256:
        raise RunError(f"{place}: not what {run.run.path} is merged into now. Remove it, or give a merged folder.")
    return place


def full_run(folder: Path) -> RunFolder | None:
    """The run that trained every weight, whose folder, or whose model, this is. Raises RunError where its files changed."""
    for place in (folder, folder.absolute().parent):
        run = RunFolder(place)
        mine = place == folder or run.model.resolve() == folder.resolve()
        done = run.manifest if mine and run.model.is_dir() else None
        if done and done["recipe"].get("full"):
            run.require_unchanged(done, (path for path in done["files"] if path.startswith(("model/", "recipe.yaml"))))
            return run
    return None


def text_of(
    model: Path,
    trained: RunFolder | None,
    record: dict[str, Any] | None,
    text: Path | None,
    tokenizer: PreTrainedTokenizerBase,
    words: int,
) -> HeldOut:
    """The given text, or what the merge was measured on, or what the run that `trained` the model has. Raises TrainingError
    where that is no longer there."""
    if text:
        return held_out.read(text, "sft", tokenizer, words)
    if trained:
        made, kept = recipe.load(trained.path / "recipe.yaml"), (trained.manifest or {})["data"]
        course = trained.path / corpus.COURSE
        return held_out.of_run(made.data, kept, course, made.stage, tokenizer, words, made.max_length)
    used = record["held_out"] if record else None
    if used is None or sha256(Path(used["file"])) != used["sha256"]:
        told = (
            f"{used['file']}, which it was measured on, is gone or changed"
            if used
            else "no merge.json names text to measure on"
        )
        raise RunError(f"{model}: {told}. Give held-out rows with --text.")
    return held_out.read(Path(used["file"]), "sft", tokenizer, words, None, used["source"], used["trained_on"])


def reference_of(model: Path, tokenizer: PreTrainedTokenizerBase, measured: HeldOut) -> agreement.Reference:
    """What the merged model computes, in the format that it is computed in here."""
    loaded = load(pretrained_model_name_or_path=str(model), use_safetensors=True)
    ends = loaded.generation_config.eos_token_id
    return agreement.refer(loaded, measured.texts, ends if isinstance(ends, list) else [ends or tokenizer.eos_token_id])


def read_gguf(file: Path, model: Path) -> Any:
    """The written file through transformers' own reader, its weights dequantized; rotary positions as `model` has
    them, which that reader takes from no file."""
    import transformers

    config = transformers.AutoConfig.from_pretrained(str(model))
    return load(pretrained_model_name_or_path=str(file.parent), gguf_file=file.name, config=config)


def load(**place: Any) -> Any:
    import transformers

    held = precision.pick("auto")
    with base_model.told(str(place["pretrained_model_name_or_path"])):
        return transformers.AutoModelForCausalLM.from_pretrained(
            **place, dtype=held.dtype, device_map={"": held.device}, local_files_only=True, trust_remote_code=False
        ).eval()
