"""Text columns as numbers: weighted n-grams, their main components, and what they say about the target."""

from __future__ import annotations

import hashlib
import json
import string
from collections import Counter
from itertools import chain
from typing import Any

import numpy as np
from scipy import sparse

from modelwright.together import once
from modelwright.transforms._frames import Array

SAMPLE = 50_000
"""Rows that vocabularies and components are learnt from at most; more change little and cost in proportion."""

SHORT = 30
"""Median length in characters up to which a text is read by its characters (names, codes), not by its words."""

COUNTS = ("characters", "words", "digits", "capitals")
DIGITS, CAPITALS = string.digits.encode(), string.ascii_uppercase.encode()
PUNCTUATION = frozenset(string.punctuation + "\n")
OFTEN = 0.02
"""Share of the texts in which a punctuation mark must occur for it to be counted."""


def marks(documents: list[str]) -> str:
    """The punctuation marks and line breaks that many texts have: words alone don't tell a question from an answer."""
    seen = Counter(chain.from_iterable(PUNCTUATION.intersection(text) for text in documents))
    return "".join(sorted(mark for mark, count in seen.items() if count >= OFTEN * len(documents)))


def text_counts(documents: list[str], marked: str) -> Array:
    """Number of characters, words, digits and capitals (of A to Z) of each text, and of each of some punctuation marks,
    shape (n, 4 + marks).
    """
    counts = np.empty((len(documents), len(COUNTS) + len(marked)))
    for row, text in enumerate(documents):
        data = text.encode("utf-8", "surrogatepass")
        digits, capitals = (len(data) - len(data.translate(None, these)) for these in (DIGITS, CAPITALS))
        counts[row] = len(text), len(text.split()), digits, capitals, *map(text.count, marked)
    return counts


class Grams:
    """TF-IDF of word pairs and words, or of short runs of characters where texts are short.

    Args:
        max_features: how many n-grams are kept at most, the most frequent ones.
        seed: for the sample that the vocabulary is learnt from.
    """

    def __init__(self, max_features: int, seed: int) -> None:
        self.max_features, self.seed = max_features, seed

    def fit_transform(self, documents: list[str]) -> sparse.csr_matrix:
        """Learn vocabulary and weights, and give the texts' rows; with no usable n-gram the vocabulary is empty."""
        sample = documents
        if len(documents) > SAMPLE:
            chosen = np.random.default_rng(self.seed).choice(len(documents), SAMPLE, replace=False)
            sample = [documents[i] for i in np.sort(chosen)]
        lengths = [len(d) for d in sample if d]
        self.by_character = not lengths or float(np.median(lengths)) <= SHORT
        model = self._vectorizer(min_df=2 if len(sample) < 10_000 else 3, max_features=self.max_features)
        try:
            matrix = model.fit_transform(sample)
        except ValueError:  # scikit-learn's way to say that no n-gram is left
            self._keep([], np.empty(0))
            return self.transform(documents)
        self._keep(model.get_feature_names_out().tolist(), model.idf_)
        matrix.sort_indices()
        return matrix if sample is documents else self.transform(documents)

    def transform(self, documents: list[str]) -> sparse.csr_matrix:
        """Rows of unit length (or all zero), ``float64``."""
        if not self.terms:
            return sparse.csr_matrix((len(documents), 0), dtype=np.float64)
        if not documents:
            return sparse.csr_matrix((0, len(self.terms)), dtype=np.float64)
        return once(lambda: ("n-grams", self._digest()), documents, lambda: self._model.transform(documents))

    def _digest(self) -> bytes:
        """Equal for objects that transform alike."""
        if not hasattr(self, "_known_as"):
            told = json.dumps([self.by_character, self.terms]).encode()
            self._known_as = hashlib.sha256(told + self.idf.tobytes()).digest()
        return self._known_as

    def _vectorizer(self, **options: Any) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        by_character = {"analyzer": "char_wb", "ngram_range": (2, 4)}
        by_word = {"token_pattern": r"(?u)\b\w+\b", "ngram_range": (1, 2)}
        return TfidfVectorizer(**(by_character if self.by_character else by_word), sublinear_tf=True, **options)

    def _keep(self, terms: list[str], idf: Array) -> None:
        self.terms, self.idf = terms, np.asarray(idf)
        vars(self).pop("_known_as", None)
        if terms:
            self._model = self._vectorizer(vocabulary={term: i for i, term in enumerate(terms)})
            self._model.idf_ = self.idf

    def __getstate__(self) -> dict[str, Any]:
        kept = {k: v for k, v in vars(self).items() if k not in ("terms", "_model", "_known_as")}
        return {**kept, "terms": json.dumps(self.terms)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._keep(json.loads(state["terms"]), state["idf"])


class Components:
    """The main directions of a sparse matrix (latent semantic analysis).

    Args:
        n_components: how many at most.
        seed: for the randomised decomposition and the sample it is learnt from.
    """

    def __init__(self, n_components: int, seed: int) -> None:
        self.n_components, self.seed = n_components, seed

    def fit(self, matrix: sparse.csr_matrix) -> Components:
        """Learn the directions; there are none in a matrix with fewer than two rows or columns."""
        self.size = max(0, min(self.n_components, matrix.shape[1] - 1, matrix.shape[0] - 1))
        if self.size:
            rng = np.random.default_rng(self.seed)
            rows = rng.choice(matrix.shape[0], min(SAMPLE, matrix.shape[0]), replace=False)
            from sklearn.decomposition import TruncatedSVD

            self.model = TruncatedSVD(self.size, n_iter=4, random_state=self.seed).fit(matrix[np.sort(rows)])
        return self

    def transform(self, matrix: sparse.csr_matrix) -> Array:
        """Shape (n, size)."""
        if not self.size or not matrix.shape[0]:
            return np.zeros((matrix.shape[0], self.size))
        return np.asarray(matrix @ self.model.components_.T)  # its own transform checks for longer than it computes


class Scores:
    """A linear model's prediction of the target from the n-grams: target encoding for text.

    Training rows get the prediction of a model that was fitted on the other folds.
    """

    def fit(self, matrix: sparse.csr_matrix, goals: Array) -> Scores:
        """Learn from goals of shape (n, t)."""
        from sklearn.linear_model import Ridge

        self.model = Ridge(alpha=1.0, solver="sparse_cg", tol=1e-3).fit(matrix, goals)
        return self

    def transform(self, matrix: sparse.csr_matrix) -> Array:
        """Shape (n, t)."""
        weights = np.atleast_2d(self.model.coef_)
        scores: Array = np.asarray(matrix @ weights.T).reshape(matrix.shape[0], len(weights)) + self.model.intercept_
        return scores

    def fit_transform(self, matrix: sparse.csr_matrix, goals: Array, fold: Array) -> Array:
        """Learn from all rows, and predict each row from the other folds."""
        result = np.tile(goals.mean(axis=0), (len(goals), 1))
        for f in np.unique(fold):
            rest, part = fold != f, fold == f
            if rest.any():
                result[part] = Scores().fit(matrix[rest], goals[rest]).transform(matrix[part])
        self.fit(matrix, goals)
        return result
