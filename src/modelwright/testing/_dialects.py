"""How providers put a reply on the wire: OpenAI's two interfaces, Anthropic's and Google's."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Said:
    """A reply, whatever the wire format.

    Args:
        text: what the model says; ``None`` for nothing at all.
        calls: functions that it calls: name and arguments, as JSON text.
        finish: ``stop``, ``length`` or ``refusal``.
        tokens: of request and reply, as told.
    """

    text: Any = ""
    calls: tuple[tuple[str, str], ...] = ()
    finish: str = "stop"
    tokens: tuple[Any, Any] = (100, 20)


@dataclass(frozen=True)
class Asked:
    """A request that came in.

    Args:
        dialect: ``chat``, ``responses``, ``anthropic`` or ``google``.
        path: of the URL.
        headers: in lower case.
        body: the JSON object.
        functions: schemas of the functions that may be called, by name.
    """

    dialect: str
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    functions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Everything that was sent, as JSON text."""
        return json.dumps(self.body, ensure_ascii=False)


def asked(path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Asked:
    """A request, by what its path says about its format."""
    tools = [t for t in body.get("tools") or () if isinstance(t, Mapping)]
    if path.endswith("/chat/completions"):
        found = {t["function"]["name"]: t["function"].get("parameters", {}) for t in tools if "function" in t}
        return Asked("chat", path, headers, body, found)
    if path.endswith("/responses"):
        found = {t["name"]: t.get("parameters", {}) for t in tools if t.get("type") == "function"}
        return Asked("responses", path, headers, body, found)
    if path.endswith("/messages"):
        found = {t["name"]: t["input_schema"] for t in tools if "input_schema" in t}
        return Asked("anthropic", path, headers, body, found)
    declared = [d for t in tools for d in t.get("functionDeclarations", ())]
    found = {d["name"]: d.get("parameters_json_schema") or d.get("parameters", {}) for d in declared}
    return Asked("google", path, headers, body, found)


def written(dialect: str, said: Said) -> dict[str, Any]:
    """A reply as the JSON object of a dialect."""
    writers: dict[str, Callable[[Said], dict[str, Any]]] = {
        "chat": _chat,
        "responses": _responses,
        "anthropic": _anthropic,
        "google": _google,
    }
    return writers[dialect](said)


def _chat(said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
    if said.calls:
        message["tool_calls"] = [
            {"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": args}}
            for i, (name, args) in enumerate(said.calls)
        ]
    if said.finish == "refusal":
        message |= {"content": None, "refusal": said.text or "I can't help with that."}
    stop = "tool_calls" if said.calls else "stop"
    finish = {"length": "length", "refusal": "content_filter"}.get(said.finish, stop)
    usage = {"prompt_tokens": said.tokens[0], "completion_tokens": said.tokens[1], "total_tokens": 0}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "test",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    }


def _responses(said: Said) -> dict[str, Any]:
    output: list[dict[str, Any]] = [
        {
            "type": "function_call",
            "id": f"fc_{i}",
            "call_id": f"c_{i}",
            "name": n,
            "arguments": a,
            "status": "completed",
        }
        for i, (n, a) in enumerate(said.calls)
    ]
    if said.text:
        kind = {"type": "output_text", "text": said.text, "annotations": []}
        content = {"type": "refusal", "refusal": said.text} if said.finish == "refusal" else kind
        message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [content]}
        output.append(message)
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "incomplete" if said.finish == "length" else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if said.finish == "length" else None,
        "model": "test",
        "output": output,
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": said.tokens[0],
            "output_tokens": said.tokens[1],
            "total_tokens": 0,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


def _anthropic(said: Said) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": said.text}] if said.text else []
    content += [
        {"type": "tool_use", "id": f"toolu_{i}", "name": name, "input": _loose(args)}
        for i, (name, args) in enumerate(said.calls)
    ]
    stop = "tool_use" if said.calls else "end_turn"
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "test",
        "content": content,
        "stop_reason": {"length": "max_tokens", "refusal": "refusal"}.get(said.finish, stop),
        "stop_sequence": None,
        "usage": {"input_tokens": said.tokens[0], "output_tokens": said.tokens[1]},
    }


def _google(said: Said) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"text": said.text}] if said.text else []
    parts += [{"functionCall": {"name": name, "args": _loose(args)}} for name, args in said.calls]
    finish = {"length": "MAX_TOKENS", "refusal": "SAFETY"}.get(said.finish, "STOP")
    return {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": finish, "index": 0}],
        "usageMetadata": {"promptTokenCount": said.tokens[0], "candidatesTokenCount": said.tokens[1]},
        "modelVersion": "test",
        "responseId": "r1",
    }


def _loose(args: str) -> Any:
    """Arguments as a JSON value; these formats can't carry broken JSON, so the text itself where it is none."""
    try:
        return json.loads(args)
    except ValueError:
        return args
