"""One settings object: defaults, then `tutor.toml`, then TUTOR_* in the environment, then flags; all faults told at once.

Read once, where a command starts, and passed on as this object; nothing else looks into the environment.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from index_store.embedding import DEFAULT_EMBEDDING
from index_store.errors import SettingsError

DEFAULT_MODEL = "smollm2-135m"
SETTINGS_FILE = Path("tutor.toml")


class Settings(BaseSettings):
    """Every setting, with its unit, default and range."""

    model_config = SettingsConfigDict(env_prefix="TUTOR_", extra="forbid", frozen=True)

    home: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("course-tutor"), description="Folder of courses and vectors."
    )
    embedding: str = Field(DEFAULT_EMBEDDING, min_length=1, description="Built-in name, model folder or hub id.")
    reranker: str = Field(
        "", description="Cross-encoder that orders the best passages anew: model folder or hub id; empty: none."
    )
    model: str = Field(DEFAULT_MODEL, min_length=1, description="Built-in name, folder, .gguf, hub id or URL#name.")
    api_key: str = Field("", description="Key of an OpenAI-compatible endpoint, where it wants one.")
    style: Literal["auto", "quote", "explain"] = Field(
        "auto", description="quote: only the book's sentences; explain: the model's words; auto: quote for the built-in model."
    )
    passages: int = Field(4, ge=1, le=20, description="Passages given to the model.")
    evidence: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="Least evidence that answers: about the cosine of the nearest sentence; unset: fitted for the course.",
    )
    solutions: bool = Field(False, description="Whether solutions to exercises may be found and shown.")
    open_pdf: bool = Field(True, description="Whether students may open the books' PDFs, solutions and all.")
    max_new_tokens: int = Field(320, ge=16, le=8192, description="Most tokens of an answer.")
    context_window: int = Field(0, ge=0, description="Most tokens of prompt and answer; 0: what the model says.")
    answer_seconds: int = Field(120, ge=1, le=3600, description="Seconds after which an answer ends.")
    questions_per_minute: int = Field(20, ge=0, le=10_000, description="Most questions of one student or key; 0: any number.")
    upload_mb: int = Field(200, ge=1, le=4096, description="Most megabytes of an upload of books on the instructor's pages.")
    retention_days: int = Field(
        180, ge=0, le=3650, description="Days that questions and answers are kept under pseudonyms; 0: nothing is recorded."
    )
    host: str = Field("127.0.0.1", description="Address the chat listens on.")
    language: Literal["auto", "en", "fr", "de"] = Field(
        "auto", description="Language of the chat's own words: en, fr or de; auto: the browser's."
    )
    port: int = Field(7860, ge=1, le=65535, description="Port the chat listens on.")
    root_path: str = Field("", description="Where a proxy serves this, such as /tutor; empty: at its root.")
    trusted_proxy: str = Field(
        "", description="Addresses or networks, comma-separated, whose X-Forwarded-For and -Proto are believed; empty: none."
    )

    @property
    def models(self) -> Path:
        """Where models are kept in the form that their engine reads."""
        return self.home / "models"

    @field_validator("home")
    @classmethod
    def _folder(cls, home: Path) -> Path:
        # Absolute, for children run in another folder.
        home = home.expanduser().absolute()
        if home.exists() and not home.is_dir():
            raise ValueError("not a folder")
        return home

    @field_validator("root_path")
    @classmethod
    def _path(cls, path: str) -> str:
        if path and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", path):
            raise ValueError("not a path such as /tutor")
        return path

    @field_validator("trusted_proxy")
    @classmethod
    def _addresses(cls, addresses: str) -> str:
        for address in filter(None, map(str.strip, addresses.split(","))):
            try:
                ipaddress.ip_network(address)
            except ValueError:
                raise ValueError(f"{address!r} is no IP address or network") from None
        return addresses

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, SETTINGS_FILE)


def load_settings(**flags: Any) -> Settings:
    """The settings in force; flags that are None were not given. Raises SettingsError naming every fault."""
    known = {f"TUTOR_{name.upper()}" for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith("TUTOR_") and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known))}."
            raise SettingsError(f"environment: unknown setting {name}; {hint}")
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        raise SettingsError("; ".join(_fault(fault) for fault in error.errors())) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{SETTINGS_FILE}: not valid TOML: {error}. Mend that line.") from None


def _fault(fault: Any) -> str:
    name = ".".join(map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, Settings.model_fields, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(Settings.model_fields)}."
        return f"{SETTINGS_FILE}: unknown setting {name!r}; {hint}"
    places = f"{SETTINGS_FILE}, TUTOR_{name.upper()} or the flag"
    return f"setting {name!r} is {fault['input']!r}: {_what_is_wrong(fault)}. Mend it in {places}"


def _what_is_wrong(fault: Any) -> str:
    """A fault in plain words; pydantic's own for those that no setting has."""
    kind, limits = fault["type"], fault.get("ctx", {})
    if kind.startswith("int_"):
        return "not a whole number"
    if kind.startswith("float_"):
        return "not a number"
    plain = {
        "greater_than_equal": f"at least {limits.get('ge')} is needed",
        "less_than_equal": f"at most {limits.get('le')} is allowed",
        "literal_error": f"not one of {limits.get('expected')}",
        "string_too_short": "empty",
    }
    return plain.get(kind) or str(fault["msg"]).removeprefix("Value error, ").lower()
