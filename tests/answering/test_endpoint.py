"""An OpenAI-compatible endpoint: llama.cpp's own server, and small servers that misbehave."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from llama_index.core.llms import ChatMessage, MessageRole

from index_store.errors import ModelError
from index_store.search import CourseSearch
from tutor.answering import endpoint
from tutor.answering.engine import CourseQueryEngine
from tutor.answering.models import load_model
from tutor.answering.service import AnsweringService
from tutor.settings import load_settings

QUESTION = "why does dijkstra fail with negative edges?"


def user(text):
    return [ChatMessage(role=MessageRole.USER, content=text)]


@contextmanager
def server(replies):
    """A server on a free port of this machine. `replies` has a (status, body) for each path; others are 404.

    `seen` collects (path, Authorization header) of what was asked.
    """
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def _reply(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append((self.path, self.headers.get("Authorization")))
            status, body = replies.get(self.path, (404, "not here"))
            body = body if isinstance(body, bytes) else body.encode()
            self.send_response(status)
            kind = "text/event-stream" if body.startswith(b"data:") else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _reply

        def log_message(self, *args):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}", seen
    finally:
        httpd.shutdown()
        httpd.server_close()


def models_reply(*rows):
    return {"/v1/models": (200, json.dumps({"object": "list", "data": list(rows)}))}


def refusal(spec, api_key=""):
    with pytest.raises(ModelError) as refused:
        endpoint.connect(spec, api_key)
    message = str(refused.value)
    assert "\n" not in message
    assert message.startswith(spec.partition("#")[0])
    return message


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# --- llama.cpp's server ------------------------------------------------------------------------------------------------


@pytest.mark.model
@pytest.mark.parametrize("tail", ["/v1#smol", "/v1", "/v1/#smol"])
def test_a_servers_model_is_found_with_its_context(llama_server, tail):
    reached = endpoint.connect(llama_server + tail, "")
    assert (reached.base, reached.model, reached.context_window) == (f"{llama_server}/v1", "smol", 2048)


@pytest.mark.model
def test_a_wrong_model_name_lists_those_there_are(llama_server):
    message = refusal(f"{llama_server}/v1#llama-70b")
    assert "has no model 'llama-70b' (models: smol)" in message
    assert f"{llama_server}/v1#NAME" in message


@pytest.mark.model
def test_a_url_without_v1_says_what_to_check(llama_server):
    # llama-server answers /models at its root too, but no chat there would follow; other servers answer 404.
    with server(models_reply({"id": "m"})) as (base, _):
        assert "answered 404 to /models. Check that the URL ends in /v1." in refusal(base)


@pytest.mark.model
def test_tokens_are_counted_by_the_servers_own_tokenizer(llama_server, reference):
    reached = endpoint.connect(f"{llama_server}/v1#smol", "")
    text = "Amortised analysis: Θ(n) appends. Ünïcödé 数学 " * 20
    exact = len(reference.tokenizer(reference.prompt(text), add_special_tokens=False).input_ids)
    # Not below what the prompt will take, but for the template's own system text; and not far above it.
    system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
    without_system = exact - len(reference.tokenizer(f"<|im_start|>system\n{system}<|im_end|>\n").input_ids)
    assert without_system <= reached.count_tokens(user(text)) <= without_system + 16


@pytest.mark.model
def test_a_question_is_answered_over_the_endpoint_with_citations_of_the_course(llama_server, sample_library, tmp_path):
    settings = load_settings(
        home=sample_library.home, model=f"{llama_server}/v1#smol", passages=1, max_new_tokens=32, evidence=0.2
    )
    service = AnsweringService(settings)
    assert (service.model.name, service.model.style, service.model.context_window) == ("smol", "explain", 2048)
    assert service.model.engine == f"endpoint {llama_server}/v1"
    stream = service.engine("sample").stream(QUESTION)
    pieces = list(stream)
    assert len(pieces) > 3
    answer = stream.answer
    assert answer.found == bool(answer.citations)  # what no page bears out is told as not found, whatever the model says
    assert "".join(pieces).split()[0] in answer.text
    for citation in answer.citations:
        assert f"[{citation.number}]" in answer.text
        assert citation.passage == answer.hits[citation.number - 1].passage
        assert citation.passage.file == "algorithms.pdf"
    assert answer.citations or "take this as unchecked" in answer.text


@pytest.mark.model
def test_a_server_that_dies_while_answering_gives_one_line_and_no_hang(mortal_server, sample_library, embedding):
    address, child = mortal_server
    settings = load_settings(model=f"{address}/v1#smol", max_new_tokens=400)
    engine = CourseQueryEngine(
        CourseSearch(sample_library.existing("sample"), embedding), load_model(settings), embedding, passages=1, least=0.2
    )
    stream = iter(engine.stream(QUESTION))
    next(stream)
    child.kill()
    with pytest.raises(ModelError, match=r"smol failed while answering: .*Try again") as refused:
        list(stream)
    assert "\n" not in str(refused.value)


# --- servers that misbehave --------------------------------------------------------------------------------------------


def test_a_port_on_which_nothing_listens_is_told_in_one_line():
    message = refusal(f"http://127.0.0.1:{free_port()}/v1#x")
    assert "cannot be reached" in message
    assert "Start the server, or check host and port." in message


@pytest.mark.parametrize(
    "spec", ["http://", "http://127.0.0.1:99999/v1", "http://[::1/v1", "http://no such host/v1", "http://nowhere.invalid/v1"]
)
def test_a_url_that_leads_nowhere_is_told_in_one_line(spec):
    with pytest.raises(ModelError, match="cannot be reached") as refused:
        endpoint.connect(spec, "")
    assert "\n" not in str(refused.value)


def test_a_server_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(endpoint, "CONNECT_SECONDS", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert "cannot be reached (timed out)" in refusal(f"http://127.0.0.1:{silent.getsockname()[1]}/v1")


@pytest.mark.parametrize(
    "body",
    [
        "<html>It works!</html>",
        "",
        "null",
        "[]",
        "3",
        '{"models": []}',
        '{"data": null}',
        '{"data": "abc"}',
        '{"data": [1, 2]}',
        '{"data": [{"name": "x"}]}',
        b"\xff\xfe\x00",
    ],
)
def test_a_server_that_speaks_something_else_is_told_in_one_line(body):
    with server({"/v1/models": (200, body)}) as (base, _):
        message = refusal(f"{base}/v1#x")
    assert "not an OpenAI-compatible endpoint" in message


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_wants_a_key_names_the_setting(status):
    with server({"/v1/models": (status, '{"error": "no key"}')}) as (base, _):
        message = refusal(f"{base}/v1#x")
    assert f"answered {status} to /models. Set TUTOR_API_KEY." in message


def test_the_key_is_sent_as_a_bearer_token_and_never_without_one():
    with server(models_reply({"id": "m"})) as (base, seen):
        endpoint.connect(f"{base}/v1#m", "s3cret")
        endpoint.connect(f"{base}/v1#m", "")
    assert seen == [("/v1/models", "Bearer s3cret"), ("/v1/models", None)]


def test_a_name_may_be_left_out_only_where_there_is_one_model():
    with server(models_reply({"id": "only"})) as (base, _):
        assert endpoint.connect(f"{base}/v1", "").model == "only"
    with server(models_reply({"id": "b"}, {"id": "a"})) as (base, _):
        assert endpoint.connect(f"{base}/v1#b", "").model == "b"
        assert "has several models (models: a, b)" in refusal(f"{base}/v1")
    with server(models_reply()) as (base, _):
        assert "has no model (models: none)" in refusal(f"{base}/v1")


@pytest.mark.parametrize(
    ("row", "context"),
    [
        ({"max_model_len": 32768}, 32768),  # vLLM
        ({"meta": {"n_ctx": 2048, "n_ctx_train": 8192}}, 2048),  # llama-server
        ({"meta": {"n_ctx_train": 8192}}, 8192),  # older llama-server
        ({}, 4096),  # Ollama says nothing
        ({"meta": None, "max_model_len": None}, 4096),
        ({"meta": "x"}, 4096),
        ({"max_model_len": "many"}, 4096),
    ],
)
def test_the_context_is_what_the_server_says_of_it(row, context):
    with server(models_reply({"id": "m", **row})) as (base, _):
        assert endpoint.connect(f"{base}/v1", "").context_window == context


@pytest.mark.parametrize("reply", [(404, ""), (200, "[]"), (200, "{}"), (200, "null"), (200, '{"tokens": 3}'), (500, "no")])
def test_without_a_tokenizer_to_ask_the_count_is_an_upper_estimate(reply, reference):
    text = "Amortised analysis spreads the cost of rare expensive operations over many cheap ones. Élève, Übung. " * 10
    with server({"/tokenize": reply, **models_reply({"id": "m"})}) as (base, _):
        count = endpoint.connect(f"{base}/v1", "").count_tokens(user(text))
    assert len(reference.tokenizer(text).input_ids) < count < len(text.encode())


def test_a_vllm_tokenizer_counts_the_messages_as_its_template_writes_them():
    with server({"/tokenize": (200, '{"count": 41, "tokens": [1, 2]}'), **models_reply({"id": "m"})}) as (base, _):
        assert 41 <= endpoint.connect(f"{base}/v1", "").count_tokens(user("x")) <= 41 + 8


@pytest.mark.parametrize(
    "reply",
    [
        (500, '{"error": {"message": "out of memory\\nsecond line"}}'),
        (400, "<html>"),
        (200, "data: {not json}\n\n"),
        (200, "data: [DONE]\n\n"),
    ],
)
def test_a_request_that_fails_gives_one_line(reply, sample_library, embedding):
    with server({"/v1/chat/completions": reply, **models_reply({"id": "m"})}) as (base, _):
        model = load_model(load_settings(model=f"{base}/v1#m"))
        search = CourseSearch(sample_library.existing("sample"), embedding)
        engine = CourseQueryEngine(search, model, embedding, passages=1, least=0.2)
        with pytest.raises(ModelError) as refused:
            engine.stream(QUESTION).finish()
    message = str(refused.value)
    assert message.startswith("m ")
    assert "\n" not in message
