"""What a quick model can tell of the target."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.checks._examples import clean, sample_of


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_a_target_of_noise_has_nothing_that_could_be_told(classes):
    rng = np.random.default_rng(0)
    frame, y = clean(rng, 2_000, classes)
    known, noise = sample_of(frame, y, classes=classes), sample_of(frame, rng.permutation(y), classes=classes)
    assert known.signal().explained > 0.2
    assert noise.signal().explained < 0.05


def test_a_few_rows_that_make_most_of_the_error_show_in_its_kurtosis():
    rng = np.random.default_rng(0)
    frame, y = clean(rng, 2_000, 0)
    plain = sample_of(frame, y, classes=0).signal()
    y[rng.choice(len(y), 10, replace=False)] += 5_000.0
    tailed = sample_of(frame, y, classes=0).signal()
    assert plain.kurtosis < 6 < 60 < tailed.kurtosis


def test_nothing_is_told_without_columns_or_of_too_few_rows():
    frame, y = clean(np.random.default_rng(0), 200)
    assert sample_of(frame[[]], y).signal() is None
    assert sample_of(frame.iloc[:15], y[:15]).signal() is None
