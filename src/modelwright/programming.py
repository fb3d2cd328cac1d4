"""Programs of plans, and what becomes of those that fail: written again, mended, or replaced."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from modelwright.agents import Agent, Answer
from modelwright.agents._ladder import Decided
from modelwright.agents.designer import Sketch
from modelwright.agents.programmer import Code, Programmer, ProgrammerFacts
from modelwright.agents.recovery import Diagnosis, RecoveryAgent, RecoveryFacts
from modelwright.errors import ProgramError
from modelwright.experiment import INPUTS, REWRITES
from modelwright.mind import Mind
from modelwright.plan import Plan
from modelwright.policy.ground import Ground
from modelwright.policy.recovery import Remedy, by_pattern, next_in_chain
from modelwright.policy.template import render
from modelwright.program import check
from modelwright.showing import Shown
from modelwright.sketching import Unfit, in_words, mended
from modelwright.step import Failure
from modelwright.tools import all_tools

F = TypeVar("F")
A = TypeVar("A", bound=Answer)


@dataclass(frozen=True)
class Programming:
    """Has programs written and mended.

    Args:
        mind: decides.
        ground: what experiments are designed from.
        shown: what agents are shown.
        until: ``time.monotonic()`` by which a program is of no use any more.
    """

    mind: Mind
    ground: Ground
    shown: Shown
    until: Callable[[], float]

    def written(self, plan: Plan, sketch: Sketch, number: str) -> tuple[Plan, Decided[Code]]:
        """The plan with its program, or as it is when none could be had; and how that was decided."""
        facts = self._facts(plan, sketch, "")
        decided = self._ask(Programmer(), facts, lambda: Code(program=facts.template), number)
        own = decided.tier != "policy" and decided.answer.program.strip() != facts.template.strip()
        return replace(plan, program=decided.answer.program if own else ""), decided

    def mend(
        self, plan: Plan, source: str, failure: Failure, tried: frozenset[str], earlier: tuple[Failure, ...]
    ) -> Remedy | None:
        """Correct a failed plan: a program is written again, known patterns come next, then the agent, then the chain.

        See :data:`modelwright.experiment.Mend`.
        """
        attempt = len(earlier) + 1
        if plan.program and failure.kind == "program":
            return self._rewritten(plan, source, failure, attempt)
        pattern = by_pattern(plan, failure)
        if pattern is not None:
            return replace(pattern, plan=replace(pattern.plan, program=""))
        if failure.kind in ("error", "program", "memory"):
            remedy = self._diagnosed(plan, source, failure, earlier, attempt)
            if remedy is not None:
                return remedy
        return next_in_chain(plan, failure, self.ground.task, tried)

    def _rewritten(self, plan: Plan, source: str, failure: Failure, attempt: int) -> Remedy:
        template = replace(plan, program="")
        reason = f"The program could not be run: {failure.message}"
        if attempt >= REWRITES:
            return Remedy(reason, "Ran the plan in the plainest way instead.", template)
        failed = f"{self.shown.failure(failure, source)}\n```\n{source}```"
        facts = self._facts(plan, None, failed)
        decided = self._ask(Programmer(), facts, lambda: Code(program=facts.template), f"{plan.name}.again.{attempt}")
        if decided.tier == "policy":
            return Remedy(reason, "Ran the plan in the plainest way instead.", template)
        return Remedy(reason, "The program was written again.", replace(plan, program=decided.answer.program))

    def _diagnosed(
        self, plan: Plan, source: str, failure: Failure, earlier: tuple[Failure, ...], attempt: int
    ) -> Remedy | None:
        facts = RecoveryFacts(
            self.shown.problem,
            self.shown.failure(failure, source),
            self.shown.data(in_words(plan)),
            source if plan.program else "",
            self.shown.columns,
            self.shown.actions,
            "\n".join(f"- {self.shown.failure(f)}" for f in earlier[-3:]),
            lambda diagnosis: self._unfit(plan, diagnosis),
        )
        nothing = Diagnosis(cause="No known pattern fits.", recoverable=False)
        answer = self._ask(RecoveryAgent(), facts, lambda: nothing, f"{plan.name}.{attempt}").answer
        if not answer.recoverable:
            return None
        done = ", ".join(f"{fix.kind.replace('_', ' ')} {fix.replaces}".strip() for fix in answer.fixes)
        return Remedy(answer.cause, f"{done[:1].upper()}{done[1:]}.", mended(plan, answer, self.ground))

    def _unfit(self, plan: Plan, diagnosis: Diagnosis) -> list[str]:
        try:
            mended(plan, diagnosis, self.ground)
        except Unfit as error:
            return [str(error)]
        return []

    def _facts(self, plan: Plan, sketch: Sketch | None, failed: str) -> ProgrammerFacts:
        used = [plan.estimator.action, *(u.action for u in plan.transforms)]
        return ProgrammerFacts(
            self.ground.task,
            json.dumps(self.ground.problem.target.value, ensure_ascii=False),
            self.shown.data(in_words(plan, sketch)),
            self.shown.brief,
            self.shown.tools,
            self.shown.details(used),
            render(replace(plan, program="")),
            failed,
            _checked,
        )

    def _ask(self, agent: Agent[F, A], facts: F, policy: Callable[[], A], number: str) -> Decided[A]:
        seconds = max(1.0, self.until() - time.monotonic())
        return self.mind.decide(agent, facts, policy, number=number, seconds=seconds)


def _checked(source: str) -> str:
    """What the static check says of a program; empty when it may run."""
    try:
        check(source, {name: tool.signature for name, tool in all_tools().items()}, INPUTS)
    except ProgramError as error:
        return str(error)[:600]
    return ""
