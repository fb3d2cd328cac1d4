from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

pytest.importorskip("pydantic_ai")
pytest.importorskip("xllamacpp")
pytest.importorskip("gguf")

from modelwright.errors import RequestError
from modelwright.llms import Ask, Message, NotUnderstood, Provider, ProviderError
from modelwright.llms.connect import connect
from modelwright.testing.providers import ProviderContract, asking
from modelwright.testing.tiny_gguf import write_tiny_gguf


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("model") / "tiny.gguf")


@pytest.fixture(scope="module")
def shared(file: Path) -> Iterator[Any]:
    provider = connect(f"local:{file}")
    yield provider
    provider.close()


class TestLocal(ProviderContract):
    @pytest.fixture
    def provider(self, shared: Provider) -> Provider:
        return shared


class Plan(BaseModel):
    columns: list[str] = Field(min_length=1, max_length=3)
    share: float = Field(ge=0.2, le=0.4)
    better: dict[str, int] = Field({}, max_length=2)
    name: str = Field(pattern=r"^[a-z_]{3,9}$")


def test_every_reply_follows_the_schema_whatever_the_model(shared: Provider) -> None:
    for n in range(10):
        ask = Ask("x", (Message("user", f"Plan {n}."),), Plan.model_json_schema(), 4_000)
        reply = shared.complete(ask, 60.0)
        assert reply.finish == "stop"
        Plan.model_validate_json(reply.text)


def test_the_same_request_gets_the_same_reply(shared: Provider) -> None:
    first = shared.complete(asking("One.", structured=True), 30.0)
    shared.complete(asking("Two.", structured=True), 30.0)
    assert shared.complete(asking("One.", structured=True), 30.0).text == first.text


def test_a_schema_that_the_grammar_does_not_know_is_refused(shared: Provider) -> None:
    ask = Ask("x", (Message("user", "Hello."),), {"type": "array", "items": {}, "uniqueItems": True})
    with pytest.raises(NotUnderstood, match="differ"):
        shared.complete(ask, 30.0)


def test_a_request_beyond_the_context_is_refused_or_cut(shared: Provider) -> None:
    try:
        assert shared.complete(asking("word " * 4_000), 60.0).finish in ("length", "stop")
    except ProviderError as error:
        assert "tiny.gguf" in str(error)


def test_a_server_that_ends_is_started_again(file: Path) -> None:
    provider: Any = connect(f"local:{file}")
    provider.complete(asking(), 30.0)
    provider._server._process.kill()
    provider._server._process.wait()
    assert provider.complete(asking("Again."), 30.0).text
    provider.close()


def test_closing_ends_the_server_even_while_it_writes(file: Path) -> None:
    provider: Any = connect(f"local:{file}")
    provider.complete(asking(max_tokens=5), 30.0)
    process = provider._server._process
    ended: list[ProviderError] = []

    def write() -> None:
        try:
            provider.complete(asking(max_tokens=16_000), 60.0)
        except ProviderError as error:
            ended.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(0.05)  # whether the reply is under way by now or not, the outcome is the same
    provider.close()
    thread.join(30.0)
    assert process.poll() is not None
    assert not thread.is_alive()
    provider.close()


def test_the_server_ends_with_whoever_started_it(file: Path) -> None:
    code = f"""
import os
from modelwright.llms.connect import connect
from modelwright.testing.providers import asking
provider = connect("local:{file}")
provider.complete(asking(max_tokens=2), 60.0)
print(provider._server._process.pid, flush=True)
os._exit(9)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert said.returncode == 9, said.stderr
    status = Path(f"/proc/{int(said.stdout)}/status")
    for _ in range(500):
        if not status.exists() or "zombie" in status.read_text():
            return
        time.sleep(0.02)
    pytest.fail("the server is still there")


@pytest.mark.parametrize("damage", ["short", "noise"])
def test_a_damaged_file_is_an_error_not_an_end(file: Path, tmp_path: Path, damage: str) -> None:
    path, whole = tmp_path / "damaged.gguf", file.read_bytes()
    path.write_bytes(whole[:20_000] if damage == "short" else b"GGUF" + whole[4:2_000][::-1] + whole[2_000:])
    provider = connect(f"local:{path}")
    with pytest.raises(NotUnderstood, match="can't be loaded"):
        provider.complete(asking(), 60.0)
    provider.close()


def test_what_is_no_model_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "text.gguf").write_text("hello")
    with pytest.raises(RequestError, match="no GGUF file"):
        connect(f"local:{tmp_path}/text.gguf")
    with pytest.raises(RequestError, match="can't be read: No such file"):
        connect(f"local:{tmp_path}/missing.gguf")
    with pytest.raises(RequestError, match="can't be read"):
        connect(f"local:{tmp_path}")


def test_only_who_knows_the_key_is_served(shared: Any) -> None:
    import httpx2

    shared.complete(asking(max_tokens=2), 30.0)
    answer = httpx2.post(f"{shared._server.address}/v1/chat/completions", json={"messages": []})
    assert answer.status_code == 401
    assert shared._server.address.startswith("http://127.0.0.1:")
