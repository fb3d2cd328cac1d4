"""Who decides: a language model through its agents, or the built-in policy of the same step."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, TypeVar

from modelwright.agents import Agent, Answer
from modelwright.agents._ladder import Decided, decide
from modelwright.decision import Decision
from modelwright.hashing import digest, plain
from modelwright.llms import Ask, Message, NotUnderstood, Reply
from modelwright.step import Record

F = TypeVar("F")
A = TypeVar("A", bound=Answer)
R = TypeVar("R")


SECOND_OPINION = 120.0
"""Seconds that a question gets that is only asked to compare the answers; nobody waits for it meanwhile."""


class Door(Protocol):
    """The one way out to language models; see :class:`modelwright.llms.gateway.Gateway`."""

    def ask(self, ask: Ask, until: float) -> Reply:
        """The reply to a request, by ``time.monotonic()`` of ``until``.

        Raises:
            ProviderError: when there is none.
        """


@dataclass(frozen=True)
class Recorded:
    """What a run that is resumed or replayed has asked and decided before.

    Args:
        asked: the conversation that each question began with, by question.
        decided: decisions by question.
        again: whether each question is also put to the language model that is there now, in the same words; what it
            says is only told in the log (``answered_again``), the record decides.
    """

    asked: Mapping[str, Sequence[Mapping[str, str]]]
    decided: Mapping[str, Decision]
    again: bool = False


class Mind:
    """Makes decisions and records them.

    A question that was decided before is answered from the record; one that was only asked is asked again in the same
    words, so that a reply that was paid for is found.

    Args:
        door: the way to language models; ``None`` when there is none: then every decision is its policy's, and none
            is recorded, since nobody could have decided otherwise.
        tell: appends an event to the run's log.
        recorded: of a run that is resumed.
        search: whether agents may use a provider's web search.
    """

    def __init__(
        self,
        door: Door | None,
        tell: Callable[[str, Mapping[str, Any]], Record],
        recorded: Recorded | None = None,
        search: bool = False,
    ) -> None:
        self._door = door
        self._tell = tell
        self._recorded = recorded or Recorded({}, {})
        self._search = search
        self._native = True
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="mind")
        self._opinions: list[Future[None]] = []

    @property
    def present(self) -> bool:
        """Whether there is a language model to ask."""
        return self._door is not None

    def decide(
        self,
        agent: Agent[F, A],
        facts: F,
        policy: Callable[[], A],
        *,
        number: int | str = 1,
        seconds: float = 120.0,
        notes: Sequence[str] = (),
    ) -> Decided[A]:
        """The answer to a question, from whoever can give a valid one.

        Args:
            agent: who is asked.
            facts: what it is shown.
            policy: the built-in answer.
            number: which of the agent's questions in this run this is; any short text that is unique for the agent.
            seconds: after which the policy decides.
            notes: names of the playbook's notes among the facts, for the record.
        """
        door = self._door
        if door is None:
            return Decided(policy(), "policy", (), ())
        question = f"{agent.name}:{number}"
        before = self._recorded.decided.get(question)
        if before is not None:
            if self._recorded.again:
                patience = max(seconds, SECOND_OPINION)
                opinion = partial(self._answer_again, door, agent, facts, policy, before, patience)
                self._opinions.append(self._pool.submit(opinion))
            return Decided(agent.answer.model_validate(before.output), before.tier, before.descents, ())
        if self._recorded.again:  # what the run didn't ask has nothing to be compared with
            return Decided(policy(), "policy", (), ())
        opening = self._opening(question, agent, facts)
        began = time.monotonic()

        def ask(request: Ask) -> Reply:
            try:
                return door.ask(replace(request, search=request.search and self._search), began + seconds)
            except NotUnderstood:
                if request.schema is not None:
                    self._native = False
                raise

        decided = decide(agent, facts, policy, ask, native=self._native, opening=opening)
        self._record(question, agent.name, decided, opening, time.monotonic() - began, notes)
        return decided

    def opinions(self) -> None:
        """Wait until what was asked again is answered."""
        wait(self._opinions)
        for opinion in self._opinions:
            opinion.result()

    def later(self, decision: Callable[[], R]) -> Future[R]:
        """Have something decided while others work."""
        return self._pool.submit(decision)

    def close(self) -> None:
        """Wait for nobody."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _answer_again(
        self, door: Door, agent: Agent[F, A], facts: F, policy: Callable[[], A], before: Decision, seconds: float
    ) -> None:
        """Put a question that was decided before to the language model that is there now, and tell what it says."""
        opening = self._opening(before.question, agent, facts)
        until = time.monotonic() + seconds
        ask = partial(door.ask, until=until)
        decided = decide(agent, facts, policy, ask, native=True, opening=opening)
        told = {
            "question": before.question,
            "agent": agent.name,
            "tier": decided.tier,
            "model": decided.replies[-1].model if decided.replies else "",
            "output": decided.answer.model_dump(mode="json"),
            "descents": decided.descents,
        }
        self._tell("answered_again", told)

    def _opening(self, question: str, agent: Agent[F, A], facts: F) -> tuple[Message, ...]:
        known = self._recorded.asked.get(question)
        if known is not None:
            return tuple(Message(m["role"], m["text"]) for m in known)  # type: ignore[arg-type]  # our own record
        opening = agent.messages(facts)
        self._tell("asked", {"question": question, "agent": agent.name, "prompt": plain(opening)})
        return opening

    def _record(
        self,
        question: str,
        agent: str,
        decided: Decided[Any],
        opening: tuple[Message, ...],
        seconds: float,
        notes: Sequence[str],
    ) -> None:
        sent = [r for r in decided.replies if not r.reused]
        by_model = decided.tier != "policy"
        decision = Decision(
            question,
            agent,
            decided.tier,
            decided.answer.model_dump(mode="json"),
            decided.descents,
            prompt=digest(opening),
            reply=digest(decided.replies[-1].text) if by_model else "",
            model=decided.replies[-1].model if by_model else "",
            calls=len(sent),
            input_tokens=sum(r.input_tokens for r in decided.replies),
            output_tokens=sum(r.output_tokens for r in decided.replies),
            cost_usd=round(sum(r.cost_usd or 0.0 for r in decided.replies), 6),
            seconds=round(seconds, 3),
            notes=tuple(notes),
        )
        self._tell("decided", {"decision": decision})


def policy_answer(answer: type[A], **values: Any) -> A:
    """A policy's answer, validated like everybody's."""
    return answer.model_validate(json.loads(json.dumps(plain(values))))
