"""An OpenAI-compatible endpoint: vLLM, llama-server, Ollama. Checked before the first question.

`http://host:port/v1#name`; the name may be left out where the server has one model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

from index_store.errors import ModelError

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 300.0
DEFAULT_CONTEXT = 4096
TOKENS_A_MESSAGE = 8


@dataclass(frozen=True)
class Endpoint:
    """A reachable endpoint and what it says of its model."""

    base: str
    model: str
    context_window: int
    api_key: str

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Tokens by the server's own tokenizer where it offers one (vLLM, llama-server); elsewhere an upper estimate."""
        text = "\n".join(f"{message.role.value}\n{message.content}" for message in messages)
        root = self.base.removesuffix("/v1")
        rows = [{"role": message.role.value, "content": message.content} for message in messages]
        body = {"content": text, "model": self.model, "messages": rows}
        try:
            reply = httpx.post(f"{root}/tokenize", json=body, headers=_headers(self.api_key), timeout=CONNECT_SECONDS)
            row = reply.raise_for_status().json()
            count = row.get("count") or len(row["tokens"])
            return int(count) + TOKENS_A_MESSAGE * len(messages)
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
            # No tokenizer to ask. Two bytes a token is more than any text in a Latin script takes.
            return len(text.encode()) // 2 + TOKENS_A_MESSAGE * len(messages)


def connect(spec: str, api_key: str) -> Endpoint:
    """Ask the endpoint which models it has. Raises ModelError where it does not answer or lacks the one named."""
    base, _, name = spec.partition("#")
    base = base.rstrip("/")
    try:
        reply = httpx.get(f"{base}/models", headers=_headers(api_key), timeout=CONNECT_SECONDS)
        reply.raise_for_status()
        rows: list[dict[str, Any]] = reply.json()["data"]
        models = {str(row["id"]): row for row in rows}
    except httpx.HTTPStatusError as error:
        hint = "Set TUTOR_API_KEY." if error.response.status_code in (401, 403) else "Check that the URL ends in /v1."
        raise ModelError(f"{base}: answered {error.response.status_code} to /models. {hint}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ModelError(f"{base}: cannot be reached ({error}). Start the server, or check host and port.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{base}: not an OpenAI-compatible endpoint (/models has no list). Check that the URL ends in /v1."
        ) from error
    if not name and len(models) == 1:
        name = next(iter(models))
    if name not in models:
        known = ", ".join(sorted(models)) or "none"
        wanted = f"has no model {name!r}" if name else "has several models" if models else "has no model"
        raise ModelError(f"{base}: {wanted} (models: {known}). Give one as {base}#NAME.")
    return Endpoint(base, name, _context_window(models[name]), api_key)


def _context_window(row: dict[str, Any]) -> int:
    """What vLLM or llama-server says of the model's context, in tokens; other servers say nothing."""
    meta = row.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    said = (row.get("max_model_len"), meta.get("n_ctx"), meta.get("n_ctx_train"))
    return next((value for value in said if isinstance(value, int) and value > 0), DEFAULT_CONTEXT)


def open_llm(endpoint: Endpoint, max_new_tokens: int) -> OpenAILike:
    return OpenAILike(
        model=endpoint.model,
        api_base=endpoint.base,
        api_key=endpoint.api_key or "none",
        is_chat_model=True,
        context_window=endpoint.context_window,
        max_tokens=max_new_tokens,
        temperature=0.0,
        timeout=ANSWER_SECONDS,
        max_retries=1,
    )


def _headers(api_key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}
