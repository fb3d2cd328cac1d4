"""The figures that tools report."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import classification_report

from modelwright.tools.results import _report


@given(st.integers(2, 6), st.integers(1, 200), st.integers(0, 2**16))
def test_the_classification_report_reads_as_scikit_learns_does(k, n, seed):
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(0, k, n), rng.integers(0, max(1, k - 1), n)
    truth[0] = predicted[0] = 0  # without a single hit scikit-learn writes counts as fractions
    names = tuple("class " * i + "x" for i in range(k))
    confusion = np.zeros((k, k), dtype=int)
    np.add.at(confusion, (truth, predicted), 1)
    theirs = classification_report(truth, predicted, labels=range(k), target_names=names, zero_division=0)
    assert _report(confusion, names) == theirs
