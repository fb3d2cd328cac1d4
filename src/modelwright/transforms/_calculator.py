"""SQL expressions as columns of a frame."""

from __future__ import annotations

from typing import Any

import pandas as pd

from modelwright.errors import NotApplicable
from modelwright.transforms._base import FrameTransformer
from modelwright.transforms._frames import sorts
from modelwright.transforms._sql import bind, evaluate, parse, to_column, used_columns


class Calculator(FrameTransformer):
    """Evaluates expressions for every row; see :class:`SqlFeatures` for the parameters."""

    def __init__(self, expressions: Any) -> None:
        self.expressions = expressions

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        if not self.expressions:
            raise NotApplicable("sql_features: no expressions were given")
        columns = [str(name) for name in X.columns]
        # Lists, since what is stored must survive any text as a name.
        self.names_ = list(self.expressions)
        self.bound_ = [bind(name, parse(name, text), columns) for name, text in self.expressions.items()]
        self.uses_ = used_columns(self.bound_)
        found = sorts(X)
        self.sorts_ = [found[name] for name in self.uses_]
        self._calculate(X.iloc[:0])

    def _calculate(self, X: pd.DataFrame) -> dict[str, Any]:
        bound = dict(zip(self.names_, self.bound_, strict=True))
        table = evaluate(X, bound, dict(zip(self.uses_, self.sorts_, strict=True)))
        return {name: to_column(table.column(i), name) for i, name in enumerate(bound)}

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        made = self._calculate(X)
        return X.drop(columns=[n for n in made if n in X.columns]).assign(**made)
