"""What a run is: a fold over its events. Resuming, the report, the live view and ``show`` all read this."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from modelwright.analyses import all_analyses
from modelwright.checking import with_effect
from modelwright.decision import Balance, Decision, Usage, Worth
from modelwright.delivered import Delivery, Settled
from modelwright.finding import Effect, Finding, Tells
from modelwright.given import Given
from modelwright.hashing import restore
from modelwright.memory import Remembered
from modelwright.plan import Experiment, Plan
from modelwright.preparation import Prepared
from modelwright.report import Moment
from modelwright.request import Request
from modelwright.step import Record
from modelwright.tasks.metrics import better, find_metric


@dataclass
class State:
    """Where a run stands.

    Args:
        run_id: its name.
        request: what was asked.
        given: the files that were read, for noticing that they changed.
        versions: of the libraries, when the run was started.
        slots: steps at a time that experiments are designed by.
        started: seconds since the epoch of the first start.
        spent: seconds of earlier sessions of a run that was resumed.
        prepared: what experiments stand on, once it is fixed.
        recalled: the past runs that the policies were told of, once they were.
        plans: designed experiments, by number.
        experiments: finished ones, by number.
        programs: source of each finished experiment's program, by number.
        progress: the score over time.
        failures: what went wrong outside experiments, one sentence each.
        stopped: why the search ended.
        delivery: what was delivered, last.
        deliveries: all that was delivered, in order: more than one after a rollback.
        left_out: analyses that there was no time for.
        effects: measured effects of findings, by their place among the findings.
        asked: how the conversation about each question began.
        decisions: by question, in the order in which they were made.
        worth: what each design was worth, by question.
        balance: what a language model brought.
        usage: what was sent to language models.
        remarks: what went wrong with them, one sentence each.
        notices: what the reader should know of how the run went, one sentence each.
        summary: the finished run's summary.
        phase: what is being done.
        phases: seconds by phase, in order.
        time_limited: whether the clock decided anything.
        error: how the run failed, if it did.
        sessions: how often the run was started or resumed.
        opened: how often the sealed rows were opened.
        replay: the run that this one repeats, if it is a replay.
        asked_again: whether the replay puts each question to another language model, too.
        settled: what is delivered, where a replay takes that from the record.
    """

    run_id: str = ""
    request: Request | None = None
    slots: int = 0
    started: float = 0.0
    spent: float = 0.0
    prepared: Prepared | None = None
    given: tuple[Given, ...] = ()
    recalled: tuple[Remembered, ...] | None = None
    plans: dict[int, Plan] = field(default_factory=dict)
    experiments: dict[int, Experiment] = field(default_factory=dict)
    programs: dict[int, str] = field(default_factory=dict)
    progress: list[Moment] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stopped: str = ""
    delivery: Delivery | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    effects: dict[int, Effect] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    worth: dict[str, Worth] = field(default_factory=dict)
    balance: Balance | None = None
    usage: Usage = field(default_factory=Usage)
    remarks: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    summary: dict[str, Any] | None = None
    phase: str = "starting"
    phases: dict[str, float] = field(default_factory=dict)
    time_limited: bool = False
    error: str = ""
    sessions: int = 0
    opened: int = 0
    replay: str | None = None
    asked_again: bool = False
    settled: Settled | None = None
    _session_began: float = 0.0
    _phase_began: float = 0.0
    _last: float = 0.0

    @property
    def best(self) -> Experiment | None:
        """The finished experiment with the best validation score."""
        found: Experiment | None = None
        for experiment in self.experiments.values():
            if experiment.status != "done" or experiment.score is None:
                continue
            metric = find_metric(experiment.score.metric)
            if found is None or found.score is None or better(metric, experiment.score.value, found.score.value):
                found = experiment
        return found

    @property
    def status(self) -> str:
        """finished, failed, interrupted or unfinished."""
        if self.summary is not None:
            return "finished"
        return "failed" if self.error else "interrupted" if self.phase == "interrupted" else "unfinished"

    def apply(self, record: Record) -> None:
        """Take one event in."""
        handler = getattr(self, f"_on_{record.kind}", None)
        self._last = record.time
        if handler is not None:
            handler(record, record.body)

    def _on_run_started(self, record: Record, body: Any) -> None:
        self.run_id = str(body["run_id"])
        self.request = restore(Request, body["request"])
        self.versions = dict(body.get("versions", {}))
        self.started = float(body["started"])
        self._session_began = self.started
        self._phase_began = self.started
        self.sessions = 1

    def _on_workers(self, record: Record, body: Any) -> None:
        self.slots = int(body["slots"])

    def _on_resumed(self, record: Record, body: Any) -> None:
        self.spent = float(body["spent"])
        self._session_began = float(body["started"])
        self._phase_began = self._session_began
        self.error = ""
        self.sessions += 1

    def _on_rolled_back(self, record: Record, body: Any) -> None:
        self._on_resumed(record, body)

    def _on_replays(self, record: Record, body: Any) -> None:
        self.replay = str(body["of"])
        self.asked_again = bool(body["asked_again"])
        self.settled = restore(Settled, body["settled"]) if body["settled"] else None

    def _on_holdout_opened(self, record: Record, body: Any) -> None:
        self.opened += 1

    def _on_phase(self, record: Record, body: Any) -> None:
        if self.phase not in ("interrupted", "failed", "finished"):
            self.phases[self.phase] = self.phases.get(self.phase, 0.0) + record.time - self._phase_began
        self.phase = str(body["name"])
        self._phase_began = record.time

    def _on_recalled(self, record: Record, body: Any) -> None:
        self.recalled = tuple(restore(Remembered, run) for run in body["runs"])

    def _on_prepared(self, record: Record, body: Any) -> None:
        self.prepared = restore(Prepared, body["prepared"])
        self.given = restore(tuple[Given, ...], body.get("given", ()))

    def _on_notice(self, record: Record, body: Any) -> None:
        self.notices.append(str(body["text"]))

    def _on_experiment_designed(self, record: Record, body: Any) -> None:
        self.plans[int(body["number"])] = restore(Plan, body["plan"])

    def _on_experiment_finished(self, record: Record, body: Any) -> None:
        experiment = restore(Experiment, body["experiment"])
        if experiment.number in self.experiments:
            return
        self.experiments[experiment.number] = experiment
        self.programs[experiment.number] = str(body["program"])
        best = self.best
        if experiment.score is not None and experiment.status == "done" and best is not None and best.score is not None:
            seconds = self.spent + record.time - self._session_began
            self.progress.append(Moment(seconds, experiment.number, experiment.score.value, best.score.value))

    def _on_effect_measured(self, record: Record, body: Any) -> None:
        self.effects[int(body["finding"])] = restore(Effect, body["effect"])

    def _on_search_stopped(self, record: Record, body: Any) -> None:
        self.stopped = str(body["reason"])
        self.time_limited = self.time_limited or bool(body["time_limited"])

    def _on_member_lost(self, record: Record, body: Any) -> None:
        self.failures.append(f"{body['experiment']} was left out of the delivered model: {body['reason']}.")

    def _on_mended(self, record: Record, body: Any) -> None:
        self.failures.append(f"When the run went on, {body['what']} had been lost or changed, and was made again.")

    def _on_fallback(self, record: Record, body: Any) -> None:
        self.failures.append(f"The chosen models could not be fitted in time; {body['experiment']} was taken instead.")

    def _on_asked(self, record: Record, body: Any) -> None:
        self.asked[str(body["question"])] = body["prompt"]

    def _on_decided(self, record: Record, body: Any) -> None:
        decision = restore(Decision, body["decision"])
        self.decisions[decision.question] = decision

    def _on_worth(self, record: Record, body: Any) -> None:
        worth = restore(Worth, body["worth"])
        self.worth[worth.question] = worth

    def _on_balance(self, record: Record, body: Any) -> None:
        self.balance = restore(Balance, body["balance"])

    def _on_llm_call(self, record: Record, body: Any) -> None:
        self.usage = self.usage.with_call(body)

    def _on_llm_unreachable(self, record: Record, body: Any) -> None:
        self.remarks.append(f"The language model could not be reached: {body['reason']}.")

    def _on_llm_price_unknown(self, record: Record, body: Any) -> None:
        self.remarks.append(f"The price of {body['model']} isn't known, so its cost counts as nothing.")

    def _on_reasoning_failed(self, record: Record, body: Any) -> None:
        self.remarks.append(f"Reasoning ended early by a defect ({body['error']}); the built-in policies went on.")

    def _on_reasoning_stopped(self, record: Record, body: Any) -> None:
        self.remarks.append(f"The language model saw no use in further designs: {body['reason']}")

    def _on_limits_applied(self, record: Record, body: Any) -> None:
        left_out = ", ".join(map(str, body["left_out"]))
        reached = "keep the demanded limits" if body["kept"] else "come closest to the demanded limits"
        self.failures.append(f"To {reached}, {', '.join(map(str, body['members']))} was taken instead of {left_out}.")

    def _on_choice_failed(self, record: Record, body: Any) -> None:
        members = ", ".join(map(str, body["members"]))
        self.failures.append(f"{members} could not be {body['what']}: {body['reason']}.")

    def _on_analysis_left_out(self, record: Record, body: Any) -> None:
        self.left_out.append(str(body["analysis"]))

    def _on_delivered(self, record: Record, body: Any) -> None:
        self.delivery = restore(Delivery, body["delivery"])
        self.deliveries.append(self.delivery)
        self.time_limited = self.time_limited or self.delivery.truncated

    def _on_run_finished(self, record: Record, body: Any) -> None:
        self._on_phase(record, {"name": "finished"})
        self.summary = dict(body["summary"])

    def _on_run_failed(self, record: Record, body: Any) -> None:
        self.error = str(body["error"])

    def findings(self) -> tuple[Finding, ...]:
        """What the checks of the data found, with measured effects, then what analyses of the model add."""
        before = () if self.prepared is None else self.prepared.findings
        measured = [with_effect(f, self.effects.get(place)) for place, f in enumerate(before)]
        answers = {} if self.delivery is None else self.delivery.analyses
        kinds = all_analyses()
        results: list[Any] = [restore(kinds[n].result, value) for n, value in answers.items() if n in kinds]
        after = [finding for result in results if isinstance(result, Tells) for finding in result.findings()]
        return (*measured, *after)

    def seconds(self) -> float:
        """Seconds spent so far, over all sessions, up to the last event."""
        return self.spent + self._last - self._session_began


def fold(records: Iterable[Record]) -> State:
    """The state that a log tells of."""
    state = State()
    for record in records:
        state.apply(record)
    return state
