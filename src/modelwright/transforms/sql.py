"""Features written as SQL expressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pandas as pd

from modelwright.action import Category, Param, Texts
from modelwright.errors import NotApplicable
from modelwright.recipe import Setting
from modelwright.transforms import Transform
from modelwright.transforms._base import FrameTransformer, filled
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


class SqlFeatures(Transform):
    """New columns from SQL expressions over the columns of a row."""

    name: ClassVar[str] = "sql_features"
    category: ClassVar[Category] = "feature"
    description: ClassVar[str] = (
        "New columns as SQL expressions (DuckDB) over the columns of a row, for instance "
        "{'price_per_room': 'price / rooms'}. What can't be computed, such as a division by zero, is missing. Names "
        "with special characters go in double quotes; a new column with the name of an old one replaces it."
    )
    params: ClassVar[tuple[Param, ...]] = (Texts("expressions", "new names and their expressions"),)

    def build(self, params: Mapping[str, Any], setting: Setting) -> Calculator:
        """See :class:`~modelwright.transforms.Transform`.

        Raises:
            ProgramError: for an expression that can't be parsed or uses what isn't allowed.
        """
        given = filled(self, params)
        for name, text in (given["expressions"] or {}).items():
            parse(name, text)
        return Calculator(**given)
