"""Row-wise SQL expressions: what is allowed in them, and how they are evaluated.

An expression is parsed and every node of its tree is looked up in a list of what is allowed; what runs is SQL made
from that tree, never the text that was given. It runs in a DuckDB in memory without access to files or extensions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from modelwright.action import did_you_mean
from modelwright.errors import ProgramError
from modelwright.transforms._frames import Array, Sort, listing, numbers, texts

MAX_LENGTH = 2_000
MAX_NODES = 600

NODES = frozenset({
    # structure, arithmetic, comparison, logic
    "Column", "Identifier", "Literal", "Boolean", "Null", "Paren", "Var", "DataType", "Interval",
    "Add", "Sub", "Mul", "Div", "IntDiv", "Mod", "Neg", "EQ", "NEQ", "GT", "GTE", "LT", "LTE", "Is", "Not", "And",
    "Or", "Xor", "Between", "In", "Like", "ILike", "NullSafeEQ", "NullSafeNEQ", "Case", "If", "Coalesce", "Nullif",
    "Cast", "TryCast",
    # numbers
    "Ln", "Log", "Log10", "Log2", "Sqrt", "Cbrt", "Pow", "Abs", "Round", "Floor", "Ceil", "Trunc", "Greatest", "Least",
    "Exp", "Sign", "Sin", "Cos", "Tan", "Atan", "Atan2", "Pi", "Radians", "Degrees", "IsNan", "IsInf",
    # texts
    "Lower", "Upper", "Length", "Substring", "Contains", "StartsWith", "EndsWith", "Trim", "Replace", "StrPosition",
    "Left", "Right", "SplitPart", "Concat", "DPipe", "RegexpLike", "RegexpExtract", "RegexpReplace", "Levenshtein",
    # dates
    "Extract", "Year", "Month", "Day", "Hour", "Minute", "Second", "Week", "Quarter", "DayOfWeek", "DayOfWeekIso",
    "DayOfMonth", "DayOfYear", "WeekOfYear", "Dayname", "Monthname", "DateDiff", "TimestampDiff", "DateTrunc",
    "TimestampTrunc", "DateAdd", "DateSub", "TimeToUnix",
})  # fmt: skip

FUNCTIONS = frozenset({
    "date_part", "datepart", "date_diff", "datediff", "weekday", "isodow", "dayname", "monthname", "year", "month",
    "day", "hour", "minute", "second", "week", "quarter", "dayofweek", "dayofmonth", "dayofyear", "weekofyear",
    "suffix", "prefix", "epoch", "atan", "sinh", "cosh", "tanh",
})  # fmt: skip
"""Functions that the parser has no class for, in some of its versions or in all."""

TYPES = frozenset({
    "DOUBLE", "FLOAT", "INT", "BIGINT", "SMALLINT", "TINYINT", "BOOLEAN", "VARCHAR", "TEXT", "DATE", "TIMESTAMP",
    "DATETIME", "TIME", "DECIMAL",
})  # fmt: skip

SHOWN = (
    "columns, literals, arithmetic, comparisons, AND/OR/NOT, CASE, COALESCE, NULLIF, GREATEST, LEAST, LN, LOG, SQRT, "
    "POWER, EXP, ABS, ROUND, FLOOR, CEIL, SIN, COS, LOWER, UPPER, LENGTH, SUBSTR, CONTAINS, REGEXP_EXTRACT, CAST, "
    "EXTRACT, DATE_DIFF"
)


def parse(name: str, text: str) -> Any:
    """Parse one expression and check every node.

    Raises:
        ProgramError: for what can't be parsed or isn't allowed.
    """
    import sqlglot
    from sqlglot import exp

    if len(text) > MAX_LENGTH:
        raise _refusal(name, f"is longer than {MAX_LENGTH} characters")
    try:
        statements = sqlglot.parse(f"SELECT {text}", read="duckdb")
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        why = "it is too deeply nested" if deep else str(error).split("\n")[0].split(". Line")[0][:200]
        raise _refusal(
            name, f"can't be parsed ({why}); column names that aren't plain words need double quotes"
        ) from None
    select = statements[0] if len(statements) == 1 else None
    if not isinstance(select, exp.Select) or len(select.expressions) != 1:
        raise _refusal(name, "must be one expression over the columns of a row")
    if any(value for key, value in select.args.items() if key != "expressions"):
        raise _refusal(name, "must be an expression, not a query")
    tree = select.expressions[0]
    for count, node in enumerate(tree.walk()):
        if count >= MAX_NODES:
            raise _refusal(name, "is too complex")
        _check(name, node)
    return tree


def _check(name: str, node: Any) -> None:
    from sqlglot import exp

    kind = type(node).__name__
    if isinstance(node, exp.Anonymous):
        if str(node.this).lower() not in FUNCTIONS:
            raise _refusal(name, f"uses {str(node.this)[:40]}(){did_you_mean(str(node.this).lower(), FUNCTIONS)}")
    elif kind not in NODES:
        raise _refusal(name, f"uses {_spelled(node)}")
    if isinstance(node, exp.DataType) and (node.this.name not in TYPES or node.args.get("nested")):
        raise _refusal(name, f"casts to {node.sql()[:40]}")
    if isinstance(node, exp.In) and (node.args.get("query") or node.args.get("unnest") or node.args.get("field")):
        raise _refusal(name, "uses IN with something other than a list")
    if isinstance(node, exp.RegexpLike | exp.RegexpExtract | exp.RegexpReplace) and not isinstance(
        node.expression, exp.Literal
    ):
        raise _refusal(name, "uses a pattern that isn't a literal")


def _spelled(node: Any) -> str:
    from sqlglot import exp

    if isinstance(node, exp.Func):
        return f"{node.sql_name()}()"
    return {"Subquery": "a subquery", "Select": "a subquery", "Window": "a window", "Star": "*"}.get(
        type(node).__name__, f"{type(node).__name__} ({node.sql()[:40]})"
    )


def _refusal(name: str, what: str) -> ProgramError:
    return ProgramError(f"sql_features: the expression for {name!r} {what}", allowed=SHOWN)


def bind(name: str, tree: Any, columns: Sequence[str]) -> tuple[str, dict[str, str]]:
    """SQL over safe names, and which column each of them stands for.

    Column names are matched exactly, else without regard to case where that is unique.

    Raises:
        ProgramError: for an unknown column, with the nearest name.
    """
    from sqlglot import exp

    folded: dict[str, list[str]] = {}
    for column in columns:
        folded.setdefault(column.casefold(), []).append(column)
    exact, used = set(columns), dict[str, str]()

    def replacement(node: Any) -> Any:
        if isinstance(node, exp.Column):
            asked = ".".join(part.name for part in node.parts)
            near = folded.get(asked.casefold(), [])
            found = asked if asked in exact else near[0] if len(near) == 1 else None
            if found is None:
                raise ProgramError(
                    f"sql_features: the expression for {name!r} names an unknown column {asked[:100]!r}"
                    f"{did_you_mean(asked, columns)}",
                    allowed=listing(columns),
                )
            safe = f"c{columns.index(found)}"
            used[safe] = found
            return exp.column(safe, quoted=True)
        if isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast):
            return exp.TryCast(**node.args)  # a value that can't be cast is missing, not the end of the run
        # What has no value is NULL from the start, else a comparison further out would take an infinity for a number.
        if isinstance(node, exp.Div | exp.IntDiv | exp.Mod):
            node.set("expression", _null_at(node.expression, "0"))
        elif isinstance(node, exp.Ln | exp.Sqrt):
            edge = "0" if isinstance(node, exp.Ln) else "-1e-300"
            floor = exp.Greatest(this=node.this, expressions=[exp.Literal.number(edge)])
            node.set("this", _null_at(floor, edge))
        return node

    try:
        bound = _rewrite(tree.copy(), replacement)
        return bound.sql(dialect="duckdb", comments=False), used
    except RecursionError:
        raise _refusal(name, "is too deeply nested") from None


def _null_at(value: Any, number: str) -> Any:
    from sqlglot import exp

    return exp.Nullif(this=value, expression=exp.Literal.number(number))


def _rewrite(tree: Any, replacement: Any) -> Any:
    """Replace nodes from the leaves up, so that no replacement is visited again."""
    for node in reversed(list(tree.walk())):
        new = replacement(node)
        if new is not node:
            if node is tree:
                return new
            node.replace(new)
    return tree


def evaluate(frame: pd.DataFrame, bound: Mapping[str, tuple[str, Mapping[str, str]]], sorts: Mapping[str, Sort]) -> Any:
    """Evaluate bound expressions for every row, in order; returns an Arrow table.

    Raises:
        ProgramError: when the types don't go together.
    """
    import duckdb
    import pyarrow as pa

    needed = {safe: column for _, used in bound.values() for safe, column in used.items()}
    arrays = {safe: _arrow(frame[column], column, sorts[column]) for safe, column in needed.items()}
    rows = pa.table({**arrays, "row": pa.array(np.arange(len(frame)))})
    with duckdb.connect(":memory:", config={"enable_external_access": "false", "threads": "1"}) as connection:
        connection.execute("SET lock_configuration = true")
        connection.register("rows_", rows)
        parts = []
        for i, (name, (sql, _)) in enumerate(bound.items()):
            try:
                # TRY makes what remains, such as overflow, missing instead of an error that depends on the data.
                connection.sql(f"SELECT TRY({sql}) AS x FROM rows_ LIMIT 0")  # raises for types that don't match
            except duckdb.Error as error:
                raise _refusal(name, f"can't be evaluated: {_first_line(error, needed)}") from None
            parts.append(f"TRY({sql}) AS g{i}")
        try:
            return connection.sql(f"SELECT {', '.join(parts)} FROM rows_ ORDER BY row").to_arrow_table()
        except duckdb.Error as error:
            raise ProgramError(f"sql_features: {_first_line(error, needed)}", allowed=SHOWN) from None


def _first_line(error: Exception, needed: Mapping[str, str]) -> str:
    """The first line of a database error, without quoting values of rows."""
    line = str(error).split("\n")[0].split(":", 1)[-1].strip()[:200]
    for safe, column in sorted(needed.items(), key=lambda item: -len(item[0])):
        line = line.replace(f'"{safe}"', repr(column))
    return line


def _arrow(series: pd.Series[Any], name: str, sort: Sort) -> Any:
    import pyarrow as pa

    if sort == "numeric":
        return pa.array(numbers(series.to_frame(name), [name])[:, 0], from_pandas=True)
    if sort == "datetime":
        from modelwright.transforms._calendar import moments

        return pa.array(moments(series), type=pa.timestamp("us"))
    if isinstance(series.dtype, pd.CategoricalDtype):
        codes = series.cat.codes.to_numpy()
        labels = pa.array([str(c) for c in series.cat.categories], type=pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), labels).cast(pa.string())
    return pa.array([value if known else None for value, known in zip(texts(series), series.notna(), strict=True)],
                    type=pa.string())  # fmt: skip


def to_column(values: Any, name: str) -> Array | pd.Categorical | pd.DatetimeIndex:
    """An Arrow column as a frame holds it: numbers and truth values as ``float64``, texts as categories, dates.

    Raises:
        ProgramError: for a type that a frame has no place for.
    """
    import pyarrow as pa

    kind = values.type
    if pa.types.is_string(kind):
        coded = values.combine_chunks().dictionary_encode()
        coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return pd.Categorical.from_codes(codes, categories=coded.dictionary.to_pylist())
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return pd.DatetimeIndex(values.cast(pa.timestamp("us")).to_pandas()).as_unit("us")
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
            or pa.types.is_boolean(kind) or pa.types.is_null(kind)):  # fmt: skip
        raise _refusal(name, f"gives a value of type {kind}, which a column can't hold (for spans use DATE_DIFF)")
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        values = values.cast(pa.int8())
    result = values.cast(pa.float64(), safe=False).to_numpy()
    return np.where(np.isinf(result), np.nan, result)


def used_columns(bound: Iterable[tuple[str, Mapping[str, str]]]) -> list[str]:
    """The columns that bound expressions read, each once."""
    return list(dict.fromkeys(column for _, used in bound for column in used.values()))
