import numpy as np
import pytest

from modelwright.estimators._pieces import Pieces
from modelwright.estimators.neural import WIDEST


def test_pieces_say_how_far_a_value_has_come_through_each_part_of_its_columns_range():
    column = np.arange(101, dtype=np.float32)[:, None]
    pieces = Pieces(column, 4)
    encoded = pieces(np.array([[-1e9], [0], [12.5], [25], [100], [1e9]], dtype=np.float32))
    assert encoded.shape == (6, 1 + 4)
    half = pieces.weights_[0]
    assert encoded[:2, 1:].tolist() == [[-half] * 4] * 2, "below the first border nothing has been come through"
    assert encoded[2, 1] == pytest.approx(0.0, abs=1e-6), "half-way through the first piece"
    assert encoded[3, 1:].tolist() == pytest.approx([half, -half, -half, -half])
    assert encoded[4:, 1:].tolist() == [[half] * 4] * 2
    assert np.sum((2 * pieces.weights_) ** 2) == pytest.approx(4.0), "together as wide as a column from -1 to 1"


def test_columns_of_one_or_two_values_have_no_pieces_and_wide_tables_fewer():
    random = np.random.default_rng(0)
    indicators = random.integers(0, 2, (500, 3)).astype(np.float32)
    assert Pieces(indicators, 8)(indicators) is indicators
    steps = random.integers(0, 3, (500, 1)).astype(np.float32)
    assert Pieces(steps, 8)(steps).shape == (500, 1 + 2), "a border at each of the three values"
    for columns in (10, 64, WIDEST):
        wide = random.standard_normal((300, columns)).astype(np.float32)
        assert Pieces(wide, 8)(wide).shape[1] <= columns + WIDEST
    assert Pieces(wide, 8)(wide) is wide
    assert Pieces(indicators, 0)(indicators) is indicators


def test_borders_that_lie_next_to_each_other_give_finite_pieces():
    column = np.repeat(np.array([0.0, 1e-44, 2e-44, 1.0], dtype=np.float32), 25)[:, None]
    assert len(np.unique(column)) == 4
    assert np.isfinite(Pieces(column, 4)(column)).all()
