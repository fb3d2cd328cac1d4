"""Single trees whose leaves are never certain."""

from __future__ import annotations

from typing import Any

from modelwright.estimators._model import Array, Wrapped


class Tree(Wrapped):
    """One tree, whose leaf shares are mixed with the class shares as if these were one more row of a hundred.

    A pure leaf would otherwise be certain, which no leaf is entitled to.
    """

    def _raw(self, X: Any) -> Array:
        raw = super()._raw(X)
        return 0.99 * raw + 0.01 * self.prior_ if self.n_classes else raw
