"""Intervals and sets of single predictions, from a loaded bundle."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.conformal import highest_level, offsets, prediction_sets
from modelwright.errors import DataError, RequestError
from modelwright.explanation import Uncertainty
from modelwright.fitting import with_prediction
from modelwright.persistence import load_model
from modelwright.pipeline import raw_predictions

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from modelwright.bundle.model import Model


def intervals(model: Model, frame: pd.DataFrame, level: float) -> pd.DataFrame:
    """See :meth:`modelwright.bundle.model.Model.predict_interval`; takes conformed rows."""
    import numpy as np
    import pandas as pd

    found = _checked(model, level, "interval")
    low, high = offsets(found.scores[0], level)
    if math.isinf(high):
        most = math.floor(1000 * highest_level(found.scores[0])) / 1000
        raise RequestError(
            f"{level:g} is more than {found.scores[0].count} rows can promise; ask for a level of at most {most:g}"
        )
    raw = model._raw_of(frame)
    expected = _expected(model, frame, raw, found)
    lower, upper = raw + low * expected, raw + high * expected
    if found.floor is not None:
        lower, upper = np.maximum(lower, found.floor), np.maximum(upper, found.floor)
    return pd.DataFrame({"prediction": raw, "prediction_low": lower, "prediction_high": upper})


def sets(model: Model, frame: pd.DataFrame, level: float) -> pd.DataFrame:
    """See :meth:`modelwright.bundle.model.Model.predict_set`; takes conformed rows."""
    import pandas as pd

    found = _checked(model, level, "set")
    if len(found.scores) != len(model.classes):
        raise DataError("this bundle's sets don't fit its classes; get the bundle again")
    inside = prediction_sets(model._raw_of(frame), found.scores, level)
    return pd.DataFrame(inside, columns=pd.Index(model.classes, dtype="str"))


def set_texts(model: Model, inside: pd.DataFrame) -> pd.DataFrame:
    """Sets as JSON lists of labels, since labels may hold any mark that could separate them."""
    import pandas as pd

    texts = [
        json.dumps([c for c, held in zip(model.classes, row, strict=True) if held], ensure_ascii=False)
        for row in inside.to_numpy()
    ]
    return pd.DataFrame({"prediction_set": pd.Series(texts, dtype="str")})


def _checked(model: Model, level: float, kind: str) -> Uncertainty:
    if not 0 < level < 1:
        raise RequestError(f"{level:g} is not a level; give a share between 0 and 1, such as 0.9")
    found = model.uncertainty
    if found is None or found.kind != kind or not found.scores:
        raise DataError(
            "this model carries no intervals: they were left out for lack of time or rows, or it was made by an older "
            "version; run again with a longer --time-budget"
        )
    return found


def _expected(model: Model, frame: pd.DataFrame, raw: np.ndarray, found: Uncertainty) -> Any:
    """The error that is expected of each row, in the units of the scores; 1 where all are alike."""
    import numpy as np

    if not found.local:
        return 1.0
    if model._difficulty_model is None:
        if model.difficulty is None:
            raise DataError("this bundle's intervals need a model of the expected error that isn't there; get it again")
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "difficulty.skops"
            path.write_bytes(model.difficulty)
            model._difficulty_model = load_model(path)
    return np.exp(found.local * raw_predictions(model._difficulty_model, with_prediction(frame, raw), False))
