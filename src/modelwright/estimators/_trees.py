"""The trees of a forest, packed into a few arrays: a sixth of the room that scikit-learn's take, or less."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse

from modelwright.estimators._model import Array

FEW = 100
"""Rows up to which all trees are walked at once, without making scikit-learn's of them."""


class Trees:
    """The trees of a fitted forest or bagging of scikit-learn, which predict what it predicts.

    Of each node only what a prediction needs is kept, of each leaf only the classes that occur there. Nodes that split
    are numbered over all trees, each tree's root first and each before those below it; leaves are numbered over all
    trees, too. A child is the number of a node, or ``-1 - i`` for leaf ``i``.

    Attributes:
        columns: columns of the rows.
        classes: classes of the forest; 0 for regression.
        nodes: for each tree its first node, and their number at the end, (t + 1,).
        leaves: likewise for the leaves, (t + 1,).
        column: the column that a node looks at.
        threshold: rows up to it go left. Rows come in single precision, so rounding it down to that changes no way.
        missing_left: whether rows without a value go left.
        left: the left child.
        right: the right child.
        entries: for each leaf its first entry in what follows, and their number at the end; ``None`` in regression.
        labels: the class of an entry; ``None`` in regression.
        worth: the share of the class in the leaf, or the leaf's value.
    """

    def __init__(self, forest: Any) -> None:
        trees = [estimator.tree_ for estimator in forest.estimators_]
        self.columns = int(forest.n_features_in_)
        self.classes = len(forest.classes_) if hasattr(forest, "classes_") else 0
        nodes, leaves = [0], [0]
        split: list[Array] = []
        children: tuple[list[Array], list[Array]] = ([], [])
        for tree in trees:
            inner = tree.children_left >= 0
            place = np.where(inner, nodes[-1] + np.cumsum(inner) - 1, -leaves[-1] - np.cumsum(~inner))
            for found, kept in zip((tree.children_left, tree.children_right), children, strict=True):
                kept.append(place[found[inner]].astype(np.int32))
            split.append(np.flatnonzero(inner))
            nodes.append(nodes[-1] + int(inner.sum()))
            leaves.append(leaves[-1] + int((~inner).sum()))
        self.nodes, self.leaves = np.array(nodes, dtype=np.int64), np.array(leaves, dtype=np.int64)
        self.left, self.right = map(np.concatenate, children)
        chosen = getattr(forest, "estimators_features_", None) or [np.arange(self.columns)] * len(trees)
        seen = np.concatenate([own[tree.feature[at]] for own, tree, at in zip(chosen, trees, split, strict=True)])
        self.column = seen.astype(np.min_scalar_type(self.columns))
        self.threshold = _rounded_down(
            np.concatenate([tree.threshold[at] for tree, at in zip(trees, split, strict=True)])
        )
        self.missing_left = np.concatenate(
            [tree.missing_go_to_left[at].astype(bool) for tree, at in zip(trees, split, strict=True)]
        )
        ends = [np.delete(tree.value[:, 0, :], at, axis=0) for tree, at in zip(trees, split, strict=True)]
        self.entries: Array | None = None
        self.labels: Array | None = None
        if not self.classes:
            self.worth: Array = np.concatenate(ends)[:, 0]
            return
        kinds = np.min_scalar_type(self.classes)
        self.entries = np.concatenate([[0], np.cumsum(np.concatenate([np.count_nonzero(e, axis=1) for e in ends]))])
        known = [_places(forest, estimator) for estimator in forest.estimators_]
        self.labels = np.concatenate([own[np.nonzero(e)[1]].astype(kinds) for own, e in zip(known, ends, strict=True)])
        self.worth = np.concatenate([e[np.nonzero(e)] for e in ends])

    def __len__(self) -> int:
        return len(self.nodes) - 1

    def predict(self, X: Any) -> Array:
        """The mean of the trees' values, (n,)."""
        return self._mean(X)[:, 0]

    def predict_proba(self, X: Any) -> Array:
        """The mean of the trees' class shares, (n, classes)."""
        return self._mean(X)

    def _mean(self, X: Any) -> Array:
        width = self.classes or 1
        if X.shape[1] != self.columns:  # scikit-learn's trees would read beyond the row
            raise ValueError(f"the trees look at {self.columns} columns, got {X.shape[1]}")
        if X.shape[0] <= FEW:
            dense = X.toarray() if sparse.issparse(X) else X
            found = self._reached(np.asarray(dense, dtype=np.float32))
            worth = self._worth(found.ravel()).reshape(*found.shape, width)
            # Added up from the first tree to the last, as below, so that few rows and many give the same last bit.
            total: Array = np.cumsum(worth, axis=1)[:, -1]
            return total / len(self)
        rows = X.tocsr().astype(np.float32) if sparse.issparse(X) else np.ascontiguousarray(X, dtype=np.float32)
        total = np.zeros((rows.shape[0], width))
        for first, last in pairwise(zip(self.nodes.tolist(), self.leaves.tolist(), strict=True)):
            tree = self._tree(first, last)
            worth = self._worth(np.arange(first[1], last[1]))
            total += worth[tree.apply(rows) - (last[0] - first[0])]
        return total / len(self)

    def _reached(self, rows: Array) -> Array:
        """The leaf that each row comes to in each tree, (n, t)."""
        empty = self.nodes[1:] == self.nodes[:-1]  # trees that are but a leaf
        roots = np.where(empty, -1 - self.leaves[:-1], self.nodes[:-1])
        at = np.tile(roots, len(rows))
        row = np.repeat(np.arange(len(rows)), len(roots))
        going = np.flatnonzero(at >= 0)
        while going.size:
            node = at[going]
            value = rows[row[going], self.column[node]]
            goes_left = (value <= self.threshold[node]) | (np.isnan(value) & self.missing_left[node])
            at[going] = np.where(goes_left, self.left[node], self.right[node])
            going = going[at[going] >= 0]
        return (-1 - at).reshape(len(rows), len(roots))

    def _worth(self, leaves: Array) -> Array:
        """The values of some leaves, (m, 1), or their class shares, (m, classes)."""
        if self.entries is None or self.labels is None:
            return self.worth[leaves][:, None]
        first = self.entries[leaves]
        sizes = self.entries[leaves + 1] - first
        row = np.repeat(np.arange(len(leaves)), sizes)
        entry = np.arange(len(row)) + np.repeat(first - (np.cumsum(sizes) - sizes), sizes)
        shares = np.zeros((len(leaves), self.classes))
        shares[row, self.labels[entry]] = self.worth[entry]
        return shares

    def _tree(self, first: tuple[int, int], last: tuple[int, int]) -> Any:
        """scikit-learn's tree of some nodes and leaves, the leaves after the nodes, without their values."""
        from sklearn.tree._tree import NODE_DTYPE, Tree

        own = slice(first[0], last[0])
        inner, ends = last[0] - first[0], last[1] - first[1]
        nodes = np.zeros(inner + ends, dtype=NODE_DTYPE)
        for name, child in (("left_child", self.left[own]), ("right_child", self.right[own])):
            nodes[name][:inner] = np.where(child >= 0, child - first[0], inner - 1 - child - first[1])
            nodes[name][inner:] = -1
        nodes["feature"][:inner] = self.column[own]
        nodes["threshold"][:inner] = self.threshold[own]
        nodes["missing_go_to_left"][:inner] = self.missing_left[own]
        tree = Tree(self.columns, np.ones(1, dtype=np.intp), 1)
        state = {"max_depth": 0, "node_count": len(nodes), "nodes": nodes, "values": np.zeros((len(nodes), 1, 1))}
        tree.__setstate__(state)
        return tree

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what a model file holds.

        Raises:
            ValueError: when a row's way through the trees would not end in a leaf of them.
        """
        vars(self).update(state)
        count = int(self.nodes[-1])
        per_node = (self.left, self.right, self.column, self.threshold, self.missing_left)
        below = np.concatenate([self.left, self.right])
        tree = np.tile(np.repeat(np.arange(len(self)), np.diff(self.nodes)), 2)
        inside = (below > np.tile(np.arange(count), 2)) & (below < self.nodes[1:][tree])
        ended = (-1 - below >= self.leaves[:-1][tree]) & (-1 - below < self.leaves[1:][tree])
        if (
            len(self.nodes) != len(self.leaves)
            or self.nodes[0] != 0
            or self.leaves[0] != 0
            or (np.diff(self.nodes) < 0).any()
            or (np.diff(self.leaves) < 1).any()
            or any(part.shape != (count,) for part in per_node)
            or not ((self.column >= 0) & (self.column < self.columns)).all()
            or not (inside | ended).all()
        ):
            raise ValueError("the trees of its forest aren't trees")


def _rounded_down(values: Array) -> Array:
    """In single precision, the largest number that isn't larger."""
    rounded = values.astype(np.float32)
    return np.where(rounded > values, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def _places(forest: Any, estimator: Any) -> Array:
    """Which of the forest's classes those of one tree are: of a resample it may have seen some only."""
    own = np.asarray(estimator.classes_)
    return np.arange(len(own)) if len(own) == len(forest.classes_) else np.searchsorted(forest.classes_, own)
