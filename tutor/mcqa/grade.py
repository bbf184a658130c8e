"""The way through a sheet, from top to bottom.

questions -> waves -> passages, if a course is given -> k chains of thought each, all of a wave at once -> the option that each
commits to (choice.py) -> where none does, one constrained completion -> letter log-probabilities -> a Result each, as it is
finished. Knows nothing of files and commands.
"""

from __future__ import annotations

import hashlib
import random
import re
import string
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from llama_index.core.llms import ChatMessage, MessageRole

from index_store.embedding import Embedding
from index_store.errors import CourseTutorError, ModelError
from index_store.search import CourseSearch, Hit
from tutor.answering import prompts
from tutor.answering.models import LanguageModel
from tutor.answering.multiple_choice import OF_OTHERS, MultipleChoice, Option, likeness
from tutor.answering.sentences import sentences
from tutor.mcqa.choice import extract
from tutor.mcqa.reasoner import Prompt, Reasoner, Written, reasoner_of
from tutor.mcqa.results import CONSTRAINED, Cited, Result, Sample
from tutor.mcqa.sheet import Question

LETTERS = string.ascii_uppercase
DRAWS = 20  # of an order that is new
TIE = "a tie"  # Result.why where equally many samples say different letters
# Options that speak of other options by their letters stay in the sheet's order.
# "f(n)" and "P(A, B)" do not.
OF_LETTERS = re.compile(
    r"(?<![\w(])\(?[A-Z]\)?\s*(?:,|&|\b(?:and|or|und|oder|et|ou)\b)\s*\(?[A-Z]\b(?!\()"
    r"|(?<!\w)\([a-z]\)\s*(?:,|&|\b(?:and|or|und|oder|et|ou)\b)\s*\([a-z]\)"
    r"|\b(?i:options?|answers?|only|neither|both|antworten?|nur|réponses?)\s+\(?[A-Z]\b"
)


SENTENCE_END = re.compile(r"[.!?:]\s+|\n")


@dataclass(frozen=True)
class Plan:
    """How a sheet is graded. `samples`: chains of thought a question, the first greedy and in the sheet's order, the others at
    `temperature` with the options shuffled. `max_tokens`: of each. `passages`: given with each question where there is a
    course. `fallback`: whether a constrained completion decides where no text commits."""

    samples: int = 1
    seed: int = 0
    temperature: float = 0.7
    max_tokens: int = 1024
    passages: int = 4
    fallback: bool = True
    letter_logprobs: bool = True


@dataclass(frozen=True)
class Course:
    """Where passages come from."""

    search: CourseSearch
    embedding: Embedding


@dataclass(frozen=True)
class _Asked:
    """A question with what it is asked with."""

    question: Question
    hits: tuple[Hit, ...]
    prompts: tuple[Prompt, ...]
    orders: tuple[tuple[str, ...], ...]


def grade(
    questions: Sequence[Question], model: LanguageModel, plan: Plan, course: Course | None = None, done: Collection[str] = ()
) -> Iterator[Result]:
    """A Result for each question whose id is not in `done`, as it is finished.

    Questions are asked in waves, and a wave is asked whole even where some of it is done: what a batch of prompts gets depends
    on which they are. So a run that goes on where another ended comes to the same results. Raises ModelError where the model
    fails, or where a question does not fit its context.
    """
    reasoner = reasoner_of(model)
    for wave in waves(questions, reasoner, plan):
        if any(question.id not in done for question in wave):
            yield from (result for result in _graded(wave, reasoner, model, plan, course) if result.id not in done)


def waves(questions: Sequence[Question], reasoner: Reasoner, plan: Plan) -> list[Sequence[Question]]:
    """The questions as they are asked together."""
    size = max(1, reasoner.at_once // plan.samples)
    return [questions[at : at + size] for at in range(0, len(questions), size)]


def _graded(
    wave: Sequence[Question], reasoner: Reasoner, model: LanguageModel, plan: Plan, course: Course | None
) -> Iterator[Result]:
    begun = time.perf_counter()
    asked = [_asked(question, number, model, plan, course) for number, question in enumerate(wave)]
    each = [(place, sample) for place, one in enumerate(asked) for sample in range(len(one.prompts))]
    texts: dict[int, dict[int, Written]] = defaultdict(dict)
    open_ones: dict[int, Result] = {}
    try:
        reasoner.forget()
        written = reasoner.write([asked[place].prompts[sample] for place, sample in each], plan.max_tokens)
        for number, text in written:
            place, sample = each[number]
            texts[place][sample] = text
            if len(texts[place]) < plan.samples:
                continue
            result = _result(asked[place], [texts[place][n] for n in range(plan.samples)], course)
            if plan.letter_logprobs or (plan.fallback and result.letter is None):
                open_ones[place] = result
            else:
                yield replace(result, seconds=_since(begun))
        yield from _closed(asked, open_ones, reasoner, plan, begun)
    except CourseTutorError:
        raise
    except Exception as error:  # a foreign engine: whatever it raises becomes one named line
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"{model.name} failed while grading: {reason}. Run the command again to go on, or choose another --model."
        ) from error


def _closed(
    asked: Sequence[_Asked], open_ones: dict[int, Result], reasoner: Reasoner, plan: Plan, begun: float
) -> Iterator[Result]:
    """The results with what is asked once more behind the first chain of thought: which letter, and how likely each."""
    places = sorted(open_ones)
    # The likeliest letter is what a constrained completion would say: where it is known, none has to be asked for.
    behind = {place: _behind(asked[place].prompts[0], open_ones[place]) for place in places}
    labels = {place: list(open_ones[place].options) for place in places}
    if plan.letter_logprobs:
        weights = reasoner.weigh([behind[place] for place in places], [labels[place] for place in places])
        for place, weight in zip(places, weights, strict=True):
            rounded = {label: round(logprob, 4) for label, logprob in weight.items()}
            open_ones[place] = replace(open_ones[place], letter_logprobs=rounded)
    unparsed = [place for place in places if plan.fallback and open_ones[place].letter is None]
    unknown = [place for place in unparsed if not open_ones[place].letter_logprobs]
    chosen = dict(zip(unknown, reasoner.choose([behind[n] for n in unknown], [labels[n] for n in unknown]), strict=True))
    for place in unparsed:
        known = open_ones[place].letter_logprobs
        letter = max(known, key=known.__getitem__) if known else chosen[place]
        if letter is not None:
            result = open_ones[place]
            open_ones[place] = replace(result, letter=letter, how=CONSTRAINED, why=None, fallback=True)
    for place in places:
        yield replace(open_ones[place], seconds=_since(begun))


def _asked(question: Question, number: int, model: LanguageModel, plan: Plan, course: Course | None) -> _Asked:
    hits = tuple(course.search.search(_choice(question).searched, plan.passages)) if course else ()
    orders = orders_of(question, plan.seed, plan.samples)
    while True:
        messages = [asked_with(question, hits, order) for order in orders]
        room = model.context_window - plan.max_tokens - model.count_tokens([_turn(prompts.COMMIT)])
        if max(map(model.count_tokens, messages)) <= room:
            break
        if not hits:
            raise ModelError(
                f"question {question.id!r} does not fit {model.name}'s context of {model.context_window} tokens with "
                f"{plan.max_tokens} for the reasoning. Lower --max-new-tokens, or choose another model."
            )
        hits = hits[:-1]
    made = tuple(
        Prompt(tuple(rows), number, plan.temperature if sample else 0.0, seed_of(plan.seed, question.id, sample))
        for sample, rows in enumerate(messages)
    )
    return _Asked(question, hits, made, orders)


def seed_of(seed: int, id: str, sample: int) -> int:
    """A number of 31 bits for one sample of one question, whatever stands around it in the sheet."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{id}:{sample}".encode()).digest()[:4], "big") >> 1


def orders_of(question: Question, seed: int, samples: int) -> tuple[tuple[str, ...], ...]:
    """The question's labels in the order in which each sample shows their options: the sheet's for the first, for the others
    one that no earlier one has, as long as there are any. Options that speak of others stay where they are."""
    labels = list(question.options)
    orders = [tuple(labels)]
    bound = any(OF_OTHERS.search(text) or OF_LETTERS.search(text) for text in question.options.values())
    for sample in range(1, samples):
        chance = random.Random(seed_of(seed, question.id, sample))
        drawn = [tuple(chance.sample(labels, len(labels))) for _ in range(DRAWS)]
        new = next((order for order in drawn if order not in orders), drawn[0])
        orders.append(orders[0] if bound else new)
    return tuple(orders)


def _turn(text: str, role: MessageRole = MessageRole.USER) -> ChatMessage:
    return ChatMessage(role=role, content=text)


def asked_with(question: Question, hits: Sequence[Hit] = (), order: Sequence[str] = ()) -> list[ChatMessage]:
    """What a model is asked with: the instruction, and the question with its options in `order` (the sheet's without)."""
    passages = [replace(hit.passage, text=hit.excerpt).embedded_text for hit in hits]
    system = prompts.REASON_FROM_PASSAGES if passages else prompts.REASON
    user = prompts.multiple_choice(passages, question.stem, [question.options[label] for label in order or question.options])
    return [_turn(system, MessageRole.SYSTEM), _turn(user)]


def _result(asked: _Asked, texts: Sequence[Written], course: Course | None) -> Result:
    question = asked.question
    samples = tuple(_sample(question, order, text) for order, text in zip(asked.orders, texts, strict=True))
    letter = vote(samples)
    first = next((sample for sample in samples if sample.letter == letter), samples[0])
    return Result(
        id=question.id,
        question=question.stem,
        options=dict(question.options),
        subject=question.subject,
        key=question.key,
        letter=letter,
        how=first.how if letter else None,
        why=None if letter else samples[0].why or TIE,
        reasoning=first.text,
        citations=tuple(_cited(number, hit) for number, hit in enumerate(asked.hits, 1)),
        samples=samples,
        evidence=_evidence(question, asked.hits, course) if course else {},
        tokens=sum(sample.tokens for sample in samples),
    )


def _sample(question: Question, order: tuple[str, ...], written: Written) -> Sample:
    """What a chain of thought commits to, in the sheet's letters."""
    shown = dict(zip(LETTERS, order, strict=False))  # the letter in the prompt: the sheet's
    found = extract(written.text, {letter: question.options[label] for letter, label in shown.items()})
    why = "truncated" if written.truncated and found.why == "no commitment" else found.why
    return Sample(
        order=order,
        letter=shown[found.letter] if found.letter else None,
        how=found.how,
        why=why,
        text=written.text,
        tokens=written.tokens,
        truncated=written.truncated,
        against=shown.get(found.against or ""),
        span=found.span,
    )


def vote(samples: Sequence[Sample]) -> str | None:
    """What the most samples commit to; where several letters have equally many, the one that the first, greedy sample says, and
    none where it says another or nothing. Samples that commit to nothing do not vote."""
    counts = Counter(sample.letter for sample in samples if sample.letter)
    most = [letter for letter, count in counts.items() if count == max(counts.values())]
    if len(most) == 1:
        return most[0]
    return samples[0].letter if samples and samples[0].letter in most else None


def _behind(prompt: Prompt, result: Result) -> Prompt:
    """The prompt that goes on with the first chain of thought, up to where it commits, and leaves only the letter to say."""
    sample = result.samples[0]
    reasoned = sample.text
    if sample.letter and sample.span:
        ends = [match.end() for match in SENTENCE_END.finditer(reasoned, 0, sample.span[0])]
        reasoned = reasoned[: ends[-1] if ends else 0]
    return Prompt(prompt.messages, begun=(reasoned.rstrip() + prompts.COMMIT).lstrip())


def _choice(question: Question) -> MultipleChoice:
    return MultipleChoice(question.stem, tuple(Option(label, text) for label, text in question.options.items()))


def _cited(number: int, hit: Hit) -> Cited:
    passage = hit.passage
    return Cited(number, passage.book, passage.file, passage.page, passage.pages, passage.section_title, passage.id)


def _evidence(question: Question, hits: Sequence[Hit], course: Course) -> dict[str, float]:
    """For each option how nearly a sentence of the passages says it; see multiple_choice.likeness."""
    # An exercise asks; it may be this very question with its options.
    said = [text for hit in hits if hit.passage.kind != "exercise" for text in sentences(hit.passage.text)]
    if not said:
        return {}
    vectors = course.embedding.embed(said)
    best = likeness(_choice(question), said, vectors, course.embedding).max(axis=1)
    return {label: round(float(score), 4) for label, score in zip(question.options, best, strict=True)}


def _since(begun: float) -> float:
    return round(time.perf_counter() - begun, 2)
