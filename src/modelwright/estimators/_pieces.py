"""Numbers in pieces: with them, a network can bend sharply at places of a column."""

from __future__ import annotations

import numpy as np

from modelwright.estimators._model import Array
from modelwright.estimators.neural import pieces_of

SAMPLE = 20_000
"""Rows that the pieces' borders are found on; more wouldn't move them."""
STEEPEST = 1e30
"""What a value is multiplied by at most: borders may lie so close that single precision has no number for it."""


class Pieces:
    """Piecewise linear encoding of columns, which stands beside the columns themselves.

    A column's range is divided at its quantiles, and how far a value has come through each piece is a column of its own
    (Gorishniy, Rubachev and Babenko, On embeddings for numerical features in tabular deep learning, 2022). All pieces
    of a column together weigh about as much as the column: where each of them does, they drown what is smooth.

    Args:
        X: rows (n, columns) in single precision.
        bins: pieces of a column at most; with fewer than two, columns stay as they are, as do those of two values.

    Attributes:
        width: columns and pieces together.
        columns_: for each piece the column that it belongs to.
        middles_: of the pieces.
        scales_: what values are multiplied by, so that each piece becomes as wide as it weighs.
        weights_: half the width of each piece once it is encoded.
    """

    def __init__(self, X: Array, bins: int) -> None:
        rows = X[:: max(1, len(X) // SAMPLE)]
        several = [j for j in range(X.shape[1]) if len(np.unique(rows[:, j])) > 2]
        bins = pieces_of(len(several), bins)
        columns: list[int] = []
        low: list[float] = []
        high: list[float] = []
        weights: list[float] = []
        for j in several if bins else ():
            edges = np.unique(np.quantile(rows[:, j], np.linspace(0, 1, bins + 1))).tolist()
            columns += [j] * (len(edges) - 1)
            low += edges[:-1]
            high += edges[1:]
            weights += [(len(edges) - 1) ** -0.5] * (len(edges) - 1)
        self.width = X.shape[1] + len(columns)
        self.columns_ = np.array(columns, dtype=np.int64)
        self.weights_ = np.array(weights, dtype=np.float32)
        self.middles_ = ((np.array(low) + np.array(high)) / 2).astype(np.float32)
        self.scales_ = (2 * self.weights_ / (np.array(high) - np.array(low))).clip(max=STEEPEST).astype(np.float32)

    def __call__(self, X: Array) -> Array:
        """The columns and their pieces, (n, columns + pieces)."""
        if not len(self.columns_):
            return X
        pieces = X.take(self.columns_, axis=1)
        pieces -= self.middles_
        pieces *= self.scales_
        np.clip(pieces, -self.weights_, self.weights_, out=pieces)
        return np.hstack([X, pieces])
