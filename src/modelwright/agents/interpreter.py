"""The interpreter: from a person's words and a table to a problem that can be worked on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from modelwright.action import did_you_mean
from modelwright.agents import Agent, Answer, Unacceptable
from modelwright.agents._asking import Asked, Line, Name, Phrase, clean, listed

Demanded = Literal[
    "latency_ms", "model_megabytes", "training_seconds", "interpretable", "min_recall", "min_precision", "cost_miss",
    "cost_false_alarm", "rises_with", "falls_with", "equal_between", "avoid_model", "only_model",
]  # fmt: skip
_SHARES = ("min_recall", "min_precision")
_AMOUNTS = ("latency_ms", "model_megabytes", "training_seconds", "cost_miss", "cost_false_alarm")
_OF_COLUMNS = ("rises_with", "falls_with", "equal_between")
_OF_MODELS = ("avoid_model", "only_model")


T = TypeVar("T")
Several = Annotated[list[T], BeforeValidator(lambda given: [] if given is None else given)]
"""A list; null is an empty one."""


class Choice(Answer):
    """A value, why, and how sure that is."""

    value: Name
    reason: Line = Field(default="", description="why, in one sentence for the person who asked")
    confidence: float = Field(default=0.5, ge=0, le=1, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, given: Any) -> Any:
        """Take a bare value for one without a reason."""
        return {"value": str(given)} if isinstance(given, str | int | float) else given


class Demand(Answer):
    """What the person demands besides, made checkable."""

    kind: Demanded
    number: float | None = Field(default=None, allow_inf_nan=False, description="where the kind needs one")
    name: Name = Field(default="", description="the column or model, where the kind needs one")
    words: Phrase = Field(description="the words that demand it, copied literally")


class Interpretation(Answer):
    """A problem as a reader of its words understands it; what is left open is worked out by rules."""

    target: Choice | None = Field(default=None, description="column to predict; null when no column holds the answer")
    task: Choice | None = None
    metric: Choice | None = Field(default=None, description="only when the words ask for a particular one")
    positive: Choice | None = Field(default=None, description="level of the target that is looked for, of two")
    time_column: Choice | None = Field(default=None, description="orders the rows, when later rows will be predicted")
    group_column: Choice | None = Field(default=None, description="rows that share it must be judged together")
    id_columns: Several[Choice] = Field(default_factory=list, max_length=20)
    excluded: Several[Choice] = Field(
        default_factory=list, max_length=40, description="columns that no model may use, each with the reason"
    )
    horizon: Phrase = Field(default="", description="how far ahead is predicted, when the words say so: '3 months'")
    demands: Several[Demand] = Field(default_factory=list, max_length=12)


@dataclass(frozen=True)
class InterpreterFacts(Asked):
    """What the interpreter is shown.

    Args:
        tasks: the task types with their metrics, as text.
        models: names of estimators and their families that demands may speak of.
        families: the families alone, as text.
        check: what is wrong with a reading whose names are right, one sentence each; nothing when it holds.
    """

    tasks: str
    models: tuple[str, ...]
    families: str
    check: Callable[[Interpretation], list[str]]


class Interpreter(Agent[InterpreterFacts, Interpretation]):
    """Reads requests."""

    name = "interpreter"
    answer = Interpretation
    max_tokens = 2_000

    def review(self, answer: Interpretation, facts: InterpreterFacts) -> Interpretation:
        """Names have to exist, roles to go together, demands to stand in the user's words; then rules try it out."""
        problems: list[str] = []

        def named(choice: Choice | None, part: str) -> Choice | None:
            if choice is None:
                return None
            try:
                return choice.model_copy(update={"value": facts.column(choice.value, part)})
            except Unacceptable as error:
                problems.append(str(error))
                return None

        def all_named(choices: list[Choice], part: str) -> list[Choice]:
            found = [named(choice, part) for choice in choices]
            return list({choice.value: choice for choice in found if choice is not None}.values())

        answer = answer.model_copy(
            update={
                "target": named(answer.target, "target"),
                "time_column": named(answer.time_column, "time_column"),
                "group_column": named(answer.group_column, "group_column"),
                "id_columns": all_named(answer.id_columns, "id_columns"),
                "excluded": all_named(answer.excluded, "excluded"),
                "demands": [d for d in (_demand(d, facts, problems) for d in answer.demands) if d is not None],
                "horizon": answer.horizon if facts.quotes(answer.horizon) else "",
            }
        )
        problems += _conflicts(answer) or ([] if problems else facts.check(answer))
        if problems:
            raise Unacceptable("\n".join(problems[:8]))
        return answer


def _conflicts(answer: Interpretation) -> list[str]:
    """Columns that were given two roles of which one shuts out the other."""
    if answer.target is None:
        return []
    others: dict[str, list[Choice | None]] = {
        "time_column": [answer.time_column],
        "group_column": [answer.group_column],
        "id_columns": [*answer.id_columns],
        "excluded": [*answer.excluded],
    }
    target = answer.target.value
    return [
        f"- {part}: {clean(target, 80)!r} is the target and can't be anything else"
        for part, choices in others.items()
        if any(choice is not None and choice.value == target for choice in choices)
    ]


def _demand(demand: Demand, facts: InterpreterFacts, problems: list[str]) -> Demand | None:
    """A demand whose words are the user's and whose value fits its kind; ``None`` with a problem otherwise."""
    part = f"demands ({demand.kind})"
    if not facts.quotes(demand.words):
        problems.append(f"- {part}: its words aren't the user's; copy them letter by letter, or leave the demand out")
        return None
    number, name = demand.number, demand.name
    if demand.kind in _SHARES and not (number is not None and 0 < number <= 1):
        problems.append(f"- {part}: number must be a share above 0 and at most 1 (90 % is 0.9)")
        return None
    if demand.kind in _AMOUNTS and not (number is not None and 0 < number < 1e12):
        problems.append(f"- {part}: number must be above 0")
        return None
    if demand.kind in _OF_COLUMNS:
        try:
            name = facts.column(name, part)
        except Unacceptable as error:
            problems.append(str(error))
            return None
    if demand.kind in _OF_MODELS and name not in facts.models:
        near = did_you_mean(name, facts.models) or f"; there are {listed(facts.models, 60)}"
        problems.append(f"- {part}: there is no model {clean(name, 60)!r}{near}")
        return None
    return demand.model_copy(update={"name": name})
