"""Behind a real nginx, with HTTPS, under /tutor, by the configuration that docs/deployment.md gives."""

from __future__ import annotations

import re

import openai
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from tutor.web.proxy import ProxyHeaders

from .conftest import of, running, slow
from .nginx import needs_nginx, nginx


@pytest.fixture(scope="module")
def proxied(service, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nginx")
    behind = of(service, folder / "home", root_path="/tutor", trusted_proxy="127.0.0.1", questions_per_minute=3)
    with running(behind) as served, nginx(folder, served.url) as proxied:
        yield served, proxied


@needs_nginx
def test_the_chat_and_its_assets_come_through(proxied):
    _, proxy = proxied
    with proxy.client() as client:
        assert client.get(proxy.url.removesuffix("/")).headers["location"].endswith("/tutor/")
        page = client.get("")
        assert page.status_code == 200
        assert f'"root":"{proxy.url.removesuffix("/")}"' in page.text.replace(": ", ":")
        assets = set(re.findall(r'(?:src|href)="\.?/?((?:assets|static|theme)[^"]+)"', page.text))
        assert len(assets) >= 2
        for asset in assets:
            assert client.get(asset).status_code == 200
        assert "http://127" not in page.text


@needs_nginx
def test_cookies_are_for_https_and_for_the_sub_path(proxied):
    _, proxy = proxied
    with proxy.client() as client:
        cookie = client.get("").headers["set-cookie"]
        assert "Secure" in cookie
        assert "Path=/tutor" in cookie
        assert "set-cookie" not in client.get("").headers


@needs_nginx
def test_a_streamed_answer_and_the_page_that_it_cites_come_through(proxied):
    served, proxy = proxied
    with proxy.client() as http:
        client = openai.OpenAI(
            base_url=f"{proxy.url}v1", api_key=served.accounts.add_key("proxied"), http_client=http, max_retries=0
        )
        *_, last = client.chat.completions.create(
            model="sample", messages=[{"role": "user", "content": "what is the birthday problem?"}], stream=True
        )
        url = last.citations[0]["url"]
        assert url.startswith(f"{proxy.url}read/sample/")
        shown = http.get(url)
        assert shown.status_code == 200
        assert "<i style=" in shown.text
        following = re.search(r'rel="next" href="([^"]+)"', shown.text)
        assert http.get(shown.url.join(following[1])).status_code == 200
        assert http.get("read/nosuch/0000000000000000/1").status_code == 404
        assert http.post("v1/chat/completions", json={}).status_code == 401


@needs_nginx
def test_an_answer_is_streamed_as_it_comes(service, tmp_path):
    behind = of(service, tmp_path / "home", root_path="/tutor", trusted_proxy="127.0.0.1")
    ended = slow(behind)
    with running(behind) as served, nginx(tmp_path, served.url) as proxy, proxy.client() as client:
        headers = {"Authorization": f"Bearer {served.accounts.add_key('streamed')}"}
        asked = {"model": "sample", "stream": True, "messages": [{"role": "user", "content": "what is a heap?"}]}
        with client.stream("POST", "v1/chat/completions", json=asked, headers=headers) as answer:
            seen = ""
            for text in answer.iter_text():
                seen += text
                if "word2 " in seen:
                    break
            assert not ended.is_set()  # it is not over, and the words are here
            assert "word100 " not in seen
        assert ended.wait(10)  # nginx tells of a browser that left


@needs_nginx
def test_what_a_stranger_writes_of_addresses_is_not_believed(proxied):
    served, proxy = proxied
    claims = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    with proxy.client(headers={**claims, "X-Gradio-Server": "http://evil.example"}) as client:
        page = client.get("")
        assert "evil.example" not in page.text
        assert "Secure" in page.headers["set-cookie"]
        rows = client.get("v1/models", headers={"Authorization": f"Bearer {served.accounts.add_key('claims')}"})
        assert rows.status_code == 200


def test_only_the_proxy_that_is_named_is_believed():
    def seen(trusted, peer, **headers):
        app = FastAPI()
        app.add_middleware(ProxyHeaders, trusted=trusted)

        @app.get("/")
        def page(request: Request):
            return [request.client.host, request.url.scheme, sorted(set(request.headers) & names)]

        names = {name.replace("_", "-") for name in headers}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return TestClient(app, client=(peer, 5000)).get("/", headers=sent).json()

    claims = {"x_forwarded_for": "203.0.113.9", "x_forwarded_proto": "https", "x_forwarded_host": "evil.example"}
    kept = ["x-forwarded-for", "x-forwarded-proto"]
    assert seen("", "127.0.0.1", **claims) == ["127.0.0.1", "http", []]
    assert seen("127.0.0.1", "10.0.0.5", **claims) == ["10.0.0.5", "http", []]
    assert seen("127.0.0.1", "127.0.0.1", **claims) == ["203.0.113.9", "https", kept]
    assert seen("10.0.0.0/8, ::1", "10.0.0.5", **claims) == ["203.0.113.9", "https", kept]
    # A stranger's claim stands left of what a proxy that appends has written: the last stranger counts.
    appended = {**claims, "x_forwarded_for": "198.51.100.1, 203.0.113.9"}
    assert seen("127.0.0.1", "127.0.0.1", **appended)[0] == "203.0.113.9"
