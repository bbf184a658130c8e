"""The way through a question, from top to bottom, as a LlamaIndex query engine.

question (+ the turns before it) -> passages -> is the evidence enough? -> prompt that fits -> streamed answer ->
citations checked. Knows nothing of browsers and commands; one engine serves any number of threads.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import Response
from llama_index.core.llms import ChatMessage, MessageRole
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.schema import QueryBundle

from index_store.embedding import Embedding
from index_store.errors import CourseTutorError, ModelError
from index_store.search import CourseSearch, Hit
from ingest.structure import normalize
from tutor.answering import prompts
from tutor.answering.citations import Citation, add_missing, keep_valid, resolve
from tutor.answering.evidence import best_similarity, fit_threshold
from tutor.answering.models import LanguageModel
from tutor.answering.quoting import choose_quotable, grammar

# A question that opens or points back like this is searched together with the one before it.
OPENINGS = r"(and|but|so|what about|how about|et|mais|und|aber)\b"
POINTERS = (
    r"\b(it|its|this|these|those|they|them|their|he|she|ça|cela|ceci|ils|elles|dies|diese[mnrs]?|davon|daf[üu]r|dabei)\b"
    # "that" mostly joins clauses; it points back after a verb and at the end.
    r"|\b(is|was|does|did|do|why|how|about|of) that\b|\bthat\W*$"
)
SHORT_WORDS = 3
# Short, and still whole: "what is recursion", "explain: heaps".
DEFINITIONS = r"(what('s| is| are| was)|define|explain:?|was (ist|sind)|qu'est-ce qu\S*|c'est quoi)\s+\w{3,}"
LONGEST_QUESTION = 2000
REPEATED = 24


@dataclass(frozen=True)
class Turn:
    """One earlier question and its answer."""

    question: str
    answer: str


@dataclass(frozen=True)
class Answer:
    """A finished answer. `citations` are those of `text`, checked; `notes` say what the reader should know about it.

    `found` is False where the course does not answer; `hits` are then the nearest passages. Times are seconds.
    """

    question: str
    text: str
    hits: tuple[Hit, ...]
    citations: tuple[Citation, ...]
    found: bool
    notes: tuple[str, ...]
    first_token_seconds: float
    seconds: float


class AnswerStream:
    """An answer on its way: `hits` and `found` at once, text pieces by iterating, then `answer`."""

    def __init__(self, question: str, hits: Sequence[Hit], found: bool, pieces: Callable[[AnswerStream], Iterator[str]]):
        self.question = question
        self.hits = tuple(hits)
        self.found = found
        self.answer: Answer | None = None
        self._pieces = pieces

    def __iter__(self) -> Iterator[str]:
        return self._pieces(self)

    def finish(self) -> Answer:
        """Read to the end and return the answer."""
        for _ in self:
            pass
        assert self.answer is not None
        return self.answer


class CourseQueryEngine(BaseQueryEngine):
    """Answers questions on one course. `threshold` is the least cosine that counts as evidence; None fits it."""

    def __init__(
        self,
        search: CourseSearch,
        model: LanguageModel,
        embedding: Embedding,
        passages: int = 4,
        threshold: float | None = None,
    ) -> None:
        self.search = search
        self.model = model
        self.embedding = embedding
        self.passages = passages
        self.threshold = threshold
        super().__init__(callback_manager=None)

    def _query(self, query_bundle: QueryBundle) -> Response:
        answer = self.stream(query_bundle.query_str).finish()
        return Response(answer.text, source_nodes=self.search.as_nodes(answer.hits), metadata={"found": answer.found})

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        return await asyncio.to_thread(self._query, query_bundle)

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}

    def stream(self, question: str, turns: Sequence[Turn] = ()) -> AnswerStream:
        """Search, judge the evidence, and answer. Raises CourseTutorError for a question that cannot be taken."""
        question = checked_question(question)
        context = leaned_on(question, turns)
        hits = self.search.search(question, self.passages, context)
        found = best_similarity(hits) >= self._threshold()
        if not found and turns and not context:
            # Nothing on its own: perhaps it leans on the question before without saying so.
            context = [turns[-1].question]
            retried = self.search.search(question, self.passages, context)
            if best_similarity(retried) >= self._threshold() and _overlaps(retried, hits):
                hits, found = retried, True
        if not found:
            return AnswerStream(question, hits, False, self._decline)
        if self.model.style == "quote":
            said = turns[-1].answer if turns else ""
            return AnswerStream(question, hits, True, lambda stream: self._quote(stream, context, said))
        return AnswerStream(question, hits, True, lambda stream: self._explain(stream, turns))

    def _threshold(self) -> float:
        if self.threshold is not None:
            return self.threshold
        return self.search.once_a_generation("threshold", fit_threshold)

    def _decline(self, stream: AnswerStream) -> Iterator[str]:
        near = [hit for hit in stream.hits if hit.similarity >= self._threshold() / 2]
        nearest = list(dict.fromkeys(_place(hit) for hit in near))[:3]
        text = "I found nothing in this course's books that answers this."
        if nearest:
            text += " The nearest places are: " + "; ".join(nearest) + "."
        stream.answer = Answer(stream.question, text, stream.hits, (), False, (), 0.0, 0.0)
        yield text

    def _quote(self, stream: AnswerStream, context: Sequence[str], said: str) -> Iterator[str]:
        """In the book's own sentences, chosen by the model."""
        texts = [hit.passage.text for hit in stream.hits]
        quotable = choose_quotable(texts, stream.question, self.embedding, context, said)
        if not quotable:  # passages of code or formulas alone hold no sentence
            yield from self._explain(stream, ())
            return
        messages = [
            ChatMessage(role=MessageRole.SYSTEM, content=prompts.QUOTE),
            ChatMessage(
                role=MessageRole.USER,
                content=prompts.quote_question("\n".join(q.text for q in quotable), " ".join([*context, stream.question])),
            ),
        ]
        yield from self._generate(stream, messages, len(texts), [], grammar=grammar(quotable))

    def _explain(self, stream: AnswerStream, turns: Sequence[Turn]) -> Iterator[str]:
        """In the model's own words, from as many passages and turns as fit its context."""
        messages, passages, notes = self._fit(stream, turns)
        yield from self._generate(stream, messages, passages, notes)

    def _fit(self, stream: AnswerStream, turns: Sequence[Turn]) -> tuple[list[ChatMessage], int, list[str]]:
        """Messages that leave room for the answer: the oldest turns go first, then the last passages."""
        room = self.model.context_window - self.model.max_new_tokens
        texts = [hit.passage.embedded_text for hit in stream.hits]
        kept_turns, kept = list(turns), len(texts)
        while True:
            messages = [ChatMessage(role=MessageRole.SYSTEM, content=prompts.EXPLAIN)]
            for turn in kept_turns:
                messages.append(ChatMessage(role=MessageRole.USER, content=turn.question))
                messages.append(ChatMessage(role=MessageRole.ASSISTANT, content=turn.answer))
            user = prompts.explain_question(texts[:kept], stream.question)
            messages.append(ChatMessage(role=MessageRole.USER, content=user))
            if self.model.count_tokens(messages) <= room:
                break
            if kept_turns:
                kept_turns.pop(0)
            elif kept > 1:
                kept -= 1
            else:
                raise ModelError(
                    f"one passage and the question do not fit {self.model.name}'s context of {self.model.context_window} "
                    f"tokens with {self.model.max_new_tokens} for the answer. Lower --max-new-tokens, or choose another model."
                )
        notes = []
        if dropped := len(turns) - len(kept_turns):
            notes.append(f"The {dropped} oldest turns no longer fit the model's context and were left out.")
        if kept < len(texts):
            notes.append(f"Only {kept} of {len(texts)} passages fit the model's context.")
        return messages, kept, notes

    def _generate(
        self, stream: AnswerStream, messages: list[ChatMessage], passages: int, notes: list[str], **options: str
    ) -> Iterator[str]:
        begun = time.perf_counter()
        first = 0.0
        text = ""
        parts = None
        try:
            parts = self.model.llm.stream_chat(messages, **options)
            for part in parts:
                first = first or time.perf_counter() - begun
                text += part.delta or ""
                yield part.delta or ""
                if _repeats(text):
                    notes.append("Stopped: the model began to repeat itself.")
                    break
        except CourseTutorError:
            raise
        except Exception as error:  # one request to a foreign engine: whatever it raises becomes one named line
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ModelError(
                f"{self.model.name} failed while answering: {reason}. Try again, or choose another --model."
            ) from error
        finally:
            if parts is not None:
                parts.close()  # a stopped answer ends the generation, not only the reading
        if not text.strip():
            raise ModelError(f"{self.model.name} returned an empty answer. Try again, or choose another --model.")
        cited = [hit.passage for hit in stream.hits[:passages]]
        final = keep_valid(text.strip(), passages)
        if self.model.style != "quote":
            final = add_missing(final, cited, self.embedding)
        citations = resolve(final, cited)
        if not citations:
            notes.append("No sentence of this answer could be tied to a page; check it against the passages.")
        stream.answer = Answer(
            stream.question, final, stream.hits, citations, True, tuple(notes), first, time.perf_counter() - begun
        )


def checked_question(question: str) -> str:
    """The question as it is searched. Raises CourseTutorError for an empty one and one over `LONGEST_QUESTION` characters."""
    question = normalize(question).strip()
    if not question:
        raise CourseTutorError("the question is empty. Type a question on the course.")
    if len(question) > LONGEST_QUESTION:
        raise CourseTutorError(
            f"the question has {len(question):,} characters, and at most {LONGEST_QUESTION:,} are read. Shorten it."
        )
    return question


def leaned_on(question: str, turns: Sequence[Turn]) -> list[str]:
    """The earlier questions that `question` cannot be understood without, oldest first; empty where it stands alone."""
    context: list[str] = []
    current = question
    for turn in reversed(turns):
        folded = current.casefold().strip()
        short = len(re.findall(r"\w+", folded)) <= SHORT_WORDS and not re.match(DEFINITIONS, folded)
        if not (short or re.match(OPENINGS, folded) or re.search(POINTERS, folded)):
            break
        context.insert(0, turn.question)
        current = turn.question
    return context[-2:]


def _overlaps(some: Sequence[Hit], others: Sequence[Hit]) -> bool:
    return bool({hit.passage.id for hit in some} & {hit.passage.id for hit in others})


def _place(hit: Hit) -> str:
    passage = hit.passage
    return f"{passage.section_title or passage.book}, {passage.pages}"


def _repeats(text: str) -> bool:
    """Whether the last finished sentence or line was written twice before."""
    parts = [part.strip() for part in re.split(r"(?<=[.!?])\s+|\n+", text)]
    finished = [part for part in parts[:-1] if len(part) >= REPEATED]
    return (len(finished) >= 3 and finished.count(finished[-1]) >= 3) or _cycles(text)


def _cycles(text: str) -> bool:
    """Whether the end of the text is one piece of 1 to 40 characters over and over for 160 characters."""
    tail = text[-160:]
    return len(tail) == 160 and any(tail == (tail[:size] * (160 // size + 1))[:160] for size in range(1, 41))
