"""The ladder: structured output, then JSON asked for in words, then the built-in policy."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from modelwright.agents import Agent, Answer, Unacceptable
from modelwright.decision import Descent, Tier
from modelwright.llms import Ask, Message, NotUnderstood, ProviderError, Reply

F = TypeVar("F")
A = TypeVar("A", bound=Answer)

CORRECTIONS = 2
"""How often an answer that was no good goes back, with what was wrong about it, before the next tier is tried."""

MOST_PROBLEMS = 8
"""Problems of one answer that are told; the rest follow from them as a rule."""

LONGEST = 200_000
"""Characters of a reply beyond which nobody looks for an answer in it."""

IN_WORDS = """\
Reply with one JSON object and nothing else: no words before or after it, no code fence. It has to follow this JSON \
schema:
{schema}"""

AGAIN = """\
That can't be used:
{problems}
Reply again with the whole answer, corrected."""


@dataclass(frozen=True)
class Decided(Generic[A]):
    """An answer and how it came about.

    Args:
        answer: validated and reviewed; from the policy on the last tier.
        tier: where it came from.
        descents: the steps down that led there.
        replies: all replies, in order; the last one was taken unless the tier is the policy's.
    """

    answer: A
    tier: Tier
    descents: tuple[Descent, ...]
    replies: tuple[Reply, ...]


def decide(
    agent: Agent[F, A],
    facts: F,
    policy: Callable[[], A],
    ask: Callable[[Ask], Reply],
    *,
    native: bool = True,
    opening: tuple[Message, ...] | None = None,
) -> Decided[A]:
    """Climb down until there is a valid answer.

    Args:
        agent: who is asked.
        facts: what it is shown.
        policy: the built-in answer, which is always valid.
        ask: sends a request; raises :class:`~modelwright.llms.ProviderError` when there is no reply.
        native: whether structured output is worth trying with this provider.
        opening: how the conversation begins; what the agent makes of the facts, by default.
    """
    descents: list[Descent] = []
    replies: list[Reply] = []
    tiers: tuple[Tier, ...] = ("native", "prompted") if native else ("prompted",)
    for tier in tiers:
        try:
            answer = _on_tier(tier, agent, facts, opening or agent.messages(facts), ask, replies)
        except ProviderError as error:
            descents.append(Descent(tier, _line(error)))
            # Only a provider that doesn't know structured output may know how to reply in words.
            if not isinstance(error, NotUnderstood):
                break
        except _Unfit as error:
            descents.append(Descent(tier, _line(error)))
            # The form was right; asking for the same in another form would only cost as much again.
            break
        except Unacceptable as error:
            descents.append(Descent(tier, _line(error)))
        else:
            return Decided(answer, tier, tuple(descents), tuple(replies))
    return Decided(policy(), "policy", tuple(descents), tuple(replies))


def _on_tier(
    tier: Tier,
    agent: Agent[F, A],
    facts: F,
    messages: tuple[Message, ...],
    ask: Callable[[Ask], Reply],
    replies: list[Reply],
) -> A:
    """The first valid answer on a tier.

    Raises:
        Unacceptable: when the last allowed answer was no good either, with what was wrong.
    """
    schema = closed(agent.schema(facts))
    if tier == "prompted":
        words = IN_WORDS.format(schema=json.dumps(schema, ensure_ascii=False, separators=(",", ":")))
        messages = (*messages[:-1], Message("user", f"{messages[-1].text}\n\n{words}"))
    problem, formed = "", False
    for _ in range(CORRECTIONS + 1):
        reply = ask(Ask(agent.name, messages, schema if tier == "native" else None, agent.max_tokens, agent.search))
        replies.append(reply)
        try:
            formed = False
            answer = parsed(reply, agent.answer)
            formed = True
            return agent.review(answer, facts)
        except Unacceptable as error:
            problem = str(error)
        said = reply.text if len(reply.text) <= 4_000 else f"{reply.text[:4_000]} […]"
        messages = (
            *messages,
            Message("assistant", said or "(nothing)"),
            Message("user", AGAIN.format(problems=problem)),
        )
    kind = _Unfit if formed else Unacceptable
    raise kind(f"{CORRECTIONS + 1} answers in a row could not be used; the last one: {problem}"[:600])


class _Unfit(Unacceptable):
    """The last answer was of the right form; what it said was no good."""


def closed(schema: Any) -> Any:
    """A JSON schema that allows no properties but those it names, without the titles that pydantic adds."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: closed(part) for key, part in schema.items() if not (key == "title" and isinstance(part, str))}
    return {**kept, "additionalProperties": False} if isinstance(kept.get("properties"), dict) else kept


def parsed(reply: Reply, answer: type[A]) -> A:
    """A reply as the answer's type.

    Raises:
        Unacceptable: with what is wrong, for the model.
    """
    if reply.finish == "refusal":
        raise Unacceptable("- the answer was refused; the request only asks about a table's statistics")
    try:
        value = _json_of(reply.text)
    except ValueError as error:
        cut = "; it was cut off, so answer more briefly" if reply.finish == "length" else ""
        raise Unacceptable(f"- {error}{cut}") from None
    try:
        return answer.model_validate(value)
    except ValidationError as error:
        raise Unacceptable("\n".join(_problems(error))) from None
    except RecursionError:
        raise Unacceptable("- the answer is nested too deeply") from None


def _problems(error: ValidationError) -> list[str]:
    told = []
    for problem in error.errors(include_url=False, include_context=False, include_input=False)[:MOST_PROBLEMS]:
        place = ".".join(str(p)[:60] for p in problem["loc"]) or "the answer"
        told.append(f"- {place}: {problem['msg']}"[:300])
    return told


def _line(error: Exception) -> str:
    """An error as one line of the record."""
    return " ".join(str(error).split())


def _json_of(text: str) -> Any:
    """The JSON object in a text: alone, in a code fence, or between words; small slips are mended.

    What ends in the middle isn't mended: half a number or half a list would be taken for the whole.

    Raises:
        ValueError: when there is none.
    """
    if len(text) > LONGEST:
        raise ValueError(f"the answer is longer than {LONGEST:,} characters")
    candidates = [text.strip(), *(m.strip() for m in re.findall(r"```(?:json)?\s*\n(.*?)```", text, re.DOTALL))]
    first, last = text.find("{"), text.rfind("}")
    if 0 <= first < last:
        candidates.append(text[first : last + 1])
    whole = [candidate for candidate in candidates if _is_whole(candidate)]
    for read, readable in ((json.loads, candidates), (_mended, whole)):
        for candidate in readable:
            try:
                value = read(candidate)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict) and (value or candidate == "{}"):
                return value
    if not text.strip():
        raise ValueError("it is empty")
    raise ValueError("its JSON ends in the middle" if first >= 0 and not whole else "there is no JSON object in it")


def _is_whole(text: str) -> bool:
    """Whether an object that is opened is also closed, as far as brackets outside of strings tell."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.DOTALL)
    return (
        text.startswith("{")
        and text.endswith("}")
        and '"' not in bare
        and bare.count("{") == bare.count("}")
        and bare.count("[") == bare.count("]")
    )


def _mended(text: str) -> Any:
    """What a text with trailing commas, comments, bare or single-quoted names and the like was meant to be.

    Raises:
        ValueError: when that can't be said.
    """
    try:
        import json_repair
    except ImportError:  # it comes with the extra ``llm``, which a provider of another package may do without
        raise ValueError("it isn't valid JSON") from None
    return json_repair.loads(text)
