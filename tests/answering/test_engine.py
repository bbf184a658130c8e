"""The way through a question, with the real index and the built-in language model."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from llama_index.core.llms import ChatMessage, ChatResponse, CustomLLM, LLMMetadata, MessageRole

from index_store.course import Library
from index_store.embedding import Embedding
from index_store.errors import CourseTutorError, ModelError
from index_store.search import CourseSearch
from tutor.answering.answer import Turn
from tutor.answering.engine import CourseQueryEngine
from tutor.answering.models import LanguageModel
from tutor.answering.repetition import repeats
from tutor.answering.service import AnsweringService
from tutor.phrases import Phrases

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


class Slow(Scripted):
    """Falls silent for a minute where it is told to pause."""

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs):  # type: ignore[no-untyped-def]
        for part in super().stream_chat(messages, **kwargs):
            if part.delta == "...":
                threading.Event().wait(60)
            yield part


def test_an_answer_that_takes_too_long_ends_with_what_was_said(sample_library: Library, embedding: Embedding) -> None:
    for said in (["Dijkstra never reconsiders a finished vertex [1]. ", "...", "late"], ["...", "late"]):
        llm = Slow(pieces=said, asked=[])
        model = LanguageModel("slow", "test", llm, 8192, 100, lambda messages: 10, "explain")
        search = CourseSearch(sample_library.existing("sample"), embedding)
        stream = CourseQueryEngine(search, model, embedding, seconds=2).stream(DIJKSTRA)
        if said[0] == "...":
            with pytest.raises(ModelError, match="did not begin to answer within 2 seconds"):
                stream.finish()
            continue
        answer = stream.finish()
        assert answer.text.startswith(said[0].strip())
        assert "late" not in answer.text
        assert "Stopped after 2 seconds." in answer.notes
        assert [citation.number for citation in answer.citations] == [1]


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


def test_an_answer_that_no_page_bears_out_counts_as_not_found_and_says_so_first(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, _ = scripted(["Penguins cannot fly anywhere at all [9]."])
    stream = engine.stream(DIJKSTRA)
    answer = stream.finish()
    assert not answer.found
    assert not stream.found
    assert not answer.citations
    first, said = answer.text.split("\n\n")
    assert first.startswith("I found nothing in this course's books")
    assert said == "Penguins cannot fly anywhere at all."  # marked, and without the invented number


def test_an_answer_in_other_words_that_a_page_bears_out_is_found(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, _ = scripted(["Dijkstra's algorithm can give wrong answers when an edge has a negative weight."])
    answer = engine.stream(DIJKSTRA).finish()
    assert answer.found
    assert answer.citations


@pytest.mark.model
@pytest.mark.parametrize(
    ("question", "states"),
    [
        ("what is Bayes' theorem?", "Theorem (Bayes). If P(A) and P(B) are positive, then …"),
        ("what is a heap?", "A binary min-heap is a binary tree in which every level is full"),
        ("what is a hash table?", "a hash table computes where to look. "),
        ("what is merge sort?", "Merge sort cuts the list in half, sorts both halves by the same method, and merges them."),
        ("what is the birthday problem?", "at least two share a birthday with probability …"),
        ("Explain: Binary search", "one comparison with the middle element rules out half of what is left."),
        ("Explain: Projectiles", "The horizontal and the vertical motion are independent."),
        ("was ist ein Heap?", "A binary min-heap is a binary tree in which every level is full"),
    ],
)
def test_asked_what_something_is_the_answer_says_it(engine: CourseQueryEngine, question: str, states: str) -> None:
    assert states in engine.stream(question).finish().text


@pytest.mark.model
def test_a_follow_up_is_about_the_latest_topic_even_if_its_sentence_was_quoted_before(engine: CourseQueryEngine) -> None:
    turns: list[Turn] = []
    for question in (DIJKSTRA, "and Bellman-Ford?", "what is its running time?"):
        turns.append(Turn(question, engine.stream(question, turns).finish().text))
    # Bellman-Ford relaxes every edge in each of |V| - 1 rounds.
    assert "O(V E)" in turns[-1].answer
    assert "O((V + E) log V)" not in turns[-1].answer


@pytest.mark.model
@pytest.mark.parametrize("gibberish", ["xxxxxxxxxxxxxxxx", "asdf qwer zxcv", "???"])
def test_what_is_no_question_is_no_follow_up_either(engine: CourseQueryEngine, gibberish: str) -> None:
    assert not engine.stream(gibberish, [Turn(DIJKSTRA, "Because of finished vertices.")]).found


@pytest.mark.model
@pytest.mark.parametrize("question", ["why?", "warum?", "and the worst case?", "complexity?", "pourquoi ?"])
def test_a_short_follow_up_is_searched_with_its_topic(engine: CourseQueryEngine, question: str) -> None:
    stream = engine.stream(question, [Turn("how does merge sort work?", "It merges.")])
    assert stream.found
    assert any("Merge sort" in hit.passage.section_title for hit in stream.hits)


@pytest.mark.model
@pytest.mark.parametrize("question", ["is quicksort always O(n log n)?", "which pivot does quicksort take?"])
def test_what_an_exercise_supposes_is_not_quoted_as_what_the_book_says(engine: CourseQueryEngine, question: str) -> None:
    stream = engine.stream(question)
    # Exercise 2.4 supposes it: "Quicksort always takes the first element as its pivot."
    assert any(hit.passage.kind == "exercise" and "always takes the first element" in hit.passage.text for hit in stream.hits)
    assert "always takes the first element" not in stream.finish().text


@pytest.mark.model
@pytest.mark.parametrize(
    ("before", "question"),
    [
        ("what is a heap?", "what is a red-black tree?"),
        ("what is the birthday problem?", "why does photosynthesis need chlorophyll and light?"),
        ("how does merge sort work?", "how does the Schoenhage-Strassen multiplication work?"),
    ],
)
def test_a_whole_question_that_the_books_do_not_answer_is_refused_whatever_was_asked_before(
    engine: CourseQueryEngine, before: str, question: str
) -> None:
    assert engine.stream(before).found
    assert not engine.stream(question).found
    assert not engine.stream(question, [Turn(before, "It says so.")]).found


def test_places_far_from_the_question_are_not_offered_and_near_ones_name_their_book(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, _ = scripted(["x"])
    plain = "I found nothing in this course's books that answers this."
    far = engine.stream("how does photosynthesis work?").finish().text
    chapters = far.removeprefix(f"{plain} You could ask about ").removesuffix(".").split(" or ")
    assert len(chapters) == 4
    assert all(engine.stream(f"Explain {chapter}").found for chapter in chapters)
    # Three books; the mechanics book has gyroscopes' angular momentum, but no precession.
    near = engine.stream("how does a gyroscope precess, what's the formula for the precession rate?").finish()
    assert not near.found
    places, _, topics = near.text.removesuffix(".").partition(" You could ask about ")
    count = places.count("; ") + 1
    assert places.startswith(
        f"{plain} The nearest place{' is' if count == 1 else 's are'}: A Short Course in Classical Mechanics, "
    )
    # What is offered is answered.
    assert topics
    assert all(engine.stream(f"Explain {topic}").found for topic in topics.split(" or "))


def test_what_the_tutor_says_itself_is_in_the_language_asked_for(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, _ = scripted(["The model says so. "] * 50)
    near = "how does a gyroscope precess, what's the formula for the precession rate?"
    refused = engine.stream(near, say=Phrases("fr")).finish()
    assert refused.text.startswith("Je n'ai rien trouvé dans les livres de ce cours qui réponde à cette question. ")
    assert "Vous pourriez poser une question sur « " in refused.text
    assert "Das Modell" not in refused.text
    answered = engine.stream(DIJKSTRA, say=Phrases("de")).finish()
    assert "Angehalten: das Modell begann, sich zu wiederholen." in answered.notes
    assert engine.stream("what is a djikstra algoritm?", say=Phrases("de")).notes == (
        "Gelesen als: what is a dijkstra algorithm?",
    )


def test_a_model_that_explains_is_given_the_options_and_the_stem_is_searched(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, llm = scripted(["It is A [1]."])
    answer = engine.stream(f"{DIJKSTRA}\n(a) it never reconsiders a vertex\n(b) it stops").finish()
    assert (llm.asked[0][-1].content or "").endswith(f"Question: {DIJKSTRA}\nA) it never reconsiders a vertex\nB) it stops")
    assert answer.question == DIJKSTRA
    assert {hit.passage.id for hit in answer.hits} == {hit.passage.id for hit in engine.stream(DIJKSTRA).hits}


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
    assert any("The oldest turn no longer fits" in note for note in answer.notes)
    assert any("of 4 passages fit" in note for note in answer.notes)


def test_a_context_too_small_for_one_passage_is_one_line(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, _ = scripted(["x"], context=150)
    with pytest.raises(ModelError, match="do not fit scripted's context of 150 tokens"):
        engine.stream(DIJKSTRA).finish()


def test_repetition_is_told_from_ordinary_lists() -> None:
    assert not repeats("1. Take the first key.\n2. Take the second key.\n3. Take the third key.\n" * 1)
    assert repeats("The same long sentence here again. " * 4)
    assert repeats("ab " * 100)


def test_a_model_is_given_the_parts_of_the_passages_that_are_about_the_question(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, llm = scripted(["A heap is a tree [1]."])
    stream = engine.stream("What is a heap?")
    stream.finish()
    given = llm.asked[0][-1].content
    assert all(hit.excerpt in given for hit in stream.hits)
    left_out = [hit.passage.text for hit in stream.hits if len(hit.excerpt) < len(hit.passage.text.rstrip())]
    assert left_out
    assert not any(text in given for text in left_out)


def test_what_the_page_does_not_bear_out_is_marked_and_told(scripted) -> None:  # type: ignore[no-untyped-def]
    engine, _ = scripted(
        ["Dijkstra's algorithm never reconsiders a finished vertex [1]. ", "It was found by penguins in 1815 [1]."]
    )
    answer = engine.stream(DIJKSTRA).finish()
    assert answer.doubtful == ("It was found by penguins in 1815.",)
    assert answer.text.endswith("It was found by penguins in 1815 [1] (?).")
    assert "1 sentence is not clearly borne out by the page cited, and marked (?)." in answer.notes
