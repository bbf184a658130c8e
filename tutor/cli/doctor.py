"""`tutor doctor`: is everything there, and is every index sound?"""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

import click

from tutor.cli import options

if TYPE_CHECKING:
    from index_store.course import Course
    from index_store.embedding import Embedding
    from tutor.settings import Settings

PACKAGES = (
    "course-tutor",
    "torch",
    "transformers",
    "sentence-transformers",
    "llama-index-core",
    "chromadb",
    "openvino-genai",
    "gradio",
    "pypdfium2",
)
FOR_TRAINING = ("trl", "peft", "bitsandbytes", "accelerate", "datasets")


@click.command()
@options.model
@options.embedding
@options.home
@options.as_json
def doctor(as_json: bool, **flags: Any) -> None:
    """Check the installation, the model and embedding that would be used, and every course's index.

    Exit code 1 where something is not sound; the line says how to mend it.
    """
    settings = options.settings_of(**flags)
    rows = [_installed(name) for name in PACKAGES]
    rows += [_training(name) for name in FOR_TRAINING]
    rows += [_python(), _device(), _home(settings), _model(settings)]
    row, loaded = _embedding(settings)
    rows += [row, _accounts(settings), _activity(settings)]
    for course in _courses(settings):
        rows += [_course(course, loaded), _settings_of(course)]
    if as_json:
        import json

        click.echo(json.dumps([{"check": c, "ok": ok, "detail": d} for c, ok, d in rows], ensure_ascii=False, indent=1))
    else:
        for check, ok, detail in rows:
            click.echo(f"{'ok   ' if ok else 'FAULT'}  {check:<24} {detail}")
    sys.exit(0 if all(ok for _, ok, _ in rows) else 1)


Row = tuple[str, bool, str]


def _installed(name: str) -> Row:
    try:
        return name, True, metadata.version(name)
    except metadata.PackageNotFoundError:
        return name, False, "not installed. Install it with: make install"


def _training(name: str) -> Row:
    name, installed, detail = _installed(name)
    return name, True, detail if installed else "not installed; only training needs it: pip install -e '.[train]'"


def _python() -> Row:
    return "python", sys.version_info >= (3, 11), f"{platform.python_version()} on {platform.platform(terse=True)}"


def _device() -> Row:
    import os

    try:
        import torch
    except ImportError as error:
        return "device", False, f"torch does not import ({error}). Install it with: make install"
    if torch.cuda.is_available():
        return "device", True, f"CUDA: {torch.cuda.get_device_name()}"
    return "device", True, f"CPU, {os.cpu_count()} cores (no CUDA GPU found)"


def _home(settings: Settings) -> Row:
    import os

    existing = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    writable = os.access(existing, os.W_OK)
    return "home", writable, f"{settings.home}{'' if writable else ' cannot be written to. Choose another with --home'}"


def _model(settings: Settings) -> Row:
    from index_store.errors import CourseTutorError
    from tutor.answering import models

    try:
        detail = models.describe(settings.model)
        if settings.model.startswith(("http://", "https://")):
            from tutor.answering.endpoint import connect

            reached = connect(settings.model, settings.api_key)
            detail = f"{reached.model} at {reached.base}, context {reached.context_window:,} tokens"
        elif settings.model == models.DEFAULT_MODEL:
            models.check_weights(models.built_in_file(), models.BUILT_IN_SHA256)
        return "language model", True, detail
    except CourseTutorError as error:
        return "language model", False, str(error)


def _embedding(settings: Settings) -> tuple[Row, Embedding | None]:
    from index_store.embedding import load_embedding
    from index_store.errors import CourseTutorError

    try:
        loaded = load_embedding(settings.embedding, models=settings.models)
        detail = f"{loaded.key}, {loaded.dimension} dimensions, reads {loaded.max_tokens} tokens"
        return ("embedding", True, detail), loaded
    except CourseTutorError as error:
        return ("embedding", False, str(error)), None


def _accounts(settings: Settings) -> Row:
    from index_store.errors import CourseTutorError
    from tutor.accounts import Accounts

    accounts = Accounts(settings.home)
    try:
        users, keys = len(accounts.users), len(accounts.keys)
    except CourseTutorError as error:
        return "accounts", False, str(error)
    return "accounts", True, f"{options.counted(users, 'user')}, {options.counted(keys, 'key')}"


def _activity(settings: Settings) -> Row:
    from index_store.errors import CourseTutorError
    from tutor.activity.store import ActivityStore

    store = ActivityStore(settings.home)
    if not store.file.exists():
        return "activity", True, "nothing is kept of questions yet"
    try:
        with store.open() as database:
            (count,) = database.execute("SELECT count(*) FROM exchanges").fetchone()
    except CourseTutorError as error:
        return "activity", False, str(error)
    return "activity", True, f"{options.counted(count, 'question')} kept, for {settings.retention_days} days"


def _settings_of(course: Course) -> Row:
    from index_store.errors import CourseTutorError
    from tutor.course_settings import read_settings

    try:
        kept = read_settings(course)
    except CourseTutorError as error:
        return f"settings {course.name}", False, str(error)
    return f"settings {course.name}", True, f"{options.limit_of(kept)}, {options.counted(len(kept.assignments), 'assignment')}"


def _courses(settings: Settings) -> list[Course]:
    from index_store.course import Library

    return Library(settings.home).courses()


def _course(course: Course, embedding: Embedding | None) -> Row:
    from index_store.errors import CourseTutorError
    from index_store.manifest import check_embedding
    from index_store.verify import verify_in_child

    name = f"course {course.name}"
    try:
        verified = verify_in_child(course.live)
        if embedding:
            check_embedding(course.manifest(), embedding.name, embedding.key)
        return name, True, f"{verified.passages:,} passages, {verified.sample} of {verified.sample} sampled ones found again"
    except CourseTutorError as error:
        return name, False, str(error) + _meanwhile(course)


def _meanwhile(course: Course) -> str:
    """What answers in a damaged index's place."""
    from index_store.errors import CourseTutorError
    from index_store.manifest import read_manifest
    from index_store.verify import stand_in

    try:
        instead = stand_in(course)
    except CourseTutorError:
        return ""
    if instead is None:
        return ""
    made = read_manifest(instead.generation).created
    return f" Until then its index of {made} answers; to stay with that one: tutor rollback --course {course.name}"
