"""Fits the chosen models once more on all rows, within limits of time, speed and size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from modelwright.choosing import Choice, Chooser
from modelwright.clock import Clock
from modelwright.constraining import excess, subsets
from modelwright.errors import NoModelError
from modelwright.evaluation import Evaluator
from modelwright.hashing import plain
from modelwright.journal import Journal
from modelwright.plan import Experiment
from modelwright.preparation import Prepared
from modelwright.step import Limits, Outcome, Step
from modelwright.tasks.metrics import gain

REFIT_VERSION = 6
LIGHTER = 6
"""Lighter models that are tried when none of those at hand keeps the limits."""
SPEED_RESERVE = 0.85
"""Share of a limit of speed that members may use: the delivered model is fitted on more rows, and clocks differ."""
SIZE_RESERVE = 0.9
ASSEMBLED = 70e6
"""Bytes of models that are put together in a second."""
WIDER = 0.1
"""Share of the time that is left which fitting members for a second level only may take."""
WIDEST = 6
"""Members that a second level may have for it."""
LITTLE = 0.02
"""Share that they begin with."""
REFIT_SHARE = 0.5
"""Of the time that is left, what refits of members that were compared on samples may take, as far as can be told."""
CUT_AGAIN = 1.3
"""Of a fit that the clock cut short when models were compared: how many times its seconds a refit may take."""
SHARED = 0.8
"""Fits get quicker by this power of the number of their threads."""
NEAR = 1.5
"""When no model keeps the limits: how much further than the closest one a better model may be beyond them."""


def finishing(clock: Clock, model_bytes: int | None = None) -> float:
    """Seconds for assembling, bundle and report.

    Args:
        clock: the deadline.
        model_bytes: what the members' models take on disk; as much as most do, where it isn't known.
    """
    if model_bytes is None:
        return min(2.0 + 0.01 * clock.budget, 0.15 * clock.budget)
    return min(2.0 + model_bytes / ASSEMBLED, 0.25 * clock.budget)


@dataclass(frozen=True)
class Burden:
    """What a fitted model costs in use: milliseconds a row, bytes, seconds of fitting, steps against directions."""

    milliseconds: float
    size: int
    seconds: float
    bends: float


@dataclass
class Refitter:
    """Fits members on all development rows, and on the sealed ones besides.

    Args:
        prepared: what the run stands on.
        evaluator: its engine performs the steps.
        journal: the run's log.
        clock: the deadline.
        chooser: what may be chosen instead.
        fitted: the outcomes of fits, by number.

    Where models were compared on samples (see :mod:`modelwright.fidelity`), members are fitted on as many development
    rows as time and memory allow, and not once more on the sealed ones besides, which would be next to nothing.
    """

    prepared: Prepared
    evaluator: Evaluator
    journal: Journal
    clock: Clock
    chooser: Chooser
    fitted: dict[int, Outcome] = field(default_factory=dict)
    _begun: dict[int, Future[Outcome]] = field(default_factory=dict)
    _burdens: dict[int, Burden] = field(default_factory=dict)
    _overhead: float = 0.0

    @property
    def usable(self) -> Mapping[int, Experiment]:
        """Experiments that made a model, by number."""
        return self.chooser.usable

    def model(self, number: int) -> str:
        """Digest of an experiment's model, fitted on all development rows."""
        return self.fitted[number].artefacts["model"]

    def model_bytes(self, choice: Choice) -> int:
        """What the fitted members of a choice take on disk."""
        return sum(self.journal.path(self.model(number)).stat().st_size for number in choice.weights)

    def _compared(self, number: int) -> bool:
        """Take the model that an experiment was compared with for its fitted one; whether it was kept."""
        experiment = self.usable[number]
        if not experiment.model:
            return False
        try:
            self.evaluator.engine.store.path(experiment.model)
        except KeyError:  # it was dropped
            return False
        value = {"fit_seconds": experiment.fit_seconds, "rows": experiment.train_rows}
        self.fitted[number] = Outcome("reused", value, {"model": experiment.model})
        return True

    def one_fit(self, experiment: Experiment) -> float:
        """Seconds of fitting once on all development rows."""
        return self.seconds(experiment, self.prepared.protocol.n_development)

    def fitted_rows(self, number: int) -> int:
        """Rows that an experiment's judged model was fitted on."""
        return int(self.fitted[number].value["rows"])

    def fewest(self, choice: Choice) -> int:
        """The least development rows that a member of a choice was fitted on; 0 where all were fitted on all."""
        rows = min(self.fitted_rows(number) for number in choice.weights)
        return 0 if rows >= self.prepared.protocol.n_development else rows

    def seconds(self, experiment: Experiment, rows: int) -> float:
        """Seconds of fitting once on so many rows."""
        if not self.evaluator.fidelity.sampled:
            return experiment.fit_seconds * rows / self.evaluator.forecasts.training_rows()
        recipe, known = experiment.recipe or experiment.plan.recipe, experiment.train_rows
        return self.evaluator.forecasts.seconds_for(recipe, experiment.fit_seconds, known, rows)

    def _least_seconds(self, experiment: Experiment) -> float:
        """Seconds of the least refit that is worth having: on all rows, or on as many as it was compared on."""
        if experiment.model:
            return 0.0
        sampled = self.evaluator.fidelity.sampled
        return self.seconds(experiment, experiment.train_rows) if sampled else self.one_fit(experiment)

    def _limits(self, numbers: Iterable[int]) -> dict[int, int | None]:
        """On how many development rows each of these experiments is fitted: ``None`` stands for all.

        As many as they can be fitted on, side by side, in the time that is left, and not fewer than they were compared
        on. A baseline, which has little to learn, is fitted on the first sample.
        """
        members = {number: self.usable[number] for number in numbers}
        fidelity, n, slots = self.evaluator.fidelity, self.prepared.protocol.n_development, self.evaluator.engine.slots
        if not fidelity.sampled:
            return dict.fromkeys(members)
        if all(e.plan.by == "baselines" for e in members.values()):
            return dict.fromkeys(members, fidelity.first)
        room = REFIT_SHARE * max(1.0, self.clock.left() - finishing(self.clock))
        speed = self._threads(len(members)) ** SHARED
        most = min(n, fidelity.most)
        common, least = most, min(e.train_rows for e in members.values())
        while True:
            rows = {number: min(most, max(common, e.train_rows)) for number, e in members.items()}
            seconds = [self.seconds(e, rows[number]) for number, e in members.items()]
            if common <= least or max(sum(seconds) / slots, max(seconds) / speed) <= room:
                return {number: None if count >= n else count for number, count in rows.items()}
            common = max(least, int(0.9 * common))

    def _threads(self, members: int) -> int:
        """Threads of each of so many refits side by side: on large data, where fits take all the time, all cores."""
        slots = self.evaluator.engine.slots
        return max(1, slots // members) if self.evaluator.fidelity.sampled else 1

    def affordable(self, weights: Mapping[int, float]) -> dict[int, float]:
        """The members that can be refitted in time, largest weights first; the best single model when none can."""
        room = max(1.0, self.clock.left() - finishing(self.clock))
        room *= REFIT_SHARE if self.evaluator.fidelity.sampled else 1.0
        slots = self.evaluator.engine.slots
        kept: dict[int, float] = {}
        spent = 0.0
        for number, weight in sorted(weights.items(), key=lambda item: -item[1]):
            seconds = 1.15 * self._least_seconds(self.usable[number])
            if seconds <= room and (spent + seconds) / slots <= room:
                kept[number] = weight
                spent += seconds
        if sum(kept.values()) < 0.5:
            # What is left is not the mixture that was chosen: one good model that can be fitted serves better.
            best = next(iter(self._in_time(room)), None)
            kept = {best.number: 1.0} if best is not None else kept or {max(weights, key=lambda n: weights[n]): 1.0}
        total = sum(kept.values())
        return {n: w / total for n, w in kept.items()}

    def wider(self, weights: Mapping[int, float]) -> dict[int, float]:
        """Shares with small ones of the best models of other kinds, which a second level may learn from.

        Only such as take a small part of the time that is left: the mixture knows how to do without them.
        """
        if self.limited:
            return dict(weights)
        room = WIDER * self.clock.left() * self.evaluator.engine.slots
        found, kinds = dict(weights), {self.usable[n].plan.estimator.action for n in weights}
        for experiment in self.chooser.by_score(self.chooser.eligible()):
            seconds, kind = self.one_fit(experiment), experiment.plan.estimator.action
            if len(found) < WIDEST and kind not in kinds and experiment.informed and seconds <= room:
                found[experiment.number] = LITTLE
                kinds.add(kind)
                room -= seconds
        return _scaled(found)

    @property
    def limited(self) -> bool:
        """Whether what is delivered depends on what fitted members cost in use."""
        demands = self.chooser.constraints
        return any((demands.latency_ms, demands.model_bytes, demands.training_seconds, demands.monotone))

    def begin(self, choice: Choice) -> None:
        """Begin to fit every member on all development rows; :meth:`members` waits for it.

        Where models were kept when they were compared, those are judged.
        """
        missing = [n for n in choice.weights if n not in self._begun and not self._compared(n)]
        if missing:
            self._begun |= self._side_by_side(missing)

    def members(self, choice: Choice) -> Choice:
        """Fit every member on all development rows; those that fail are left out and said so.

        Raises:
            NoModelError: when neither a member nor any other model can be fitted.
        """
        self.begin(choice)
        for number in choice.weights:
            if number in self._begun:
                self._keep(number, self._begun[number].result())
        kept = {n: w for n, w in choice.weights.items() if n in self.fitted}
        if kept:
            return choice if len(kept) == len(choice.weights) else self.chooser.settle(_scaled(kept))
        other = self.another(tuple(choice.weights))
        if other is None:
            raise NoModelError("no model could be fitted on all development rows; try a longer --time-budget")
        return other

    def _side_by_side(self, numbers: Sequence[int]) -> dict[int, Future[Outcome]]:
        limit = max(2.0, self.clock.left() - 0.6 * finishing(self.clock))
        if not self.evaluator.fidelity.sampled:
            return {n: self.submit(self.usable[n], seconds=limit) for n in numbers}
        rows, threads = self._limits(numbers), self._threads(len(numbers))
        # Those that wait for a free worker need their part of the time, too.
        seconds = limit / -(-len(numbers) // self.evaluator.engine.slots)
        return {n: self.submit(self.usable[n], seconds=seconds, rows=rows[n], threads=threads) for n in numbers}

    def another(self, tried: tuple[int, ...]) -> Choice | None:
        """The best other model that can be fitted, alone; ``None`` when there is none."""
        room = max(1.0, self.clock.left() - 0.6 * finishing(self.clock))
        eligible = self.chooser.eligible()
        rest = [e for e in self._in_time(room) if e.number in eligible]
        rest += self._in_time(room) + sorted(self.usable.values(), key=lambda e: (e.fit_seconds, e.number))
        for experiment in dict.fromkeys(e.number for e in rest if e.score is not None and e.number not in tried):
            if self.fit(experiment):
                self.journal.append("fallback", {"experiment": self.usable[experiment].slug})
                return self.chooser.settle({experiment: 1.0})
        return None

    def fit(self, number: int, spare: float = 0.0) -> bool:
        """Fit one model on all development rows unless it has been; whether there is one."""
        if number not in self.fitted and not self._compared(number):
            seconds = max(5.0, self.clock.left() - spare)
            future = self.submit(
                self.usable[number], seconds=seconds, rows=self._limits([number])[number], threads=self._threads(1)
            )
            self._keep(number, future.result(), quiet=True)
        return number in self.fitted

    def within_limits(self, choice: Choice) -> Choice:
        """A choice whose models keep the demanded limits of speed, size, training time and direction.

        Of all mixtures of the members that keep them, the best by out-of-fold score; else of lighter models; else
        whatever comes closest to keeping them.
        """
        if not self.limited:
            return choice
        self._weigh(choice.weights)
        options = [choice.weights, *subsets(choice.weights)]
        lighter = self._lighter(choice)
        while not (kept := [w for w in options if self._excess(w) <= 1]) and lighter:
            number = lighter.pop(0).number
            if self.clock.left() < 2 * finishing(self.clock) or not self.fit(number):
                continue
            self._weigh({number: 1.0})
            options.append({number: 1.0})
        metric = self.evaluator.metric
        if kept:
            best = kept[0] if kept[0] is choice.weights else max(
                kept, key=lambda w: (gain(metric, self.chooser.score(w), 0.0), -len(w))
            )  # fmt: skip
        else:
            # Of what comes about as close, the best: a useless model that is a little smaller serves nobody.
            least = min(map(self._excess, options))
            near = [w for w in options if self._excess(w) <= NEAR * least]
            best = max(near, key=lambda w: (gain(metric, self.chooser.score(w), 0.0), -len(w)))
        if best is choice.weights:
            return choice
        self.journal.append(
            "limits_applied",
            {
                "members": [self.usable[n].slug for n in best],
                "left_out": [self.usable[n].slug for n in choice.weights if n not in best],
                "kept": bool(kept),
            },
        )
        return self.chooser.settle(best)

    def told(self, choice: Choice) -> str:
        """On how many rows the members of a choice were fitted."""
        n, counts = self.prepared.protocol.n_development, sorted({self.fitted_rows(m) for m in choice.weights})
        if counts == [n]:
            return f"The judged model was fitted on the {n:,} development rows and is delivered as it was judged."
        many = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
        return (
            f"The judged model was fitted on {many} of the {n:,} development rows, as many as there were time and "
            "memory for, and is delivered as it was judged."
        )

    def _in_time(self, room: float) -> list[Experiment]:
        """Experiments whose model can be fitted in this many seconds: best score first, constants last."""
        return [e for e in self.chooser.by_score(self.usable) if 1.15 * self._least_seconds(e) <= room]

    def _lighter(self, choice: Choice) -> list[Experiment]:
        """What to try when the limits aren't kept: good models that predict and fit quicker, then the quickest."""
        eligible = self.chooser.eligible()
        mine = [self.usable[n] for n in choice.weights]
        pace = min(e.predict_seconds + 0.1 * e.fit_seconds for e in mine)
        rest = [e for e in self.chooser.by_score(eligible) if e.number not in choice.weights]
        quicker = [e for e in rest if e.predict_seconds + 0.1 * e.fit_seconds < 0.8 * pace]
        quickest = sorted(rest, key=lambda e: (e.predict_seconds + 0.1 * e.fit_seconds, e.number))
        wanted = [*quicker[: LIGHTER - 2], *quickest[:2]] if not self.chooser.constraints.monotone else rest[:LIGHTER]
        return list({e.number: e for e in wanted}.values())

    def _weigh(self, weights: Mapping[int, float]) -> None:
        numbers = [n for n in weights if n not in self._burdens]
        if not numbers:
            return
        situation = self.evaluator.situation
        step = Step(
            "modelwright.verifying:weigh_members",
            REFIT_VERSION,
            {
                "schema": plain(self.prepared.features),
                "target": situation.target,
                "n_classes": situation.n_classes,
                "monotone": dict(self.chooser.constraints.monotone),
                "count": len(numbers),
            },
            {f"member_{i}": self.model(n) for i, n in enumerate(numbers)} | {"rows": self.prepared.development},
            situation.seed,
        )
        limits = Limits(seconds=max(10.0, self.clock.left()), memory=self.evaluator.memory)
        outcome = self.evaluator.engine.perform(step, limits, stage="weigh members")
        if not outcome.ok:  # verifying says in the end what can be said
            self._burdens |= {n: Burden(0.0, 0, 0.0, 0.0) for n in numbers}
            return
        self._overhead = float(outcome.value["overhead_ms"])
        for number, found in zip(numbers, outcome.value["members"], strict=True):
            seconds = float(self.fitted[number].value["fit_seconds"])
            self._burdens[number] = Burden(
                float(found["one_row_ms"]), int(found["bytes"]), seconds, float(found["bends"])
            )

    def _excess(self, weights: Mapping[int, float]) -> float:
        found = [self._burdens[n] for n in weights]
        return excess(
            self.chooser.constraints,
            (self._overhead + sum(b.milliseconds for b in found)) / SPEED_RESERVE,
            sum(b.size for b in found) / SIZE_RESERVE,
            sum(b.seconds for b in found) / SPEED_RESERVE,
            max(b.bends for b in found),
        )

    def submit(
        self,
        experiment: Experiment,
        *,
        seconds: float,
        rows: int | None = None,
        sealed: bool = False,
        threads: int = 1,
        copy: int = 0,
    ) -> Future[Outcome]:
        """Begin to fit a model.

        Args:
            experiment: whose model it is.
            seconds: after which it is stopped.
            rows: development rows that it is fitted on, about; ``None`` for all.
            sealed: whether it learns from the sealed rows, too.
            threads: that the fit may use.
            copy: which of several fits that differ by their seed.
        """
        situation = self.evaluator.situation
        inputs = {"rows": self.prepared.development}
        if sealed:
            inputs["holdout"] = self.prepared.protocol.sealed
        elif self.prepared.protocol.gap:
            inputs["assignment"] = self.prepared.protocol.assignment
        step = Step(
            "modelwright.fitting:refit",
            REFIT_VERSION,
            {
                "recipe": plain(experiment.recipe),
                "situation": situation.compile_args,
                "target": situation.target,
                "sealed": sealed,
            }
            | ({"rounds": list(experiment.rounds)} if experiment.rounds else {})
            | ({"max_train_rows": rows} if rows is not None else {}),
            inputs,
            situation.seed + copy,
        )
        soft = (0.7 if self.evaluator.fidelity.sampled else 0.9) * seconds
        if experiment.truncated:  # a longer fit would be another model than the one that was compared
            soft = min(soft, CUT_AGAIN * self.one_fit(experiment))
        limits = Limits(seconds, soft, self.evaluator.memory, threads)
        stage, priority = ("refit on all rows", 1) if sealed else ("refit", 0)
        return self.evaluator.engine.submit(step, limits, stage=stage, priority=priority)

    def lost(self, number: int, outcome: Outcome) -> None:
        """Tell the log that a member could not be fitted."""
        why = outcome.failure.message if outcome.failure else "it was cut short by the clock"
        self.journal.append("member_lost", {"experiment": self.usable[number].slug, "reason": why})

    def _keep(self, number: int, outcome: Outcome, quiet: bool = False) -> None:
        if outcome.ok:
            self.fitted[number] = outcome
        elif not quiet:
            self.lost(number, outcome)


def _scaled(weights: Mapping[int, float]) -> dict[int, float]:
    total = sum(weights.values())
    return {n: w / total for n, w in weights.items()}
