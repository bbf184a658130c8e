"""In which of the three languages a page speaks: the one set, or the browser's."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.i18n import I18nData

from tutor.phrases import LANGUAGES, Phrases, phrases_for, table

SHOWN = ("label_", "hint_")
"""What the phrases' keys begin with that Gradio itself shows, in the browser's language."""
READ_ALOUD = ("spoken_",)
"""And of those that page.js gives to buttons that show a sign alone."""


def translations() -> gr.I18n:
    """The phrases that the browser chooses among."""
    return gr.I18n(**_beginning(SHOWN))


def script(source: str, setting: str) -> str:
    """page.js as an element, with the language that is set and the words that it needs."""
    words = html.escape(json.dumps(_beginning(READ_ALOUD), ensure_ascii=False), quote=True)
    return f'<script data-language="{setting}" data-words="{words}">{source}</script>'


def _beginning(beginnings: tuple[str, ...]) -> dict[str, dict[str, str]]:
    keys = [key for key in table() if key.startswith(beginnings)]
    return {language: {key: Phrases(language)(key) for key in keys} for language in LANGUAGES}


def label(setting: str) -> Callable[[str], Any]:
    """From a key to what a component shows: the browser's choice for "auto", one language's words otherwise."""
    return I18nData if setting == "auto" else phrases_for("", setting)


def spoken(request: gr.Request | None, setting: str) -> Phrases:
    """What is said to the one who made the request."""
    headers = request.headers if request is not None else {}
    return phrases_for(str(headers.get("accept-language", "")), setting)
