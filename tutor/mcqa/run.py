"""A sheet, a model and a results file: a run begun, or gone on with. Knows nothing of commands."""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from index_store.course import Library
from index_store.embedding import load_embedding
from index_store.errors import GradingError
from index_store.reranker import load_reranker
from index_store.search import CourseSearch
from index_store.verify import stand_in
from tutor.answering import prompts
from tutor.answering.models import LanguageModel
from tutor.mcqa.confidence import Calibration
from tutor.mcqa.grade import Course, Plan, grade
from tutor.mcqa.results import Result, RunSettings
from tutor.mcqa.results_file import table_file, writing
from tutor.mcqa.sheet import Question, digest_of
from tutor.settings import DEFAULT_MODEL, Settings

SMALL_MODEL_TOKENS = 300  # of a chain of thought of the built-in model: behind that it says nothing new
MODEL_TOKENS = 1024
GENERATES = ("openvino-genai", "transformers", "torch")
Progress = Callable[[int, int, int], None]
"""Questions done before this run, done by now, and all."""


@dataclass(frozen=True)
class Run:
    """What a run came to: every result in the sheet's order; `graded` of them now, in `seconds`, the others before."""

    results: tuple[Result, ...]
    graded: int
    seconds: float


def plan_of(settings: Settings, **chosen: object) -> Plan:
    """The plan that the settings and flags make; how long a chain of thought may be depends on the model unless it is set."""
    small = settings.model == DEFAULT_MODEL
    tokens = SMALL_MODEL_TOKENS if small else MODEL_TOKENS
    if "max_new_tokens" in settings.model_fields_set:
        tokens = settings.max_new_tokens
    return Plan(max_tokens=tokens, passages=settings.passages, **chosen)  # type: ignore[arg-type]


def open_course(settings: Settings, name: str, notify: Callable[[str], None] = lambda message: None) -> Course:
    """The course called `name`, from an earlier index where the live one is damaged, which is then said."""
    found = Library(settings.home).existing(name)
    if instead := stand_in(found):
        notify(f"warning: {instead.warning}")
    embedding = load_embedding(settings.embedding, models=settings.models)
    reranker = load_reranker(settings.reranker)
    search = CourseSearch(found, embedding, stands_in=instead, solutions=settings.solutions, reranker=reranker)
    return Course(search, embedding)


def run_settings(
    sheet: Path, questions: Sequence[Question], model: LanguageModel, plan: Plan, course: str | None, opened: Course | None
) -> RunSettings:
    """What the results of such a run depend on."""
    return RunSettings(
        sheet=sheet.name,
        questions=len(questions),
        digest=digest_of(questions),
        model=model.name,
        engine=model.engine,
        course=course,
        index=opened.search.manifest.created if opened else "",
        passages=plan.passages if opened else 0,
        samples=plan.samples,
        seed=plan.seed,
        temperature=plan.temperature,
        max_tokens=plan.max_tokens,
        fallback=plan.fallback,
        letter_logprobs=plan.letter_logprobs,
        prompt=hashlib.sha256(inspect.getsource(prompts).encode()).hexdigest()[:16],
        versions={package: found for package in ("course-tutor", *GENERATES) if (found := _version(package))},
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def grade_into(
    file: Path,
    questions: Sequence[Question],
    model: LanguageModel,
    plan: Plan,
    settings: RunSettings,
    course: Course | None = None,
    force: bool = False,
    notify: Callable[[str], None] = lambda message: None,
    progress: Progress = lambda before, done, total: None,
    calibration: Calibration | None = None,
) -> Run:
    """Grade what `file` (.jsonl) does not have yet, each result durable as soon as it is there, with its confidence where there
    is a `calibration`.

    Raises GradingError where the file is another run's, ModelError where the model fails; what was graded stays.
    """
    begun = time.perf_counter()
    with writing(file, settings, force, notify, calibration) as kept:
        before = len(kept.results)
        progress(before, before, len(questions))
        for result in grade(questions, model, plan, course, done=frozenset(kept.results)):
            kept.append(result)
            progress(before, len(kept.results), len(questions))
        results = kept.finish([question.id for question in questions])
    return Run(tuple(results), len(results) - before, time.perf_counter() - begun)


def results_path(out: Path, sheet: Path) -> Path:
    """The .jsonl file that `out` (.jsonl, or the .csv beside it) names. Raises GradingError for one that cannot be written."""
    if out.suffix.lower() not in (".jsonl", ".csv"):
        raise GradingError(f"{out}: not a name for results. Give one that ends in .jsonl; a .csv is written beside it.")
    file = out.with_suffix(".jsonl")
    if not file.parent.is_dir():
        raise GradingError(f"{out}: there is no folder {file.parent}. Make it, or name another file.")
    for written in (file, table_file(file)):
        if written.resolve() == sheet.resolve():
            raise GradingError(f"{out}: {written.name} would be written over the sheet itself. Name another --out.")
    return file
