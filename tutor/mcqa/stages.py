"""A stage of training as the grader's model: the loaded weights behind its transformers engine, adapter and all.

Every stage goes through the same engine, so that what differs is the stage. Knows nothing of the stage table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index_store.errors import GradingError
from tutor.answering.models import LanguageModel
from tutor.mcqa.grade import Plan
from tutor.mcqa.run import grade_into, run_settings
from tutor.mcqa.sheet import read_sheet

if TYPE_CHECKING:
    from training.base_model import Base


def judge(
    sheet: Path, folder: Path, limit: int | None, max_tokens: int, notify: Callable[[str], None]
) -> Callable[[str, Base], Mapping[str, bool]]:
    """How a stage answers the keyed questions of `sheet`: from its name and model to the ids and whether each is right.

    Results are kept in `folder`, a file a stage, and gone on with. Raises GradingError for a sheet that cannot be graded.
    """
    read = read_sheet(sheet)
    if read.faults:
        raise GradingError(f"{sheet}: {read.bad_rows} bad rows, the first: {read.faults[0]}")
    questions = [question for question in read.questions if question.key is not None][:limit]
    if not questions:
        raise GradingError(f"{sheet}: no question has a key. Give a sheet with answers.")
    plan = Plan(max_tokens=max_tokens, letter_logprobs=False)

    def judged(stage: str, base: Base) -> Mapping[str, bool]:
        model = language_model(stage, base, max_tokens)
        folder.mkdir(parents=True, exist_ok=True)
        settings = run_settings(sheet, questions, model, plan, None, None)
        file = folder / f"{stage}.jsonl"
        last = 0

        def progress(before: int, done: int, of: int) -> None:
            nonlocal last
            if done - last >= 32 or done == of:
                last = done
                notify(f"{stage}: {done} of {of} questions")

        run = grade_into(file, questions, model, plan, settings, notify=notify, progress=progress)
        return {result.id: result.outcome == "right" for result in run.results}

    return judged


def language_model(name: str, base: Base, max_tokens: int) -> LanguageModel:
    """The loaded model behind the tutor's transformers engine. Raises GradingError for one without a chat template."""
    from training.answers import stop_tokens
    from tutor.answering.transformers_engine import TransformersLLM

    if not base.tokenizer.chat_template:
        raise GradingError(
            f"{name}: its tokenizer has no chat template. Choose an instruction-tuned model, or leave --mcqa out."
        )
    stops = stop_tokens(base)
    model: Any = base.model
    context = int(getattr(model.config, "max_position_embeddings", 4096))
    llm = TransformersLLM(  # type: ignore[call-arg]
        model=model,
        tokenizer=base.tokenizer,
        model_name=name,
        tokenizer_name=name,
        context_window=context,
        max_new_tokens=max_tokens,
        generate_kwargs={"do_sample": False, "use_cache": True, "eos_token_id": stops, "pad_token_id": stops[0]},
        is_chat_model=True,
    )
    return LanguageModel(
        name=name,
        engine=f"transformers, {base.precision.name} on {base.precision.device}",
        llm=llm,
        context_window=context,
        max_new_tokens=max_tokens,
        count_tokens=llm.count_tokens,
        style="explain",
    )
