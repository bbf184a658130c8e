"""The way through a question, from top to bottom, as a LlamaIndex query engine.

question (+ the turns before it) -> passages -> is the evidence enough? -> is it held back? (guide.py) -> prompt that fits ->
streamed answer -> citations checked. Knows nothing of browsers and commands; one engine serves any number of threads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import Response
from llama_index.core.llms import ChatMessage, MessageRole
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.schema import QueryBundle

from index_store.embedding import Embedding
from index_store.errors import CourseTutorError, ModelError
from index_store.search import CourseSearch, Hit
from tutor.answering import prompts
from tutor.answering.answer import Answer, AnswerStream, Found, Turn, checked_question
from tutor.answering.citations import DOUBT, add_missing, keep_valid, mark_doubtful, resolve
from tutor.answering.deadline import OutOfTime, within
from tutor.answering.definitions import DEFINES, defines, topic_of
from tutor.answering.evidence import best_similarity, evidence, fit_least, fit_threshold
from tutor.answering.followups import leaned_on, may_lean
from tutor.answering.guide import Guide
from tutor.answering.models import LanguageModel
from tutor.answering.multiple_choice import MultipleChoice, borne_out, parse
from tutor.answering.quoting import Quotable, choose_quotable, grammar
from tutor.answering.repetition import repeats
from tutor.answering.sentences import MARKER, sentences
from tutor.answering.topics import chapters, topic_of_section
from tutor.course_settings import CourseSettings, restrictions
from tutor.mcqa import extract
from tutor.phrases import ENGLISH, Phrases

NEARBY = 0.75  # of the threshold: below it, a passage is no place to look
DEFINED = 0.65  # of the threshold: enough where the passage says in so many words what was asked
LATEST = 0.6  # weight of the latest topic, where a question leans on several
PLACES = 3  # told where nothing answers
CHAPTERS = 4
WIDER = 50  # passages looked through for a definition


class CourseQueryEngine(BaseQueryEngine):
    """Answers questions on one course. `least` is the least evidence that answers (see evidence.py); None fits it.

    `limits` tells the course's settings as they are now: what they hold back is not told (see guide.py). A generation ends
    after `seconds`.
    """

    def __init__(
        self,
        search: CourseSearch,
        model: LanguageModel,
        embedding: Embedding,
        passages: int = 4,
        least: float | None = None,
        limits: Callable[[], CourseSettings] = lambda: CourseSettings(),
        seconds: float = 120.0,
    ) -> None:
        self.search = search
        self.seconds = seconds
        self.model = model
        self.embedding = embedding
        self.passages = passages
        self.least = least
        self.limits = limits
        super().__init__(callback_manager=None)

    def _query(self, query_bundle: QueryBundle) -> Response:
        answer = self.stream(query_bundle.query_str).finish()
        return Response(answer.text, source_nodes=self.search.as_nodes(answer.hits), metadata={"found": answer.found})

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        return await asyncio.to_thread(self._query, query_bundle)

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}

    def stream(self, question: str, turns: Sequence[Turn] = (), say: Phrases = ENGLISH) -> AnswerStream:
        """Search, judge the evidence, and answer. Raises CourseTutorError for a question that cannot be taken."""
        question = checked_question(question)
        limits, now = self.limits(), datetime.now().astimezone()
        if restrictions(limits, now):
            return Guide(self, limits, now, say).stream(question, turns)
        return self.answer(self.find(question, turns, say), turns, say)

    def holds_back(self, text: str) -> bool:
        """Whether the course's instructor holds back what answers `text` now."""
        limits, now = self.limits(), datetime.now().astimezone()
        if not restrictions(limits, now):
            return False
        return Guide(self, limits, now).holds_back(text)

    def find(self, question: str, turns: Sequence[Turn] = (), say: Phrases = ENGLISH) -> Found:
        """What the course has on a question, and whether it is enough."""
        choice = parse(question)
        typed = choice.searched if choice else question
        question = self.search.corrected(typed)
        notes = (say("read_as", question=question),) if question != typed else ()
        context = leaned_on(question, [turn.question for turn in turns], self._known)
        hits = self._search(question, context)
        enough = self._answers(question, context, hits)
        topic = topic_of(question)
        if topic:
            hits, defined = self._with_definition(question, topic, context, hits)
            enough = enough or defined
        if not enough and turns and not context and not topic and may_lean(question, self._known):
            # Nothing on its own: perhaps it leans on the question before without saying so.
            context = [turns[-1].question]
            retried = self._search(question, context)
            if self._answers(question, context, retried) and _overlaps(retried, hits):
                hits, enough = retried, True
        return Found(question, tuple(context), tuple(hits), enough, notes, choice)

    def answer(self, found: Found, turns: Sequence[Turn] = (), say: Phrases = ENGLISH) -> AnswerStream:
        """The answer from what was found, or the refusal."""
        if not found.enough:
            return AnswerStream(found.question, found.hits, False, self._decline, found.notes, say)
        quoting = self.model.style == "quote"

        @cache
        def quotable() -> list[Quotable]:
            return self._quotable(found, turns[-1].answer if turns else "") if quoting else []

        def pieces(stream: AnswerStream) -> Iterator[str]:
            if quotable():
                return self._quote(stream, quotable(), found.context)
            # Passages of code or formulas alone hold no sentence.
            return self._explain(stream, () if quoting else turns)

        return AnswerStream(
            found.question,
            found.hits,
            True,
            pieces,
            found.notes,
            say,
            found.choice,
            generates=True,
            quotes=lambda: bool(quotable()),
        )

    def _search(self, question: str, context: Sequence[str]) -> list[Hit]:
        """The passages for a question and those it leans on; where these are several, the latest counts most."""
        if len(context) < 2:
            return self.search.search(question, self.passages, context)
        scores: dict[str, float] = {}
        hits: dict[str, Hit] = {}
        for weight, kept in ((LATEST, context[-1:]), (1 - LATEST, context)):
            for hit in self.search.search(question, 2 * self.passages, kept):
                key = hit.passage.id
                scores[key] = scores.get(key, 0.0) + weight * hit.score
                hits[key] = hit if key not in hits or hit.similarity > hits[key].similarity else hits[key]
        best = sorted(hits, key=lambda key: -scores[key])[: self.passages]
        return [replace(hits[key], score=scores[key]) for key in best]

    def _with_definition(
        self, question: str, topic: Sequence[str], context: Sequence[str], hits: list[Hit]
    ) -> tuple[list[Hit], bool]:
        """The hits, the last of them given up for one further down where only that says what `topic` is.

        And whether one says it that is near enough to count as evidence for that.
        """
        wider = hits if any(_defines(hit, topic) for hit in hits) else self.search.search(question, WIDER, context)
        defining = [hit for hit in wider if _defines(hit, topic)]
        if defining and not _overlaps(defining, hits):
            hits = [*hits[: self.passages - 1], defining[0]]
        return hits, best_similarity(defining) >= DEFINED * self._threshold()

    def _known(self, word: str) -> bool:
        """Whether the course's books use the word, in this form or with another ending, or speak of what it means."""
        if self.search.has_word(word[:-2] if len(word) > 6 else word):
            return True
        return best_similarity(self.search.search(word, self.passages)) >= self._threshold()

    def _answers(self, question: str, context: Sequence[str], hits: Sequence[Hit]) -> bool:
        """Whether there is evidence enough in `hits`."""
        least = self.search.once_a_generation("least evidence", fit_least) if self.least is None else self.least
        return evidence(self.search, " ".join([*context, question]), hits) >= least

    def _threshold(self) -> float:
        """The least cosine at which a passage is near."""
        return self.search.once_a_generation("threshold", fit_threshold)

    def _decline(self, stream: AnswerStream) -> Iterator[str]:
        near = [hit for hit in stream.hits if hit.similarity >= NEARBY * self._threshold()]
        several = len(self.search.manifest.books) > 1
        say = stream.say
        text = say("found_nothing")
        if near:
            places = _places(near, several)
            text += " " + say("nearest_places", count=sum(map(len, places.values())), places=_listed(places))
        topics = list(dict.fromkeys(topic for hit in near if (topic := topic_of_section(hit.passage.section))))[:3]
        topics = topics or self.search.once_a_generation("chapters", lambda search: chapters(search.passages(), CHAPTERS))
        if topics:
            quoted = [say("quoted_topic", topic=topic) for topic in topics]
            text += " " + say("could_ask", topics=f" {say('or')} ".join(quoted))
        stream.answer = Answer(stream.question, text, stream.hits, (), False, stream.notes, 0.0, 0.0)
        yield text

    def _quotable(self, found: Found, said: str) -> list[Quotable]:
        # An exercise asks, and may say what does not hold; it is quoted only where nothing else is there.
        explains = any(hit.passage.kind != "exercise" for hit in found.hits)
        texts = [hit.passage.text if not explains or hit.passage.kind != "exercise" else "" for hit in found.hits]
        return choose_quotable(texts, found.question, self.embedding, found.context, said, _openings(found.hits))

    def _quote(self, stream: AnswerStream, quotable: Sequence[Quotable], context: Sequence[str]) -> Iterator[str]:
        """In the book's own sentences, chosen by the model."""
        messages = [
            ChatMessage(role=MessageRole.SYSTEM, content=prompts.QUOTE),
            ChatMessage(
                role=MessageRole.USER,
                content=prompts.quote_question("\n".join(q.text for q in quotable), " ".join([*context, stream.question])),
            ),
        ]
        yield from self._generate(stream, messages, len(stream.hits), list(stream.notes), grammar=grammar(quotable))
        if stream.choice:
            yield self._weigh(stream, stream.choice)

    def _weigh(self, stream: AnswerStream, choice: MultipleChoice) -> str:
        """What the book's sentences say of the options, added to the answer."""
        assert stream.answer is not None
        # An exercise asks; it may be this very question with its options.
        explaining = [(n, hit.passage) for n, hit in enumerate(stream.hits, 1) if hit.passage.kind != "exercise"]
        found = [(n, text) for n, passage in explaining for text in sentences(passage.text)]
        borne = borne_out(choice, [text for _, text in found], self.embedding)
        added = stream.say("options_undecided")
        if borne:
            number, text = found[borne.sentence]
            quoted = "" if text in stream.answer.text else f" {text}"
            said = stream.say("option_borne_out", letter=borne.option.letter, option=borne.option.text)
            added = f"{said}{quoted} [{number}]"
        text = f"{stream.answer.text}\n\n{added}"
        cited = resolve(text, [hit.passage for hit in stream.hits])
        stream.answer = replace(stream.answer, text=text, citations=cited, option=borne.option.letter if borne else "")
        return f"\n\n{added}"

    def _explain(self, stream: AnswerStream, turns: Sequence[Turn]) -> Iterator[str]:
        """In the model's own words, from as many passages and turns as fit its context."""
        messages, passages, notes = self._fit(stream, turns)
        yield from self._generate(stream, messages, passages, [*stream.notes, *notes])
        if stream.choice:
            yield self._commit(stream, stream.choice)

    def _commit(self, stream: AnswerStream, choice: MultipleChoice) -> str:
        """The option that a chain of thought commits to, added to it."""
        assert stream.answer is not None
        reasoned = MARKER.sub("", stream.answer.text.replace(DOUBT, ""))
        found = extract(reasoned, {option.letter: option.text for option in choice.options})
        # A letter with another option's words beside it is no answer to hand on.
        letter = None if found.against else found.letter
        chosen = next((option for option in choice.options if option.letter == letter), None)
        said = stream.say("option_not_reasoned")
        if chosen:
            said = stream.say("option_reasoned", letter=chosen.letter, option=chosen.text)
        stream.answer = replace(stream.answer, text=f"{stream.answer.text}\n\n{said}", option=chosen.letter if chosen else "")
        return f"\n\n{said}"

    def _fit(self, stream: AnswerStream, turns: Sequence[Turn]) -> tuple[list[ChatMessage], int, list[str]]:
        """Messages that leave room for the answer: the oldest turns go first, then the last passages."""
        room = self.model.context_window - self.model.max_new_tokens
        texts = [replace(hit.passage, text=hit.excerpt).embedded_text for hit in stream.hits]
        kept_turns, kept = list(turns), len(texts)
        while True:
            system = prompts.EXPLAIN_CHOICE if stream.choice else prompts.EXPLAIN
            messages = [ChatMessage(role=MessageRole.SYSTEM, content=system)]
            for turn in kept_turns:
                messages.append(ChatMessage(role=MessageRole.USER, content=turn.question))
                messages.append(ChatMessage(role=MessageRole.ASSISTANT, content=turn.answer))
            user = prompts.explain_question(texts[:kept], stream.choice.asked if stream.choice else stream.question)
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
            notes.append(stream.say("turns_left_out", count=dropped))
        if kept < len(texts):
            notes.append(stream.say("passages_left_out", count=kept, total=len(texts)))
        return messages, kept, notes

    def _generate(
        self, stream: AnswerStream, messages: list[ChatMessage], passages: int, notes: list[str], **options: str
    ) -> Iterator[str]:
        begun = time.perf_counter()
        first = 0.0
        text = ""
        stream.prompt = messages
        parts = within(self.seconds, lambda: self.model.llm.stream_chat(messages, **options))
        try:
            for part in parts:
                first = first or time.perf_counter() - begun
                text += part.delta or ""
                yield part.delta or ""
                if repeats(text):
                    notes.append(stream.say("repeated_itself"))
                    break
        except OutOfTime:
            if not text.strip():
                raise ModelError(
                    f"{self.model.name} did not begin to answer within {self.seconds:g} seconds. Try again, or raise the "
                    "setting answer_seconds."
                ) from None
            notes.append(stream.say("out_of_time", seconds=f"{self.seconds:g}"))
        except CourseTutorError:
            raise
        except Exception as error:  # one request to a foreign engine: whatever it raises becomes one named line
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ModelError(
                f"{self.model.name} failed while answering: {reason}. Try again, or choose another --model."
            ) from error
        finally:
            parts.close()  # a stopped answer ends the generation, not only the reading
        if not text.strip():
            raise ModelError(f"{self.model.name} returned an empty answer. Try again, or choose another --model.")
        cited = [hit.passage for hit in stream.hits[:passages]]
        doubtful: tuple[str, ...] = ()
        final = keep_valid(text.strip(), passages)
        if "grammar" not in options:  # then they are the model's own words, whatever its style
            final = add_missing(final, cited, self.embedding)
            final, doubtful = mark_doubtful(final, cited, stream.question, self.embedding)
            if doubtful:
                notes.append(stream.say("doubtful", count=len(doubtful), mark=DOUBT))
        citations = resolve(final, cited)
        if not citations:  # an answer that rests on no page is the model's invention, or says that it has none
            stream.found = False
            final = f"{stream.say('unchecked')}\n\n{final}"
        stream.answer = Answer(
            stream.question,
            final,
            stream.hits,
            citations,
            stream.found,
            tuple(notes),
            first,
            time.perf_counter() - begun,
            doubtful,
        )


def _overlaps(some: Sequence[Hit], others: Sequence[Hit]) -> bool:
    return bool({hit.passage.id for hit in some} & {hit.passage.id for hit in others})


def _places(hits: Sequence[Hit], several_books: bool) -> dict[str, list[str]]:
    """The first PLACES sections of the hits with their pages, by book: "" where one need not say which."""
    places: dict[str, list[str]] = {}
    seen: set[tuple[str, str]] = set()
    for passage in (hit.passage for hit in hits):
        if (key := (passage.book, passage.section_title)) not in seen and len(seen) < PLACES:
            seen.add(key)
            named = several_books or not passage.section
            title = "" if named and passage.section == (passage.book,) else passage.section_title
            told = ", ".join(part for part in (title, passage.pages) if part)
            places.setdefault(passage.book if named else "", []).append(told)
    return places


def _listed(places: dict[str, list[str]]) -> str:
    """ "A Short Course in Algorithms, 2.2 Merge sort, p. 5; 2.3 Quicksort, p. 6"."""
    return "; ".join(", ".join(part for part in (book, "; ".join(told)) if part) for book, told in places.items())


def _defines(hit: Hit, topic: Sequence[str]) -> bool:
    return any(defines(sentence, topic) >= DEFINES for sentence in sentences(hit.passage.text))


def _openings(hits: Sequence[Hit]) -> list[str]:
    """For each hit the heading that its passage stands first under, as far as the hits show; "" for the others."""
    first = {}
    for hit in sorted(hits, key=lambda hit: -hit.passage.ordinal):
        first[hit.passage.file, hit.passage.section] = hit.passage.id
    return [hit.passage.section[-1] if hit.passage.section and hit.passage.id in first.values() else "" for hit in hits]
