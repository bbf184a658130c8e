"""The folder of a merged model: what transformers, vLLM, llama.cpp and MLX read of it, and `merge.json`, which is written last.

    model-*.safetensors, config.json, generation_config.json     tokenizer*, chat_template.jinja
    README.md  the model card                                    merge.json  figures, lineage, the hash of every file

Knows nothing of how a merge is made or measured.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import RunError
from training.run_folder import read_json, sha256, write_json

if TYPE_CHECKING:
    import torch
    from transformers import GenerationConfig, PreTrainedTokenizerBase

SHARD = "4GB"


@contextmanager
def in_the_making(out: Path) -> Iterator[Path]:
    """A folder beside `out`, of this process's own; what is left of it at the end goes, and so do those of ended processes."""
    for left in out.parent.glob(f".{out.name}.part-*"):
        if not alive(left.name.rpartition("-")[2]):
            shutil.rmtree(left, ignore_errors=True)
    part = out.with_name(f".{out.name}.part-{os.getpid()}")
    part.mkdir(parents=True)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def save(
    model: Any, dtype: torch.dtype, tokenizer: PreTrainedTokenizerBase, generation: GenerationConfig, folder: Path
) -> None:
    """Write `model` as an ordinary one of `dtype`. What it was loaded as, in 4 bits, is forgotten; it is cast in place."""
    model = model.to(dtype)
    for name in ("hf_quantizer", "quantization_method", "is_quantized", "is_loaded_in_4bit", "is_loaded_in_8bit"):
        model.__dict__.pop(name, None)
    model.config.__dict__.pop("quantization_config", None)
    model.config.use_cache = True
    model.config.dtype = dtype
    model.config.eos_token_id = generation.eos_token_id
    model.config.bos_token_id = tokenizer.bos_token_id
    model.config.pad_token_id = tokenizer.pad_token_id
    generation.bos_token_id = tokenizer.bos_token_id
    model.generation_config = generation
    model.save_pretrained(str(folder), max_shard_size=SHARD)
    tokenizer.save_pretrained(str(folder))
    for_older_readers(folder)


def for_older_readers(folder: Path) -> None:
    """Names that transformers 5 no longer writes, beside its own.

    A reader that looks for rope_theta only (MLX, older vLLM and llama.cpp) takes 10,000 where it finds none, and a model made
    with another base then writes nonsense without any error.
    """
    file = folder / "config.json"
    config = json.loads(file.read_text("utf-8"))
    rope = dict(config.get("rope_parameters") or {})
    if rope:
        config["rope_theta"] = rope.pop("rope_theta", 10000.0)
        config["rope_scaling"] = None if rope.get("rope_type", "default") == "default" else rope
    config["torch_dtype"] = config["dtype"]
    file.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")
    file = folder / "tokenizer_config.json"
    config = json.loads(file.read_text("utf-8"))
    if config.get("tokenizer_class") == "TokenizersBackend":
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
    for name in ("is_local", "local_files_only"):  # of where it was loaded from
        config.pop(name, None)
    file.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")


def finish(folder: Path, record: Mapping[str, Any], card: str) -> None:
    """The card, and last the record with every file's hash."""
    (folder / "README.md").write_text(card, "utf-8")
    files = sorted(path for path in folder.iterdir() if path.is_file())
    for path in files:
        path.chmod((folder / "README.md").stat().st_mode)  # weights are written for their owner alone, whatever the umask
    write_json(folder / "merge.json", {**record, "files": {path.name: sha256(path) for path in files}})


def publish(folder: Path, out: Path) -> None:
    """Name the finished `folder` `out`. Raises RunError where something has come to stand there meanwhile."""
    try:
        folder.rename(out)
    except OSError as error:
        raise RunError(f"{out}: {error.strerror}. Choose another --out.") from error


def record_of(folder: Path) -> dict[str, Any] | None:
    """What `merge.json` says; None for a folder that no merge wrote. Raises RunError where a file is not what it wrote."""
    record = read_json(folder / "merge.json")
    if record is None:
        return None
    changed = [name for name, digest in record["files"].items() if sha256(folder / name) != digest]
    if changed:
        raise RunError(f"{folder / changed[0]}: is not the file that the merge wrote. Merge again, or restore it.")
    return record
