"""The tools, through the SDK's own client: over HTTP with keys, and over standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

from .web.conftest import of, running, slow

REPOSITORY = Path(__file__).parents[1]
PROGRAM = ["-c", "from tutor.cli.main import main; main(prog_name='tutor')", "mcp"]
QUESTION = {"question": "why does dijkstra fail with negative edges?", "course": "sample"}


def run(work):
    """The result of a coroutine, on a thread of its own: the browser's tests leave a running loop on this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@asynccontextmanager
async def over_http(served, key, mode="auto"):
    async with (
        create_mcp_http_client(headers={"Authorization": f"Bearer {key}"}) as http,
        Client(streamable_http_client(f"{served.url}mcp", http_client=http), mode=mode) as client,
    ):
        yield client


async def call(served, key, tool, arguments, mode="auto"):
    async with over_http(served, key, mode) as client:
        return await client.call_tool(tool, arguments)


@pytest.fixture(scope="module")
def served(service, tmp_path_factory):
    with running(of(service, tmp_path_factory.mktemp("mcp"))) as served:
        yield served


@pytest.fixture(scope="module")
def key(served):
    return served.accounts.add_key("tests")


def check(tools, courses, answer, found, missing):
    """What every transport gives."""
    assert {tool.name for tool in tools.tools} == {"ask", "search", "courses"}
    assert all(tool.annotations.read_only_hint for tool in tools.tools)
    ask = next(tool for tool in tools.tools if tool.name == "ask")
    assert set(ask.input_schema["required"]) == {"question", "course"}
    assert "citations" in ask.output_schema["properties"]
    assert courses.structured_content == {"courses": ["sample"]}
    assert not answer.is_error
    row = answer.structured_content
    assert row["found"] is True
    assert (row["citations"][0]["file"], row["citations"][0]["page"]) == ("algorithms.pdf", 15)
    assert "negative" in row["citations"][0]["text"]
    assert answer.content[0].text.startswith(row["answer"])
    assert "p. 12 (PDF 15)" in answer.content[0].text
    assert found.structured_content["passages"][0]["page"] == 15
    assert missing.is_error
    assert missing.content[0].text.endswith("There is no course 'nosuch'. There are: sample.")


async def use(client):
    return (
        await client.list_tools(),
        await client.call_tool("courses", {}),
        await client.call_tool("ask", QUESTION),
        await client.call_tool("search", QUESTION),
        await client.call_tool("ask", {**QUESTION, "course": "nosuch"}),
    )


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_over_http(served, key, mode):
    async def work():
        async with over_http(served, key, mode) as client:
            return await use(client)

    results = run(work())
    check(*results)
    page = httpx.get(results[2].structured_content["citations"][0]["url"])
    assert page.status_code == 200
    assert "<i style=" in page.text


def test_over_standard_input_and_output(sample_library):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TUTOR_")}
    environment |= {"TUTOR_HOME": str(sample_library.home), "PYTHONPATH": str(REPOSITORY)}

    async def work():
        server = StdioServerParameters(command=sys.executable, args=PROGRAM, env=environment)
        async with Client(stdio_client(server)) as client:
            return await use(client)

    results = run(work())
    check(*results)
    assert results[2].structured_content["citations"][0]["url"] is None


def test_what_did_not_load_is_told_to_who_asks(sample_library):
    environment = {**os.environ, "TUTOR_HOME": str(sample_library.home), "PYTHONPATH": str(REPOSITORY)}

    async def work():
        server = StdioServerParameters(command=sys.executable, args=[*PROGRAM, "--model", "/nowhere.gguf"], env=environment)
        async with Client(stdio_client(server)) as client:  # greeted all the same
            return client.server_info, await client.call_tool("ask", QUESTION)

    info, answer = run(work())
    assert (info.name, info.version) == ("course-tutor", version("course-tutor"))
    assert answer.is_error
    assert "/nowhere.gguf" in answer.content[0].text
    assert "\n" not in answer.content[0].text


def test_a_client_that_leaves_in_the_middle_of_an_answer_is_no_crash(sample_library):
    environment = {**os.environ, "TUTOR_HOME": str(sample_library.home), "PYTHONPATH": str(REPOSITORY)}
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    with subprocess.Popen(
        [sys.executable, *PROGRAM], stdin=-1, stdout=-1, stderr=-1, text=True, env=environment, cwd=REPOSITORY
    ) as process:

        def send(**message):
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            process.stdin.flush()

        send(id=0, method="initialize", params=hello)
        assert json.loads(process.stdout.readline())["result"]["serverInfo"]["name"] == "course-tutor"
        send(method="notifications/initialized")
        for number in range(1, 4):
            send(id=number, method="tools/call", params={"name": "ask", "arguments": QUESTION})
        time.sleep(0.5)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "terminate" not in err
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in out.splitlines())


def test_without_a_key_nothing_is_told(served):
    for headers in ({}, {"Authorization": "Bearer ct-wrong"}):
        for method in ("GET", "POST", "DELETE"):
            refused = httpx.request(method, f"{served.url}mcp", headers=headers)
            assert refused.status_code == 401
            assert refused.json()["error"]["code"] == "invalid_api_key"


def test_a_keys_courses_are_all_there_are(served):
    key = served.accounts.add_key("limited", ["physics"])
    assert run(call(served, key, "courses", {})).structured_content == {"courses": []}
    for tool in ("ask", "search"):
        refused = run(call(served, key, tool, QUESTION))
        assert refused.is_error
        assert "no course 'sample'" in refused.content[0].text


def test_questions_are_limited_for_the_api_and_mcp_together(service, tmp_path):
    with running(of(service, tmp_path, questions_per_minute=2)) as served:
        key = served.accounts.add_key("busy")
        asked = {"model": "sample", "messages": [{"role": "user", "content": "how do I bake bread?"}]}
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.post(f"{served.url}v1/chat/completions", headers=headers, json=asked, timeout=60).status_code == 200
        assert not run(call(served, key, "search", QUESTION)).is_error
        refused = run(call(served, key, "ask", QUESTION))
    assert refused.is_error
    assert "Ask again in" in refused.content[0].text


def test_a_body_that_is_too_large_is_refused(served, key):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    assert httpx.post(f"{served.url}mcp", headers=headers, content=b" " * (257 * 1024)).status_code == 413


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_client_that_leaves_ends_the_generation(service, tmp_path, mode):
    slow_service = of(service, tmp_path)
    ended = slow(slow_service)

    async def leaves(served, key):
        async with over_http(served, key, mode) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3):
                    await client.call_tool("ask", QUESTION)

    with running(slow_service) as served:
        run(leaves(served, served.accounts.add_key("leaving")))
        assert ended.wait(10)
