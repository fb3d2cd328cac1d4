"""From a person's words to a problem: a language model reads them, where there is one, and rules check and complete it.

What the person settled by options always holds. What the language model reads is tried out by the same rules as a
person's option and marked as its doing (:mod:`modelwright.policy.adopt`). What both leave open is worked out by
:mod:`modelwright.policy.understand`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from modelwright.agents._asking import Asked, clean
from modelwright.agents.interpreter import Interpretation, Interpreter, InterpreterFacts
from modelwright.agents.manager import Manager, Ruling
from modelwright.briefing import profile_text
from modelwright.discretion import Discretion
from modelwright.errors import AmbiguousError, RequestError, UserError
from modelwright.mind import Mind
from modelwright.policy.adopt import HELD, SURE, adopt, doubts, remarks
from modelwright.policy.constraints import parse_constraints
from modelwright.policy.resolving import resolved, stated_demands
from modelwright.policy.sense import sense
from modelwright.problem import Constraints, Problem
from modelwright.profile import Profile
from modelwright.profiling import printable, profile
from modelwright.readers import Reading
from modelwright.request import Request
from modelwright.table import Schema

SHARE = 0.25
"""Share of the time budget that manager and interpreter, who are asked at the same time, may take."""

SHORT, SHORT_SHARE = 120.0, 0.15
"""Seconds of budget below which they may take less: what is left must do for a model."""

MOST_SECONDS = 120.0
"""Seconds after which nobody waits for them, however long the budget."""

LONGEST_REASON = 400
LONGEST_WISHES = 3_000

Ask = Callable[[str, tuple[str, ...]], str | None]
"""Asks the person a question with candidates; ``None`` when there is nobody to ask or no answer."""

Meet = Callable[[Schema, Profile], Discretion]
"""Decides what may be shown of a table, once its columns are known."""


@dataclass(frozen=True)
class Understood:
    """What was understood.

    Args:
        problem: what is asked.
        warnings: what the person should know of how it was understood.
    """

    problem: Problem
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Advice:
    """What was said of a request before it is decided on.

    Args:
        ruling: whether it makes sense.
        by_model: whether a language model said so, or the rules.
        told: what a language model read in it; ``None`` when none did.
    """

    ruling: Ruling
    by_model: bool = False
    told: Interpretation | None = None

    @property
    def target(self) -> str | None:
        """The column that the language model takes for the target, if it is sure enough."""
        choice = self.told.target if self.told is not None else None
        return choice.value if choice is not None and choice.confidence >= HELD else None


def understood(
    request: Request, reading: Reading, ask: Ask, mind: Mind | None = None, meet: Meet | None = None
) -> Understood:
    """Understand a request.

    Args:
        request: what was asked.
        reading: the data.
        ask: asks the person when the request can be read in several ways.
        mind: decides; the policies alone, by default.
        meet: decides what may be shown of the table; needed where the mind has a language model.

    Raises:
        AmbiguousError: when no column is clearly the target and nobody answers; with the candidates, best first.
        RequestError: when an option can't be honoured, or the request makes no sense for the data.
        DataError: when the target can't be learnt from.
    """
    stated = stated_demands(request.statement)
    wishes = resolved(parse_constraints(request.constraints), reading.schema, stated=stated)
    rules = _attempt(request, reading, wishes)
    unclear = isinstance(rules, AmbiguousError)
    if isinstance(rules, UserError) and not unclear and (isinstance(rules, RequestError) or request.target is not None):
        raise rules
    if mind is not None and meet is not None and mind.present:
        advice = _advised(request, reading, wishes, rules, mind, meet)
    else:
        advice = _Advice(sense(request.statement, target_is_clear=not unclear))
    target, warnings = _ruled(advice, request, rules, ask)
    told = advice.told
    if told is not None and target is None and request.target is None:
        target, told, doubt = _voted(advice, told, rules, ask)
        warnings += doubt
    problem = _settled(request, reading, wishes, told, target, ask)
    return Understood(problem, (*warnings, *(remarks(told, problem, request) if told is not None else ())))


def _attempt(
    request: Request, reading: Reading, wishes: Constraints, told: Interpretation | None = None
) -> Problem | UserError:
    try:
        return adopt(request, reading, wishes, told)
    except UserError as error:
        return error


def _settled(
    request: Request, reading: Reading, wishes: Constraints, told: Interpretation | None, target: str | None, ask: Ask
) -> Problem:
    """The problem, with the person's answers where the target is unclear."""
    for _ in range(3):
        try:
            return adopt(request, reading, wishes, told, target)
        except AmbiguousError as error:
            guess = (told.target.value,) if told is not None and told.target is not None else ()
            candidates = tuple(dict.fromkeys((*guess, *error.candidates)))
            target = ask(str(error), candidates)
            if target is None:
                raise AmbiguousError(str(error), candidates) from None
    raise AmbiguousError("the target column is still unclear; name it with --target COL")


# ── what is made of advice ──


def _ruled(advice: _Advice, request: Request, rules: Problem | UserError, ask: Ask) -> tuple[str | None, list[str]]:
    """What follows from the manager's verdict: the person's answer, where they were asked, and what to tell them.

    Raises:
        RequestError: when the request is refused, or asked about and nobody answers.
    """
    ruling = advice.ruling
    if ruling.verdict == "accept":
        return None, [_said(ruling.caution, advice)] if ruling.caution else []
    clear = rules.target.value if isinstance(rules, Problem) else None
    if ruling.verdict == "ask":
        if request.target is not None:
            return None, []
        if clear is not None and clear == advice.target:
            return None, [f"{_said(ruling.question, advice)} It was taken to be {printable(clear)!r}."]
        answer = ask(ruling.question, tuple(ruling.candidates))
        if answer is not None:
            return answer, []
        names = " or ".join(repr(printable(name)) for name in ruling.candidates)
        raise AmbiguousError(
            f"{_said(ruling.question, advice)} It could be {names}; name it with --target COL", ruling.candidates
        )
    reason = clean(f"{ruling.reason} {ruling.possible}", LONGEST_REASON)
    if clear is not None and (request.target is not None or request.task is not None):
        return None, [f"The language model would have refused the problem, but you settled it by options: {reason}"]
    sure = advice.told is not None and advice.told.target is not None and advice.told.target.confidence >= SURE
    if clear is not None and sure:
        return None, [f"The language model had doubts about the problem, yet could read it: {reason}"]
    if not advice.by_model:
        raise RequestError(f"The problem isn't one that can be worked on here: {reason}")
    raise RequestError(
        f"The language model takes the problem for one that can't be worked on: {reason} If it is wrong about that, "
        "name the column with --target COL, or go on without it by --llm none"
    )


def _said(text: str, advice: _Advice) -> str:
    return f"The language model says: {text}" if advice.by_model else text


def _voted(
    advice: _Advice, told: Interpretation, rules: Problem | UserError, ask: Ask
) -> tuple[str | None, Interpretation, list[str]]:
    """The target where rules that are sure and the language model disagree: answer, reading to keep, what to tell.

    The model's two answers, which were given apart from each other, have to agree for it to overrule the rules.
    """
    if advice.target is None or not isinstance(rules, Problem) or advice.target == rules.target.value:
        return None, told, []
    model, rule = advice.target, rules.target.value
    agreed = advice.by_model and advice.ruling.target == model
    both = (model, rule) if agreed else (rule, model)
    answer = ask("Two columns could be meant by the problem.", both)
    if answer is not None:
        return answer, told, []
    hint = "if that is meant, name it with --target COL."
    if agreed:
        return None, told, [f"The rules would have taken {printable(rule)!r} for what is to be predicted; {hint}"]
    # A reading with another target in mind says little about which columns give this one away.
    kept = Interpretation(target=None, demands=told.demands, horizon=told.horizon)
    return None, kept, [f"The language model would have predicted {printable(model)!r}; {hint}"]


# ── asking a language model ──


def _advised(
    request: Request, reading: Reading, wishes: Constraints, rules: Problem | UserError, mind: Mind, meet: Meet
) -> _Advice:
    """What the manager and the interpreter say, asked at the same time."""
    known = profile(reading.frame, reading.schema, floor=request.floor)
    shown = _shown(request, reading, known, meet(reading.schema, known))
    share = SHARE if request.time_budget >= SHORT else SHORT_SHARE
    seconds = min(share * request.time_budget, MOST_SECONDS)
    clear = isinstance(rules, Problem)

    def check(answer: Interpretation) -> list[str]:
        tried = _attempt(request, reading, wishes, answer)
        if isinstance(tried, AmbiguousError):
            return []  # what isn't said is asked of the person
        found = [str(tried)] if isinstance(tried, UserError) else doubts(answer, tried, reading)
        return [f"- {problem}" for problem in found]

    facts = InterpreterFacts(**shown, tasks=_tasks(), models=_models(), families=", ".join(_families()), check=check)
    pool = ThreadPoolExecutor(2, thread_name_prefix="understanding")
    try:
        manager = pool.submit(
            mind.decide,
            Manager(),
            Asked(**shown),
            lambda: sense(request.statement, target_is_clear=clear),
            seconds=seconds,
        )
        interpreter = pool.submit(
            mind.decide, Interpreter(), facts, lambda: Interpretation(target=None), seconds=seconds
        )
        ruled, read = manager.result(), interpreter.result()
    finally:
        pool.shutdown(wait=False)  # who interrupts the run doesn't wait for a provider
    return _Advice(ruled.answer, ruled.tier != "policy", None if read.tier == "policy" else read.answer)


def _shown(request: Request, reading: Reading, known: Profile, discretion: Discretion) -> dict[str, Any]:
    """What both are shown."""
    options: dict[str, Any] = {
        "target": request.target,
        "time column": request.time_column,
        "group column": request.group_column,
    }
    fixed = [f"{what}: {discretion.column(name)}" for what, name in options.items() if name is not None]
    fixed += [f"{what}: {name}" for what, name in (("task", request.task), ("metric", request.metric)) if name]
    if request.id_columns:
        fixed.append(f"id columns: {', '.join(map(discretion.column, request.id_columns))}")
    return {
        "statement": discretion.statement(),
        "fixed": tuple(fixed),
        "wishes": discretion.text(request.constraints, LONGEST_WISHES) if request.constraints.strip() else "",
        "profile": profile_text(known, discretion),
        "columns": reading.schema.names,
        "spoken": f"{request.statement}\n{request.constraints}",
    }


def _tasks() -> str:
    from modelwright.tasks import all_tasks

    usual = {name: dict.fromkeys((t.default_metric, *t.secondary)) for name, t in all_tasks().items()}
    return "; ".join(f"{name} ({', '.join(metrics)})" for name, metrics in usual.items())


def _families() -> tuple[str, ...]:
    from modelwright.estimators import all_estimators

    return tuple(sorted({e.family for e in all_estimators().values()} - {"baseline"}))


def _models() -> tuple[str, ...]:
    from modelwright.estimators import all_estimators

    return (*_families(), *(name for name, e in all_estimators().items() if e.family != "baseline" and e.installed))
