"""The gap between what is learnt from and what is judged, where the target looks ahead.

A target that is known only some time after its row is no knowledge yet at the moment of prediction; at the end of the
training rows it would tell what happens in the first rows that are judged (de Prado 2018, purged cross-validation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

ENOUGH = 0.3
"""Share of the earlier rows that must be left to learn from for a fold to be validated."""
FEWEST = 10


def with_gap(
    moments: Any,
    ahead: float,
    folds: np.ndarray,
    times: np.ndarray,
    judged: np.ndarray | None,
    strata: np.ndarray | None,
) -> np.ndarray | None:
    """Folds in time with a gap before each of them and before the holdout.

    Folds with too little left to learn from, or a single class, aren't validated: their rows only train.

    Args:
        moments: the times that occur, rising.
        ahead: how far the target looks, in seconds.
        folds: the fold in which each development row is validated, from 1 on; 0 only trains; (n,).
        times: place of each development row among the moments, -1 where it isn't known, (n,).
        judged: the same of the sealed rows.
        strata: class of each development row where there are two classes, (n,).

    Returns:
        ``int16``, (2, n), as :class:`~modelwright.protocol.Protocol` has it; ``None`` where moments aren't dates or
        not one fold would be left.
    """
    import numpy as np

    if moments.dtype.kind != "M" or judged is None or not len(moments):
        return None
    stamps = np.asarray(moments.to_numpy("datetime64[us]"))
    folds = folds.astype(np.int64)
    last = int(folds.max())
    starts = [int(times[folds == k].min()) for k in range(1, last + 1)]
    known = judged[judged >= 0]
    # Rows of the user's own test file may be earlier than those that are learnt from; then nothing has to be left out.
    starts.append(int(known.min()) if len(known) and known.min() > starts[-1] else len(stamps))
    span = np.timedelta64(round(ahead * 1e6), "us")
    # The first moment whose rows' targets aren't known yet when a part begins.
    unknown = [len(stamps) if s == len(stamps) else np.searchsorted(stamps, stamps[s] - span, "right") for s in starts]
    first = np.maximum(1 + np.searchsorted(np.array(unknown), times, side="right"), folds + 1)
    first[times < 0] = 1
    for k in range(1, last + 1):
        learnt = first <= k
        both = strata is None or len(np.unique(strata[learnt])) == 2
        if both and learnt.sum() >= max(FEWEST, ENOUGH * (folds < k).sum()):
            return np.stack([np.maximum(folds - (k - 1), 0), np.maximum(first - (k - 1), 1)]).astype(np.int16)
    return None


def gap_rows(assignment: np.ndarray, fold: int) -> np.ndarray:
    """Positions of the development rows that are earlier than a fold and not learnt from for it.

    Args:
        assignment: see :class:`~modelwright.protocol.Protocol`.
        fold: which fold; the one after the last stands for the holdout.
    """
    import numpy as np

    if len(assignment) < 2:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero((assignment[0] < fold) & (assignment[1] > fold))


def learnt_rows(assignment: np.ndarray) -> np.ndarray:
    """Positions of the development rows that the model may learn from that is judged on the holdout."""
    import numpy as np

    if len(assignment) < 2:
        return np.arange(assignment.shape[1])
    return np.flatnonzero(assignment[1] <= assignment[0].max() + 1)
