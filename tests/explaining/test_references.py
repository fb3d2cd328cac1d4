"""Reference values are usual ones, and nobody can be recognised in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from explaining_cases import mixed

from modelwright.references import quantiles, reference_rows, reference_values


def test_rows_have_the_types_and_the_spread_of_the_data() -> None:
    frame = mixed(3000)
    rows = reference_rows(frame, personal=["secret"], floor=10, seed=0)
    assert len(rows) == 64 and list(rows) == list(frame)
    assert all(rows[c].dtype.kind == frame[c].dtype.kind for c in frame)
    assert rows["secret"].isna().all()
    # Every first power of two of them covers each column evenly.
    for count in (4, 16, 64):
        part = rows["a"].head(count)
        assert abs(part.mean()) < 2 / count + 0.02
        assert abs((part < 0).mean() - 0.5) <= 1 / count
    assert 3 <= rows["b"].isna().sum() <= 9
    assert (rows["when"] == rows["when"].dt.normalize()).all()
    pd.testing.assert_frame_equal(rows, reference_rows(frame, personal=["secret"], floor=10, seed=0))


def test_no_rare_level_no_single_value_and_no_text_is_shown() -> None:
    rng = np.random.default_rng(0)
    n = 500
    salary = np.round(rng.lognormal(10, 1, n), 2)
    children = rng.choice([0.0, 1.0, 2.0], n)
    children[:3] = 9.0
    texts = [f"patient {i} has a cold" if i % 2 else f"cold patient{i}" for i in range(n)]
    frame = mixed(n).assign(salary=salary, children=children, text=pd.Series(texts, dtype="str"))
    rows, values = (f(frame, personal=["secret"], floor=10, **more) for f, more in ((reference_rows, {"seed": 1}), (reference_values, {})))  # fmt: skip  # noqa: E501
    assert "hideout" not in set(rows["place"].dropna()) and set(values["place"]["levels"]) == {"north", "south", "west"}
    assert "secret" not in values and "text" not in values
    assert not set(rows["salary"].dropna()) & set(salary) and not set(values["salary"]["numbers"]) & set(salary)
    assert set(rows["children"].dropna()) | set(values["children"]["numbers"]) <= {0.0, 1.0, 2.0}
    words = {word for text in rows["text"].dropna() for word in text.split()}
    assert words and words <= {"patient", "has", "a", "cold"}


def test_too_few_rows_show_nothing() -> None:
    frame = mixed(15)
    rows = reference_rows(frame, personal=[], floor=10, seed=0)
    assert rows["a"].isna().all() and rows["when"].isna().all()
    assert set(reference_values(frame, personal=[], floor=10)) <= {"place", "secret"}


@pytest.mark.parametrize("scale", [1e-200, 1e-3, 1.0, 1e9, 1e300])
def test_quantiles_are_in_order_and_near(scale: float) -> None:
    values = np.sort(np.random.default_rng(0).normal(size=2000)) * scale
    found = quantiles(values, np.linspace(0.01, 0.99, 33), 10)
    assert np.isfinite(found).all() and (np.diff(found) >= 0).all()
    np.testing.assert_allclose(found, np.quantile(values, np.linspace(0.01, 0.99, 33)), atol=0.12 * scale)


def test_very_wide_data_carries_fewer_rows() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2000)), columns=[f"x{i}" for i in range(2000)])
    assert len(reference_rows(frame, personal=[], floor=10, seed=0)) == 32
