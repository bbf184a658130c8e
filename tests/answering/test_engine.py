"""The way through a question, with the real index and the built-in language model."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from llama_index.core.llms import ChatMessage, ChatResponse, CustomLLM, LLMMetadata, MessageRole

from index_store.course import Library
from index_store.embedding import Embedding
from index_store.errors import CourseTutorError, ModelError
from index_store.search import CourseSearch
from tutor.answering.engine import CourseQueryEngine, Turn, _repeats, leaned_on
from tutor.answering.models import LanguageModel
from tutor.answering.service import AnsweringService

DIJKSTRA = "why does dijkstra fail with negative edges?"


@pytest.fixture(scope="module")
def engine(service: AnsweringService) -> CourseQueryEngine:
    return service.engine("sample")


class Scripted(CustomLLM):
    """Says what it is told to, and keeps what it was asked: for paths that no real model takes on demand."""

    pieces: list[str]
    asked: list[list[ChatMessage]]

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True)

    def complete(self, prompt, formatted=False, **kwargs):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    def stream_complete(self, prompt, formatted=False, **kwargs):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs):  # type: ignore[no-untyped-def]
        self.asked.append(list(messages))
        for piece in self.pieces:
            if piece == "!":
                raise RuntimeError("out of memory\nsecond line")
            yield ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=piece), delta=piece)


@pytest.fixture
def scripted(sample_library: Library, embedding: Embedding):  # type: ignore[no-untyped-def]
    def make(pieces: list[str], context: int = 8192) -> tuple[CourseQueryEngine, Scripted]:
        llm = Scripted(pieces=pieces, asked=[])

        def count_words(messages: Sequence[ChatMessage]) -> int:
            return sum(len((message.content or "").split()) for message in messages)

        model = LanguageModel("scripted", "test", llm, context, 100, count_words, "explain")
        search = CourseSearch(sample_library.existing("sample"), embedding)
        return CourseQueryEngine(search, model, embedding), llm

    return make


@pytest.mark.model
def test_the_built_in_model_answers_from_the_right_page_in_the_books_words(engine: CourseQueryEngine) -> None:
    answer = engine.stream(DIJKSTRA).finish()
    assert answer.found
    # Printed page 12 of the algorithms book, physical page 15, says why.
    assert ("algorithms.pdf", 15, "12") in {(c.passage.file, c.passage.page, c.passage.label) for c in answer.citations}
    assert "it never reconsiders a finished vertex" in answer.text
    book = " ".join(" ".join(hit.passage.text.split()) for hit in answer.hits)
    for sentence in answer.text.split("] ")[0].rsplit(" [", 1)[0].split("\n"):
        assert sentence in book


@pytest.mark.model
def test_passages_are_there_before_the_first_word_and_pieces_add_up_to_the_answer(engine: CourseQueryEngine) -> None:
    stream = engine.stream("what is terminal speed")
    assert stream.hits
    assert stream.answer is None
    pieces = list(stream)
    assert len(pieces) > 5
    assert stream.answer is not None
    assert "".join(pieces).strip() == stream.answer.text


@pytest.mark.model
def test_what_the_books_do_not_say_is_declined_with_the_nearest_places(engine: CourseQueryEngine) -> None:
    answer = engine.stream("who won the football world cup in 2018").finish()
    assert not answer.found
    assert not answer.citations
    assert answer.text.startswith("I found nothing in this course's books")


@pytest.mark.model
def test_a_follow_up_is_answered_with_the_turn_before_it(engine: CourseQueryEngine) -> None:
    first = engine.stream(DIJKSTRA).finish()
    alone = engine.stream("and with Bellman-Ford?").finish()
    after = engine.stream("and is that a problem for Bellman-Ford?", [Turn(DIJKSTRA, first.text)]).finish()
    assert after.found
    assert ("algorithms.pdf", 16) in {(c.passage.file, c.passage.page) for c in after.citations}
    assert {hit.passage.id for hit in after.hits} != {hit.passage.id for hit in alone.hits}


@pytest.mark.model
def test_the_engine_is_a_llamaindex_query_engine(engine: CourseQueryEngine) -> None:
    response = engine.query(DIJKSTRA)
    assert "negative" in str(response)
    assert response.metadata == {"found": True}
    assert response.source_nodes[0].node.metadata["file"] == "algorithms.pdf"


def test_an_empty_and_an_endless_question_are_refused(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, _ = scripted(["x"])
    with pytest.raises(CourseTutorError, match="empty"):
        engine.stream("  \n ")
    with pytest.raises(CourseTutorError, match="1,000,000 characters"):
        engine.stream("a" * 1_000_000)


def test_a_model_that_repeats_itself_is_stopped_and_the_answer_says_so(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, _ = scripted(["The answer to this is always the same. "] * 50)
    answer = engine.stream(DIJKSTRA).finish()
    assert answer.text.count("always the same") < 10
    assert any("repeat itself" in note for note in answer.notes)


def test_a_model_that_fails_midway_gives_one_line(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, _ = scripted(["Because ", "!"])
    with pytest.raises(ModelError, match=r"scripted failed while answering: out of memory\. Try again"):
        engine.stream(DIJKSTRA).finish()


def test_an_empty_answer_is_an_error_not_an_answer(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, _ = scripted(["", " "])
    with pytest.raises(ModelError, match="empty answer"):
        engine.stream(DIJKSTRA).finish()


def test_an_answer_without_a_page_says_so_and_invented_numbers_are_gone(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, _ = scripted(["Penguins cannot fly anywhere at all [9]."])
    answer = engine.stream(DIJKSTRA).finish()
    assert answer.text == "Penguins cannot fly anywhere at all."
    assert any("check it against the passages" in note for note in answer.notes)


def test_numbered_passages_and_earlier_turns_reach_the_model(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, llm = scripted(["Fine [1]."])
    engine.stream(DIJKSTRA, [Turn("what is a heap?", "A tree.")]).finish()
    (messages,) = llm.asked
    assert [m.role.value for m in messages] == ["system", "user", "assistant", "user"]
    assert messages[1].content == "what is a heap?"
    assert "[4] " in (messages[-1].content or "")
    assert (messages[-1].content or "").endswith(f"Question: {DIJKSTRA}")


def test_turns_and_passages_that_do_not_fit_are_left_out_visibly(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, llm = scripted(["Fine [1]."], context=520)
    answer = engine.stream(DIJKSTRA, [Turn("what is a heap? " * 20, "A tree. " * 200)]).finish()
    (messages,) = llm.asked
    assert sum(len((m.content or "").split()) for m in messages) <= 520 - 100
    assert any("1 oldest turns" in note for note in answer.notes)
    assert any("of 4 passages fit" in note for note in answer.notes)


def test_a_context_too_small_for_one_passage_is_one_line(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, _ = scripted(["x"], context=150)
    with pytest.raises(ModelError, match="do not fit scripted's context of 150 tokens"):
        engine.stream(DIJKSTRA).finish()


@pytest.mark.parametrize(
    ("question", "leans"),
    [
        ("why?", True),
        ("and with negative edges?", True),
        ("how fast is it on a sorted array?", True),
        ("und warum?", True),
        ("et pourquoi pas Dijkstra ici?", True),
        ("is that true in every case?", True),
        ("what is it?", True),
        ("what is recursion", False),
        ("Explain: Binary search", False),
        ("What is the birthday problem about?", False),
        ("why does quicksort need quadratic time on sorted input?", False),
        ("What is the probability that two people share a birthday?", False),
        ("State Kepler's third law for circular orbits", False),
    ],
)
def test_a_question_that_points_back_takes_the_one_before_it_along(question: str, leans: bool) -> None:
    turns = [Turn("What does a heap do?", "..."), Turn(DIJKSTRA, "...")]
    assert leaned_on(question, turns) == ([DIJKSTRA] if leans else [])


def test_follow_ups_on_follow_ups_reach_back_to_the_topic() -> None:
    turns = [Turn(DIJKSTRA, "..."), Turn("why is that?", "...")]
    assert leaned_on("and then?", turns) == [DIJKSTRA, "why is that?"]


def test_repetition_is_told_from_ordinary_lists() -> None:
    assert not _repeats("1. Take the first key.\n2. Take the second key.\n3. Take the third key.\n" * 1)
    assert _repeats("The same long sentence here again. " * 4)
    assert _repeats("ab " * 100)
