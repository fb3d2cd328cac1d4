"""What a model has learnt and how sure it is, in facts: for its report, for its bundle and for the person who asks.

Everything is said in the data's original columns. *The outcome* that figures are about is the predicted value of a
regression, the probability of the positive class of two, or the probability of the class that is predicted of several.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Contribution:
    """How far one column moves predictions away from the average one.

    Args:
        column: its name, or a phrase for several columns that were moved together.
        mean: mean absolute Shapley value over the explained rows, in the outcome's units.
        low: lower end of its 95 % interval, over resampled rows.
        high: upper end of it.
        direction: rank correlation of the column's values with its Shapley values, −1 to 1; 0 where values have no
            order.
        words: what larger values (or which levels) do to the prediction; empty when it can't be said.
        count: how many columns it stands for.
    """

    column: str
    mean: float
    low: float
    high: float
    direction: float = 0.0
    words: str = ""
    count: int = 1


@dataclass(frozen=True)
class Contributions:
    """Shapley values in summary.

    Args:
        outcome: what is explained, in words: ``"probability of 'yes'"``.
        base: mean outcome of the background rows; a row's Shapley values add up to its outcome minus this.
        rows: rows that were explained.
        background: rows that absent values were taken from.
        columns: largest first; what remains of many columns stands together in the last entry.
        truncated: whether fewer rows were explained than wished, for lack of time.
    """

    outcome: str
    base: float
    rows: int
    background: int
    columns: tuple[Contribution, ...]
    truncated: bool = False


@dataclass(frozen=True)
class Dependence:
    """The mean prediction when one column is set to each of several values and all others stay (Friedman 2001).

    Args:
        column: its name.
        kind: how the points are to be read: ``number``, ``date`` (``x`` in seconds since 1970) or ``level``.
        x: the points, ascending, within the middle 98 % of the data; for levels 0, 1, ….
        levels: names of the points of a column of levels, commonest first; empty otherwise.
        y: mean outcome at each point.
        low: ``y`` plus the 10 % point of the single rows' deviations from the mean curve, each row's curve centred
            first. Where ``low`` and ``high`` are far apart, the column's effect depends on other columns.
        high: the same with the 90 % point.
        density: share of rows nearest to each point; adds up to at most 1.
        outcome: what ``y`` is, in words.
    """

    column: str
    kind: Literal["number", "date", "level"]
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    density: tuple[float, ...]
    levels: tuple[str, ...] = ()
    outcome: str = ""


@dataclass(frozen=True)
class Interaction:
    """How much of two columns' joint effect is more than the sum of their single effects.

    Args:
        first: a column.
        second: another one.
        strength: Friedman's H, 0 to 1: the root of the share of the joint effect's variance that is interaction.
        size: standard deviation of the interaction, in the outcome's units. H alone may be large where neither column
            matters; this isn't.
    """

    first: str
    second: str
    strength: float
    size: float


@dataclass(frozen=True)
class Dependences:
    """How predictions depend on the most important columns.

    Args:
        columns: one curve a column, most important first.
        interactions: pairs of those columns, largest size first.
        rows: rows whose predictions were averaged.
        truncated: whether columns or pairs were left out for lack of time.
    """

    columns: tuple[Dependence, ...]
    interactions: tuple[Interaction, ...] = ()
    rows: int = 0
    truncated: bool = False


@dataclass(frozen=True)
class Condition:
    """One condition of a rule.

    Args:
        column: its name.
        relation: ``≤``, ``>``, ``before``, ``from`` (dates), ``is`` or ``is not`` (levels).
        value: a number, a day, or a level, as text.
        missing: whether rows without a value fulfil it too.
    """

    column: str
    relation: Literal["≤", ">", "before", "from", "is", "is not"]
    value: str
    missing: bool = False


@dataclass(frozen=True)
class Rule:
    """One leaf of a small tree.

    Args:
        conditions: all of them hold.
        prediction: the outcome that the tree gives: a number or a probability; for several classes the share of rows
            with ``label``.
        share: share of the rows it applies to.
        label: for several classes, the class.
    """

    conditions: tuple[Condition, ...]
    prediction: float
    share: float
    label: str = ""


@dataclass(frozen=True)
class Surrogate:
    """A tree of at most four levels that imitates the model and that a person can read.

    Args:
        rules: its leaves.
        text: the same as indented text.
        fidelity: how well it imitates the model on rows that neither has seen: R² of the outcome, or for several
            classes the share of equal labels.
        measure: ``R²`` or ``agreement``.
        depth: its levels.
        rows: rows that the fidelity was measured on.
        score: what the tree alone scores on those rows in the run's metric, where the metric can be computed.
        outcome: what the rules predict, in words.
    """

    rules: tuple[Rule, ...]
    text: str
    fidelity: float
    measure: Literal["R²", "agreement"]
    depth: int
    rows: int
    score: float | None = None
    outcome: str = ""


@dataclass(frozen=True)
class Coverage:
    """What intervals or sets that promise a level hold on rows that were sealed away.

    Args:
        level: the promised share of rows whose truth lies inside.
        observed: the share that did.
        low: lower end of the 95 % interval of the observed share (Clopper and Pearson 1934, with the number of
            independent rows where rows belong together).
        high: upper end of it.
        width: mean width in the target's units, or for sets the mean number of classes.
        rows: rows that it was observed on.
    """

    level: float
    observed: float
    low: float
    high: float
    width: float
    rows: int

    @property
    def holds(self) -> bool:
        """Whether the promise is compatible with what was observed: not clearly fewer rows inside than promised.

        One per cent of the rows is forgiven, since the scores that intervals are made from are a sample too.
        """
        return self.high >= self.level - 0.01


@dataclass(frozen=True)
class Scores:
    """Ordered conformity scores of rows that the model hadn't seen.

    Args:
        count: how many rows they come from.
        ranks: positions in the ordered scores, from 1; of many rows only some are kept, more of them at the ends.
        values: the scores there, ascending.
    """

    count: int
    ranks: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Uncertainty:
    """Conformal intervals (regression) or sets (classification): how they are made, and whether they hold.

    Args:
        kind: ``interval`` or ``set``.
        scores: for intervals one entry: truth minus prediction, divided by the expected error to the power of
            ``local``. For sets one entry a class: one minus the probability that the model gave to it, of rows that
            belong to it.
        coverage: what was observed on the sealed rows, by level.
        local: how far the width of an interval follows the error that is expected of its row: 0 not at all (all are
            equally wide), 1 in proportion.
        floor: the smallest value of the target that an interval reaches down to; ``None`` for no end.
        reason: how it was decided, in a sentence or two.
    """

    kind: Literal["interval", "set"]
    scores: tuple[Scores, ...]
    coverage: tuple[Coverage, ...] = ()
    local: float = 0.0
    floor: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Change:
    """One value of a row that is different in a counterfactual.

    Args:
        column: its name.
        old: the row's value, as text.
        new: the other value, as text.
    """

    column: str
    old: str
    new: str


@dataclass(frozen=True)
class Counterfactual:
    """A row like the given one with another outcome.

    Args:
        changes: what is different, the column that matters most first.
        prediction: what is predicted for it: a label or a number.
        outcome: probability of the wanted class, or the predicted number.
        distance: sum over the changes of the share of the data that lies between old and new value; a change of level
            or from missing counts one half.
    """

    changes: tuple[Change, ...]
    prediction: str
    outcome: float
    distance: float

    def __str__(self) -> str:
        changes = ", ".join(f"{c.column}: {c.old} → {c.new}" for c in self.changes)
        return f"{changes} ⇒ {self.prediction}"


@dataclass(frozen=True)
class Counterfactuals:
    """What would change a prediction.

    Args:
        prediction: what is predicted now.
        wanted: what was looked for, in words.
        found: the smallest changes first; empty when none was found.
        note: what the reader should know, for instance that none was found, and among how many columns.
    """

    prediction: str
    wanted: str
    found: tuple[Counterfactual, ...] = ()
    note: str = ""
