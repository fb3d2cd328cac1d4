"""Text columns as numbers: weighted n-grams, their main components, and what they say about the target."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from modelwright.together import once
from modelwright.transforms._frames import Array

SAMPLE = 50_000
"""Rows that vocabularies and components are learnt from at most; more change little and cost in proportion."""

SHORT = 30
"""Median length in characters up to which a text is read by its characters (names, codes), not by its words."""

COUNTS = ("characters", "words", "digits", "capitals")


def text_counts(series: pd.Series[Any]) -> Array:
    """Number of characters, words, digits and capitals of each text, shape (n, 4); missing texts have none."""
    values = series.astype("str").fillna("").str
    found = [values.len(), values.count(r"\S+"), values.count(r"[0-9]"), values.count(r"[A-Z]")]
    return np.column_stack([np.asarray(c, dtype=np.float64) for c in found])


class Grams:
    """TF-IDF of word pairs and words, or of short runs of characters where texts are short.

    Args:
        max_features: how many n-grams are kept at most, the most frequent ones.
        seed: for the sample that the vocabulary is learnt from.
    """

    def __init__(self, max_features: int, seed: int) -> None:
        self.max_features, self.seed = max_features, seed

    def fit(self, documents: list[str]) -> Grams:
        """Learn vocabulary and weights; with no usable n-gram the vocabulary is empty."""
        sample = documents
        if len(documents) > SAMPLE:
            chosen = np.random.default_rng(self.seed).choice(len(documents), SAMPLE, replace=False)
            sample = [documents[i] for i in np.sort(chosen)]
        lengths = [len(d) for d in sample if d]
        self.by_character = not lengths or float(np.median(lengths)) <= SHORT
        model = self._vectorizer(min_df=2 if len(sample) < 10_000 else 3, max_features=self.max_features)
        try:
            model.fit(sample)
        except ValueError:  # scikit-learn's way to say that no n-gram is left
            self._keep([], np.empty(0))
        else:
            self._keep(model.get_feature_names_out().tolist(), model.idf_)
        return self

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
        return np.asarray(self.model.transform(matrix))


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
        if not matrix.shape[0]:
            return np.empty((0, np.atleast_2d(self.model.coef_).shape[0]))
        return np.asarray(self.model.predict(matrix)).reshape(matrix.shape[0], -1)

    def fit_transform(self, matrix: sparse.csr_matrix, goals: Array, fold: Array) -> Array:
        """Learn from all rows, and predict each row from the other folds."""
        result = np.tile(goals.mean(axis=0), (len(goals), 1))
        for f in np.unique(fold):
            rest, part = fold != f, fold == f
            if rest.any():
                result[part] = Scores().fit(matrix[rest], goals[rest]).transform(matrix[part])
        self.fit(matrix, goals)
        return result
