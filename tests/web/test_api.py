"""The API as OpenAI's own client sees it, against a running server, the sample course and the built-in model."""

from __future__ import annotations

import json
import threading
import time

import httpx
import openai
import pytest

from .conftest import of, running, slow

QUESTION = "why does dijkstra fail with negative edges?"


@pytest.fixture(scope="module")
def served(service, tmp_path_factory):
    with running(of(service, tmp_path_factory.mktemp("api"))) as served:
        yield served


@pytest.fixture(scope="module")
def key(served):
    return served.accounts.add_key("tests")


@pytest.fixture(scope="module")
def client(served, key):
    return openai.OpenAI(base_url=f"{served.url}v1", api_key=key, max_retries=0)


def asked(text=QUESTION):
    return [{"role": "user", "content": text}]


def test_each_course_is_a_model(client):
    assert [model.id for model in client.models.list()] == ["sample"]
    assert client.models.retrieve("sample").created > 1_700_000_000


def test_an_answer_has_its_pages_beside_it_and_their_addresses_show_them(client):
    answer = client.chat.completions.create(model="sample", messages=asked())
    assert "[1]" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.found is True
    first = answer.citations[0]
    # Printed page 12 of the algorithms book is the PDF's page 15.
    assert (first["number"], first["file"], first["page"], first["label"]) == (1, "algorithms.pdf", 15, "12")
    assert first["section"].endswith("Dijkstra's algorithm")
    shown = httpx.get(first["url"])
    assert shown.status_code == 200
    assert "<i style=" in shown.text
    assert answer.usage.prompt_tokens > 50
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_stream_begins_with_the_passages_and_ends_with_the_pages_cited(client):
    chunks = list(
        client.chat.completions.create(
            model="sample", messages=asked(), stream=True, stream_options={"include_usage": True}, temperature=0.7, seed=1
        )
    )
    first, *middle, last, usage = chunks
    assert first.choices[0].delta.role == "assistant"
    assert first.found is True
    assert [passage["number"] for passage in first.passages] == [1, 2, 3, 4]
    assert len(middle) > 10
    assert last.choices[0].finish_reason == "stop"
    text = "".join(chunk.choices[0].delta.content for chunk in middle)
    assert last.answer == text.strip()
    assert f"[{last.citations[0]['number']}]" in text
    assert (last.found, last.notes, last.doubtful) == (True, [], [])
    assert usage.choices == []
    assert usage.usage.completion_tokens > 10
    whole = client.chat.completions.create(model="sample", messages=asked())
    assert whole.choices[0].message.content == last.answer


def test_a_question_that_the_books_do_not_answer_is_declined(client):
    answer = client.chat.completions.create(model="sample", messages=asked("how do I bake a sourdough bread?"))
    assert answer.found is False
    assert answer.citations == []
    assert answer.usage.total_tokens == 0


def test_a_follow_up_is_read_with_the_turns_before_it(client):
    first = client.chat.completions.create(model="sample", messages=asked("what is the birthday problem?"))
    talk = [
        {"role": "system", "content": "You are a pirate."},
        *asked("what is the birthday problem?"),
        {"role": "assistant", "content": first.choices[0].message.content},
        {"role": "user", "content": [{"type": "text", "text": "how is it proved?"}]},
    ]
    answer = client.chat.completions.create(model="sample", messages=talk)
    assert answer.citations[0]["file"] == "probability.pdf"


@pytest.mark.parametrize("key", ["x y", "ct-", "ct-wrong", "ü", "x" * 5000])
def test_without_a_key_nothing_is_told(served, key):
    for method, path in (("GET", "v1/models"), ("POST", "v1/chat/completions"), ("GET", "v1/models/sample")):
        refused = httpx.request(method, served.url + path, headers={"Authorization": f"Bearer {key}".encode()}, json={})
        assert refused.status_code == 401
        assert refused.json()["error"]["code"] == "invalid_api_key"
        assert refused.headers["www-authenticate"] == "Bearer"
    assert httpx.get(f"{served.url}v1/models").status_code == 401


def test_a_key_that_was_removed_asks_nothing_any_more(served, client):
    other = served.accounts.add_key("removed")
    assert client.with_options(api_key=other).models.list().data
    served.accounts.remove_key("removed")
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key=other).models.list()


def test_another_course_is_as_if_it_were_not_there(served, client):
    limited = client.with_options(api_key=served.accounts.add_key("limited", ["physics"]))
    assert limited.models.list().data == []
    told = []
    for course in ("sample", "nosuch", "../sample"):
        with pytest.raises(openai.NotFoundError) as refused:
            limited.chat.completions.create(model=course, messages=asked())
        told.append(str(refused.value).replace(course, "COURSE"))
        assert refused.value.code == "model_not_found"
    assert len(set(told)) == 1
    with pytest.raises(openai.NotFoundError):
        limited.models.retrieve("sample")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "JSON"),
        (b"[]", "object"),
        (b'{"model": "sample"}', "messages"),
        (b'{"model": "sample", "messages": []}', "role 'user'"),
        (b'{"model": "sample", "messages": [{"role": "system", "content": "x"}]}', "role 'user'"),
        (b'{"model": "sample", "messages": [{"role": "user", "content": " "}]}', "empty"),
        (b'{"model": "sample", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}', "image_url"),
        (b'{"model": "sample", "n": 2, "messages": [{"role": "user", "content": "x"}]}', "n: "),
        (b'{"model": "sample", "response_format": {"type": "json_object"}, "messages": []}', "response_format"),
        (json.dumps({"model": "sample", "messages": asked("x" * 2001)}).encode(), "2,000"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_taken_is_refused_with_the_reason(served, key, body, said, stream):
    if stream:
        body = body.replace(b'{"model"', b'{"stream": true, "model"')
    refused = httpx.post(f"{served.url}v1/chat/completions", headers={"Authorization": f"Bearer {key}"}, content=body)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert said in error["message"]
    assert error["type"] == "invalid_request_error"


def test_a_body_that_is_too_large_is_refused_before_it_is_read(served, client, key):
    with pytest.raises(openai.APIStatusError) as refused:
        client.chat.completions.create(model="sample", messages=asked("x" * 257 * 1024))
    assert refused.value.status_code == 413
    assert "256 KB" in str(refused.value)
    unsaid = httpx.post(
        f"{served.url}v1/chat/completions", headers={"Authorization": f"Bearer {key}"}, content=iter([b"{}"] * 3)
    )
    assert unsaid.status_code == 411
    assert httpx.post(f"{served.url}gradio_api/queue/join", content=b"x" * (4 * 1024 * 1024 + 1)).status_code == 413


def test_other_addresses_of_the_api_are_not_there(served, key):
    for path in ("v1/embeddings", "v1/chat/completions/", "v1/models/../../etc"):
        refused = httpx.post(served.url + path, headers={"Authorization": f"Bearer {key}"}, json={})
        assert refused.status_code in (404, 405)
        assert "Traceback" not in refused.text


def test_who_asks_too_often_is_told_when_to_come_again_and_others_are_not_kept_waiting(service, serve, tmp_path):
    served = serve(of(service, tmp_path, questions_per_minute=2))
    client, other = (
        openai.OpenAI(base_url=f"{served.url}v1", api_key=served.accounts.add_key(name), max_retries=0) for name in ("a", "b")
    )
    for _ in range(2):
        client.chat.completions.create(model="sample", messages=asked("how do I bake bread?"))
    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(model="sample", messages=asked(), stream=True)
    assert 1 <= int(refused.value.response.headers["retry-after"]) <= 31
    assert client.models.list().data
    other.chat.completions.create(model="sample", messages=asked("how do I bake bread?"))


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_ends_the_generation(service, serve, tmp_path, stream):
    slow_service = of(service, tmp_path)
    ended = slow(slow_service)
    served = serve(slow_service)
    headers = {"Authorization": f"Bearer {served.accounts.add_key('leaving')}"}
    body = {"model": "sample", "messages": asked(), "stream": stream}
    address = f"{served.url}v1/chat/completions"
    if stream:
        with httpx.stream("POST", address, headers=headers, json=body, timeout=30) as answer:
            seen = ""
            for text in answer.iter_text():
                seen += text
                if "word2" in seen:
                    break
        assert not ended.is_set() or "word3" not in seen
    else:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(address, headers=headers, json=body, timeout=3)
    assert ended.wait(10)


def test_answers_on_their_way_do_not_hold_up_the_rest(service, serve, tmp_path):
    slow_service = of(service, tmp_path, answer_seconds=4)
    slow(slow_service)
    served = serve(slow_service)
    client = openai.OpenAI(base_url=f"{served.url}v1", api_key=served.accounts.add_key("many"), max_retries=0)
    answers = []
    ask = lambda: answers.append(client.chat.completions.create(model="sample", messages=asked()))  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    assert client.models.list().data  # while three are answered
    assert not answers
    for thread in threads:
        thread.join(60)
    assert len(answers) == 3
    assert all("Stopped after 4 seconds." in answer.notes for answer in answers)


def test_an_answer_that_fails_is_told_without_what_is_the_machines(service, serve, tmp_path, caplog):
    failing = of(service, tmp_path)
    slow(failing)

    def fails(messages, **options):
        raise RuntimeError(f"no space left on {tmp_path}")

    object.__setattr__(failing.model.llm, "stream_chat", fails)
    served = serve(failing)
    client = openai.OpenAI(base_url=f"{served.url}v1", api_key=served.accounts.add_key("failing"), max_retries=0)
    with pytest.raises(openai.InternalServerError) as refused:
        client.chat.completions.create(model="sample", messages=asked())
    assert refused.value.status_code == 503
    assert str(tmp_path) not in str(refused.value)
    with pytest.raises(openai.APIError) as broken:
        list(client.chat.completions.create(model="sample", messages=asked(), stream=True))
    assert str(tmp_path) not in str(broken.value)
    assert str(tmp_path) in caplog.text  # the server's terminal says why
