"""What a rival is told. Known on both sides, so it needs the standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Job:
    """One task for one rival.

    Args:
        target: the column to predict.
        task: ``binary``, ``multiclass`` or ``regression``.
        metric: ``roc_auc``, ``log_loss`` or ``rmse``.
        budget: seconds of wall-clock for the call of ``fit``.
        seed: of every random choice.
        cores: that the rival may use.
        folder: an empty folder of the rival's own.
        statement: the problem in plain words, as somebody would say it; most rivals have no use for it.
        time_column: the column that orders rows in time, where there is one.
        group_column: the column that names each row's group, where there is one.
        options: of the rival's variant.
    """

    target: str
    task: str
    metric: str
    budget: float
    seed: int
    cores: int
    folder: str
    statement: str = ""
    time_column: str | None = None
    group_column: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def classification(self) -> bool:
        """Whether the target is a class."""
        return self.task != "regression"
