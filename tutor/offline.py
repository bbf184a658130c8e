"""Telemetry off and the network closed to model libraries; called before any of them is imported."""

from __future__ import annotations

import logging
import os
import warnings

ALWAYS = {
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


def close_network(hub: bool) -> None:
    """Switch telemetry off; unless `hub`, keep Hugging Face libraries from asking the hub for anything."""
    os.environ.update(ALWAYS)
    if not hub:
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ["TRANSFORMERS_OFFLINE"] = "1"
    # Libraries' own progress and hints would stand between the lines that the user asked for.
    warnings.filterwarnings("ignore")
    for name in ("httpx", "huggingface_hub", "sentence_transformers", "transformers", "chromadb", "llama_index", "bm25s"):
        logging.getLogger(name).setLevel(logging.ERROR)
