"""Is the delivered model really better than the next one?"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.analyses import Analysis, Case
from modelwright.analyses._judged import judged, seen
from modelwright.comparing import compare
from modelwright.executors import Done, Workplace
from modelwright.fitting import rows_of
from modelwright.hashing import plain
from modelwright.intervals import Resamples, stretches
from modelwright.judgement import Comparison
from modelwright.persistence import load_model

MOST_ROWS = 20_000


def runner_up(place: Workplace, *, case: dict[str, Any]) -> Done:
    """Compare the delivered model with the runner-up, paired.

    A mixture is compared on the sealed rows with its strongest member, which was fitted on the same rows; a single
    model with the next best experiment on out-of-fold rows, since that one is not fitted again for this question. The
    value is a :class:`~modelwright.judgement.Comparison` or ``None``.
    """
    found = judged(place, case)
    asked = found.case
    if len(asked.members) > 1:
        strongest = int(np.argmax(asked.weights))
        member = load_model(place.inputs[f"member_{strongest}"])
        other = found.as_judged(member)
        name = asked.names[strongest] if asked.names else asked.members[strongest].estimator.action
        result = compare(
            found.metric, found.y, found.raw, other, name=name, role="runner-up", resamples=found.resamples,
            **found.rule,
        )  # fmt: skip
        return Done(plain(result), {})
    if "rival" not in place.inputs:
        return Done(None, {})
    ours, theirs = (np.load(place.inputs[name], allow_pickle=False) for name in ("oof", "rival"))
    rows = np.intersect1d(seen(ours), seen(theirs))
    if len(rows) < 20:
        return Done(None, {})
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng([place.seed, 41]).choice(rows, MOST_ROWS, replace=False))
    _, truth = rows_of(place.inputs["rows"], asked.target, asked.n_classes)
    timed = asked.problem.time_column.value is not None
    units = stretches(len(rows), None, None) if timed else None
    result = compare(
        found.metric, truth[rows], ours[rows], theirs[rows], name=asked.rival, role="runner-up", rows="validation",
        resamples=Resamples(len(rows), place.seed, units, most=300), **found.rule,
    )  # fmt: skip
    return Done(plain(result), {})


def _applies(case: Case) -> bool:
    return len(case.members) > 1 or bool(case.rival)


RUNNER_UP = Analysis(
    name="runner_up",
    tool="modelwright.analyses.runner_up:runner_up",
    result=Comparison,
    rank=5,
    share=0.03,
    least=0.3,
    applies=_applies,
)
