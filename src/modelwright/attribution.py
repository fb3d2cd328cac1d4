"""How far each column moves a prediction away from the average one: Shapley values of any model.

Source: Štrumbelj and Kononenko, "Explaining prediction models and individual predictions with feature contributions",
2014, by sampled permutations; Lundberg and Lee, "A unified approach to interpreting model predictions", 2017. Every
permutation is used forwards and backwards (antithetic pairs; Mitchell, Cooper, Frank and Holmes 2022), which is exact
for models in which at most two columns interact. An absent column takes its value from a background row, so what is
explained is the model, not the world: a column that the model ignores gets exactly nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Predict = Callable[["pd.DataFrame"], "np.ndarray"]
"""A frame to probabilities (n, k) or values (n,)."""

MOST = 32
"""Background rows that each row is compared with at most; every one costs a pair of walks."""
FEWEST = 2
AT_ONCE = 2_000_000
"""Cells (rows times columns) that are predicted in one call at most."""
PILOT = 64


@dataclass(frozen=True)
class Attribution:
    """Shapley values of some rows.

    Args:
        players: the groups of columns whose values are set together, mostly one column each.
        values: (rows, players); ``base + values.sum(axis=1)`` is ``outcome``.
        error: (rows, players) standard error over the background rows.
        outcome: what the model gives for each row (rows,).
        base: mean of what it gives for the background (rows,); differs between rows only where different classes are
            explained.
        background: background rows that were used.
        truncated: whether time allowed fewer background rows or fewer players than asked.
    """

    players: tuple[tuple[str, ...], ...]
    values: np.ndarray
    error: np.ndarray
    outcome: np.ndarray
    base: np.ndarray
    background: int
    truncated: bool = False


def players_of(columns: Sequence[str], ranked: Sequence[str], most: int) -> list[tuple[str, ...]]:
    """Columns one by one, most important first, and beyond ``most`` all that matter least in one group at the end.

    Args:
        columns: all columns.
        ranked: those known to matter, most important first; the others follow in their own order.
        most: groups at most, at least 2.
    """
    known = set(columns)
    order = list(dict.fromkeys([*(c for c in ranked if c in known), *columns]))
    alone = order if len(order) <= most else order[: most - 1]
    rest = tuple(order[len(alone) :])
    return [*((c,) for c in alone), *([rest] if rest else [])]


def attribute(
    predict: Predict,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    players: Sequence[tuple[str, ...]],
    *,
    seed: int,
    picked: np.ndarray | None = None,
    seconds: float = math.inf,
    most: int = MOST,
    fixed: Sequence[str] = (),
) -> Attribution:
    """Shapley values by antithetic permutation sampling, one pair of permutations for each background row.

    Where a model looks at other rows of the frame (earlier ones of the same group, say), all rows are changed
    together, so that what they tell each other is explained with them; that is slower.

    Args:
        predict: the model.
        rows: rows to explain.
        background: rows that absent values come from, with the same columns; the first ``most`` are used, or with too
            little time the first power of two that can be afforded.
        players: groups of columns that share a value; they cover all columns but the fixed ones. The last is given
            the others' columns when time is so short that players have to be merged.
        seed: seed of the permutations.
        picked: for probabilities the class to explain, by row (n,); ``None`` for values.
        seconds: about how long it may take; the least is done in any case.
        most: background rows at most.
        fixed: columns that keep each row's value where rows depend on each other: time and group.
    """
    import numpy as np

    most = min(most, len(background))
    started = time.monotonic()
    work = _Work(predict, rows, background, picked, tuple(fixed))
    players = [tuple(c for c in player if c not in work.fixed) for player in players]
    players = [player for player in players if player]
    truncated = False
    if math.isfinite(seconds) and len(rows) and most > FEWEST:
        pilot = work if work.together else work.first(PILOT)
        begun = time.monotonic()
        pilot.pairs(players, [0], seed)
        one = (time.monotonic() - begun) * len(rows) / max(1, len(pilot.rows))
        wanted, n = most, len(players)
        most, count = _afforded(one, seconds - (time.monotonic() - started), most, len(players))
        truncated = (most, count) != (wanted, n)
        players = [*players[: count - 1], tuple(c for p in players[count - 1 :] for c in p)] if count < n else players
    total, squared, base = work.pairs(players, list(range(most)), seed)
    values = total / most
    spread = np.sqrt(np.maximum(squared / most - values**2, 0.0) / max(1, most - 1))
    return Attribution(tuple(players), values, spread, work.outcome, base / most, most, truncated)


def _afforded(one: float, seconds: float, most: int, players: int) -> tuple[int, int]:
    """Background rows and players that the time allows, when one background row takes ``one`` seconds.

    Background rows are given up first: columns that are put together can't be told apart by anybody.
    """
    counts = (players, *(c for c in (64, 32) if c < players))
    for count in counts:
        fits = [m for m in (most, 16, 8, 4, FEWEST) if m <= most and m * one * count / players <= seconds]
        if fits:
            return fits[0], count
    return FEWEST, counts[-1]


class _Work:
    """The frame that walks are made of: all rows and all background rows, column by column.

    Args:
        predict, rows, background, picked, fixed: see :func:`attribute`.
    """

    def __init__(
        self,
        predict: Predict,
        rows: pd.DataFrame,
        background: pd.DataFrame,
        picked: np.ndarray | None,
        fixed: tuple[str, ...],
        *,
        together: bool | None = None,
    ) -> None:
        import numpy as np
        import pandas as pd

        self.predict, self.rows, self.background, self.picked = predict, rows, background, picked
        self.names = list(rows.columns)
        self.n = len(rows)
        self.pool = {name: _stacked(rows[name], background[name]) for name in self.names}
        # Equal values needn't be set: the prediction can't change.
        self.codes = {name: pd.factorize(column)[0] for name, column in self.pool.items()}
        self._fixed = fixed
        if together is None:
            self.outcome = self._watched(predict(rows), np.arange(self.n))
            together = self._depends_on_others()
        self.together = together
        self.fixed = frozenset(fixed) if together else frozenset()

    def first(self, count: int) -> _Work:
        """The same with fewer rows, spread evenly."""
        import numpy as np

        if self.n <= count:
            return self
        kept = np.linspace(0, self.n - 1, count).astype(np.int64)
        picked = None if self.picked is None else self.picked[kept]
        part = _Work(
            self.predict,
            self.rows.iloc[kept].reset_index(drop=True),
            self.background,
            picked,
            self._fixed,
            together=self.together,
        )
        part.outcome = self.outcome[kept]
        return part

    def pairs(
        self, players: Sequence[tuple[str, ...]], sources: Sequence[int], seed: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sums over background rows of the contributions, of their squares, and of the background's own outcome.

        Args:
            players: groups of columns.
            sources: which background rows.
            seed: permutations depend on it and on the background row alone.
        """
        import numpy as np

        total, squared = np.zeros((self.n, len(players))), np.zeros((self.n, len(players)))
        base = np.zeros(self.n)
        size = 1 if self.together else max(1, AT_ONCE // max(1, len(self.names) * 2 * len(players)))
        for block in self._blocks(size):
            steps = max(1, AT_ONCE // max(1, len(self.names) * 2 * len(players) * len(block)))
            for start in range(0, len(sources), steps):
                chunk = sources[start : start + steps]
                found, ground = self._walked(players, chunk, block, seed)
                total[block] += found.sum(axis=0)
                squared[block] += (found**2).sum(axis=0)
                base[block] += ground.sum(axis=0)
        return total, squared, base

    def _blocks(self, size: int) -> list[np.ndarray]:
        import numpy as np

        if self.together:
            return [np.arange(self.n)]
        return [np.arange(i, min(i + size, self.n)) for i in range(0, self.n, size)]

    def _walked(
        self, players: Sequence[tuple[str, ...]], sources: Sequence[int], block: np.ndarray, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Contributions by (source, row, player), the mean of both walks, and the outcome at their start."""
        import numpy as np

        p, r, s = len(players), len(block), len(sources)
        orders = np.stack([np.random.default_rng([seed, 29, source]).permutation(p) for source in sources])
        ranks = np.argsort(orders, axis=1)
        # after step k of a forward walk the players of rank < k hold the row's values; backwards those of rank ≥ p − k
        steps = np.arange(p)
        present = np.concatenate(
            [ranks[:, None, :] < steps[None, :, None], ranks[:, None, :] >= p - steps[None, 1:, None]], axis=1
        )  # (sources, 2p − 1 steps, players); step 0 is shared by both walks
        differs = self._differs(players, sources, block)  # (sources, rows, players)
        outcomes = self._outcomes(players, sources, block, present, differs)  # (sources, steps, rows)
        final = np.broadcast_to(self.outcome[block], (s, 1, r))
        forward = np.concatenate([outcomes[:, :p], final], axis=1)
        backward = np.concatenate([outcomes[:, :1], outcomes[:, p:], final], axis=1)
        found = np.empty((s, r, p))
        for i in range(s):
            ahead, behind = np.diff(forward[i], axis=0), np.diff(backward[i], axis=0)
            found[i] = 0.5 * (ahead[ranks[i]] + behind[p - 1 - ranks[i]]).T
        return found, outcomes[:, 0]

    def _differs(self, players: Sequence[tuple[str, ...]], sources: Sequence[int], block: np.ndarray) -> np.ndarray:
        import numpy as np

        places = self.n + np.asarray(sources)
        found = np.zeros((len(sources), len(block), len(players)), dtype=bool)
        for j, player in enumerate(players):
            for name in player:
                codes = self.codes[name]
                found[:, :, j] |= codes[block][None, :] != codes[places][:, None]
        return found

    def _outcomes(
        self,
        players: Sequence[tuple[str, ...]],
        sources: Sequence[int],
        block: np.ndarray,
        present: np.ndarray,
        differs: np.ndarray,
    ) -> np.ndarray:
        """The outcome at every step, predicted once for every different mixture of row and background row."""
        import numpy as np

        s, steps, p = present.shape
        r = len(block)
        if self.together:
            found = np.empty((s, steps, r))
            for i in range(s):
                for k in range(steps):
                    mixed = np.broadcast_to(present[i, k], (r, p))
                    found[i, k] = self._predicted(players, mixed, block, np.full(r, self.n + sources[i]))
            return found
        mixed = present[:, :, None, :] & differs[:, None, :, :]  # (sources, steps, rows, players)
        # A mixture is the same as one before when every value that was set since is an equal one.
        keys = np.packbits(mixed.reshape(-1, p), axis=1)
        source_of, _, row_of = (axis.ravel() for axis in np.indices((s, steps, r)))
        whole = np.stack([source_of, row_of], axis=1).astype(np.int64).view(np.uint8)
        told = np.ascontiguousarray(np.concatenate([whole, keys], axis=1))
        _, first, inverse = np.unique(told.view(f"V{told.shape[1]}").ravel(), return_index=True, return_inverse=True)
        which, source = row_of[first], source_of[first]
        # A mixture in which every differing value is the row's own is the row itself.
        itself = ~(differs[source, which] & ~mixed.reshape(-1, p)[first]).any(axis=1)
        outcome = np.empty(len(first))
        outcome[itself] = self.outcome[block[which[itself]]]
        asked = np.flatnonzero(~itself)
        outcome[asked] = self._predicted(
            players,
            mixed.reshape(-1, p)[first[asked]],
            block[which[asked]],
            self.n + np.asarray(sources)[source[asked]],
        )
        return outcome[inverse].reshape(s, steps, r)

    def _predicted(
        self, players: Sequence[tuple[str, ...]], mixed: np.ndarray, row: np.ndarray, source: np.ndarray
    ) -> np.ndarray:
        """Outcomes of mixtures: the values of ``row`` where ``mixed``, else those of ``source``."""
        import numpy as np
        import pandas as pd

        if not len(row):
            return np.zeros(0)
        member = {name: j for j, player in enumerate(players) for name in player}
        columns = {}
        for name in self.names:
            place = row if name not in member else np.where(mixed[:, member[name]], row, source)
            columns[name] = self.pool[name].take(place)
        frame = pd.DataFrame({i: c.reset_index(drop=True) for i, c in enumerate(columns.values())})
        frame.columns = self.rows.columns
        return self._watched(self.predict(frame), row)

    def _watched(self, raw: np.ndarray, row: np.ndarray) -> np.ndarray:
        import numpy as np

        found = raw if self.picked is None else raw[np.arange(len(row)), self.picked[row]]
        return np.asarray(found, dtype=np.float64)

    def _depends_on_others(self) -> bool:
        """Whether a row is predicted differently in other company."""
        import numpy as np
        import pandas as pd

        if not self.n or not len(self.background):
            return False
        frame = pd.DataFrame(dict(enumerate(self.pool.values())))
        frame.columns = self.rows.columns
        order = np.r_[self.n : len(frame), : self.n][::-1]
        mixed = self.predict(frame.iloc[order].reset_index(drop=True))
        back = np.argsort(order)[: self.n]
        again = self._watched(np.asarray(mixed)[back], np.arange(self.n))
        return not np.allclose(again, self.outcome, rtol=1e-6, atol=1e-9)


def _stacked(first: pd.Series[Any], second: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    if isinstance(first.dtype, pd.CategoricalDtype):
        from pandas.api.types import union_categoricals

        return pd.Series(union_categoricals([first, second.astype(pd.CategoricalDtype(second.cat.categories))]))
    return pd.concat([first, second.astype(first.dtype)], ignore_index=True)
