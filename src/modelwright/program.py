"""Programs in the restricted language, and their static check.

The language is a small part of Python: assignments, calls, literals, arithmetic, comparisons, conditionals, loops,
comprehensions, functions and f-strings. There are no imports, no attributes of objects besides the methods of texts,
lists and dictionaries, no exceptions, no classes, no files and no network; the only way to have an effect is to call
a tool. Checking needs the ground only; running is :mod:`modelwright.sandbox`.
"""

from __future__ import annotations

import ast
import inspect
import math
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from modelwright.action import did_you_mean
from modelwright.errors import ProgramError


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MAX_LENGTH = 20_000
"""Characters of a program."""
MAX_DEPTH = 100
"""Levels that its expressions and statements may nest."""
MAX_TEXT = 5_000
"""Characters of a text literal."""
MAX_ITEMS = 1_000
"""Items of a list, tuple, set or dictionary literal."""
MAX_INTEGER = 10**18
"""Largest whole-number literal."""

BUILTINS = _words(
    "abs all any bool dict divmod enumerate filter float int isinstance len list map max min pow print range repr "
    "reversed round set sorted str sum tuple zip"
)
"""Python's own functions that a program may use."""

METHODS = _words(
    "add append capitalize clear copy count difference discard endswith extend find get index insert intersection "
    "isalpha isdigit isnumeric issubset issuperset items join keys lower lstrip pop popitem remove removeprefix "
    "removesuffix replace reverse rsplit rstrip setdefault sort split splitlines startswith strip title union update "
    "upper values"
)
"""Methods of texts, lists, dictionaries and sets that a program may call."""

FORBIDDEN = _words(
    "breakpoint classmethod compile delattr dir eval exec exit getattr globals hasattr help input locals memoryview "
    "object open property quit setattr staticmethod super type vars"
)
"""Names that can't be used, not even for a variable."""

_STATEMENTS = (
    ast.Expr, ast.Assign, ast.AugAssign, ast.If, ast.For, ast.While, ast.Break, ast.Continue, ast.Pass,
    ast.FunctionDef, ast.Return,
)  # fmt: skip
_EXPRESSIONS = (
    ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Lambda, ast.Call, ast.Attribute, ast.Subscript,
    ast.Slice, ast.Starred, ast.Name, ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.SetComp,
    ast.DictComp, ast.GeneratorExp, ast.JoinedStr, ast.FormattedValue,
)  # fmt: skip
_SMALL = (
    ast.Load, ast.Store, ast.And, ast.Or, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow,
    ast.BitOr, ast.BitAnd, ast.USub, ast.UAdd, ast.Not, ast.cmpop, ast.arguments, ast.arg, ast.keyword,
    ast.comprehension,
)  # fmt: skip
_ALLOWED = (ast.Module, *_STATEMENTS, *_EXPRESSIONS, *_SMALL)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_WORDS = {
    "Import": "import", "ImportFrom": "import", "Try": "try", "TryStar": "try", "Raise": "raise", "Assert": "assert",
    "ClassDef": "class", "With": "with", "Global": "global", "Nonlocal": "nonlocal", "Delete": "del",
    "Yield": "yield", "YieldFrom": "yield", "AsyncFunctionDef": "async", "AsyncFor": "async", "AsyncWith": "async",
    "Await": "await", "Match": "match", "NamedExpr": "the operator :=", "AnnAssign": "an annotation",
    "MatMult": "the operator @", "LShift": "the operator <<", "RShift": "the operator >>",
    "BitXor": "the operator ^", "Invert": "the operator ~", "TypeAlias": "type", "TemplateStr": "a t-string",
}  # fmt: skip
_LANGUAGE = "assignments, calls, literals, arithmetic, comparisons, if, for, while, comprehensions, def and f-strings"
_FORMAT = re.compile(r"[<>=^]?[-+ ]?#?0?\d{0,2}[,_]?(\.\d{1,2})?[bdeEfFgGnosxX%]?")


@dataclass(frozen=True)
class Program:
    """An experiment's program.

    Args:
        source: its text.
        name: what its file is called.
    """

    source: str
    name: str = "program"

    def check(self, tools: Mapping[str, inspect.Signature], inputs: Iterable[str]) -> None:
        """See :func:`check`."""
        check(self.source, tools, inputs)

    def calls(self, tools: Collection[str]) -> tuple[tuple[int, str], ...]:
        """Where the program calls which tool: (line, tool), in the order of the text.

        Raises:
            ProgramError: when the program isn't Python.
        """
        found = (node for node in ast.walk(_parse(self.source)) if isinstance(node, ast.Call))
        places = (
            (node.lineno, node.col_offset, node.func.id)
            for node in found
            if isinstance(node.func, ast.Name) and node.func.id in tools
        )
        return tuple((line, name) for line, _, name in sorted(places))


def check(source: str, tools: Mapping[str, inspect.Signature], inputs: Iterable[str]) -> None:
    """Check a program without running it: the language, the names, and every call of a tool against its signature.

    Args:
        source: the program.
        tools: what it may call, with the signatures that it sees.
        inputs: the names that are bound before it starts.

    Raises:
        ProgramError: for the first fault, with its line, what was expected, what was got, and what is allowed.
    """
    tree = _parse(source)
    if not tree.body:
        raise ProgramError("the program is empty", expected="a call of a tool")
    checker = _Checker(tools, frozenset(inputs))
    checker.visit(tree, checker.outermost | _bound(tree.body))
    try:  # what only the compiler sees: break outside a loop, return outside a function, ...
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            compile(tree, "<program>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ProgramError(f"this isn't Python: {_first(error)}", line=getattr(error, "lineno", None)) from None


def _parse(source: str) -> ast.Module:
    if len(source) > MAX_LENGTH:
        raise ProgramError("the program is too long", got=f"{len(source)} characters", allowed=f"up to {MAX_LENGTH}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            tree = ast.parse(source)
    except SyntaxError as error:
        raise ProgramError(f"this isn't Python: {_first(error)}", line=error.lineno) from None
    except (ValueError, RecursionError, MemoryError) as error:  # null characters, surrogates, absurd nesting
        raise ProgramError(f"this can't be read as Python: {_first(error)}") from None
    waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            line = getattr(node, "lineno", None)
            raise ProgramError("the program is nested too deeply", line=line, allowed=f"up to {MAX_DEPTH} levels")
        waiting += [(child, depth + 1) for child in ast.iter_child_nodes(node)]
    return tree


def _first(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return text.splitlines()[0][:200] if text else "it is nested too deeply"


def _bound(body: Iterable[ast.AST]) -> frozenset[str]:
    """The names that these statements bind in their own scope."""
    names: set[str] = set()
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif not isinstance(node, (ast.Lambda, *_COMPREHENSIONS)):
            waiting += ast.iter_child_nodes(node)
    return frozenset(names)


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    several = [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *several]


class _Checker:
    def __init__(self, tools: Mapping[str, inspect.Signature], inputs: frozenset[str]) -> None:
        self.tools = tools
        self.outermost = inputs | BUILTINS
        self.rules: dict[type[ast.AST], Callable[[Any, frozenset[str]], None]] = {
            ast.Name: self.on_name,
            ast.FunctionDef: self.on_function,
            ast.Lambda: self.on_lambda,
            ast.Attribute: self.on_attribute,
            ast.Call: self.on_call,
            ast.Constant: self.on_constant,
            ast.FormattedValue: self.on_format,
            **dict.fromkeys((ast.List, ast.Tuple, ast.Set, ast.Dict), self.on_literal),
            **dict.fromkeys(_COMPREHENSIONS, self.on_comprehension),
        }

    def visit(self, node: ast.AST, scope: frozenset[str]) -> None:
        """Check a node and what is in it, with the names that can be read there."""
        if not isinstance(node, _ALLOWED):
            kind = type(node).__name__
            _refuse(node, f"{_WORDS.get(kind, kind)} isn't part of the language", allowed=_LANGUAGE)
        self.rules.get(type(node), self.inside)(node, scope)

    def inside(self, node: ast.AST, scope: frozenset[str]) -> None:
        for child in ast.iter_child_nodes(node):
            self.visit(child, scope)

    def on_name(self, node: ast.Name, scope: frozenset[str]) -> None:
        self.name(node, node.id)
        if isinstance(node.ctx, ast.Store):
            self.binding(node, node.id)
        elif node.id in self.tools:
            _refuse(node, f"{node.id} is a tool and can only be called", expected=self.usage(node.id))
        elif node.id not in scope:
            known = [*scope, *self.tools]
            near = did_you_mean(node.id, sorted(known))
            _refuse(node, f"there is nothing called {node.id[:60]!r}{near}", allowed=", ".join(sorted(self.tools)))

    def on_function(self, node: ast.FunctionDef, scope: frozenset[str]) -> None:
        if node.decorator_list or getattr(node, "type_params", None):
            _refuse(node, "decorators and type parameters aren't part of the language")
        if node.returns is not None:
            _refuse(node, "an annotation isn't part of the language")
        self.name(node, node.name)
        self.binding(node, node.name)
        inner = self.function(node.args, scope) | _bound(node.body)
        for statement in node.body:
            self.visit(statement, inner)

    def on_lambda(self, node: ast.Lambda, scope: frozenset[str]) -> None:
        self.visit(node.body, self.function(node.args, scope))

    def function(self, arguments: ast.arguments, scope: frozenset[str]) -> frozenset[str]:
        for default in (*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)):
            self.visit(default, scope)
        parameters = _parameters(arguments)
        for parameter in parameters:
            if parameter.annotation is not None:
                _refuse(parameter, "an annotation isn't part of the language")
            self.name(parameter, parameter.arg)
            self.binding(parameter, parameter.arg)
        return scope | {p.arg for p in parameters}

    def on_comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, scope: frozenset[str]
    ) -> None:
        for part in node.generators:
            if part.is_async:
                _refuse(node, "async isn't part of the language", allowed=_LANGUAGE)
            self.visit(part.iter, scope)
            scope = scope | _bound([part.target])
            for child in (part.target, *part.ifs):
                self.visit(child, scope)
        for value in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.visit(value, scope)

    def on_attribute(self, node: ast.Attribute, scope: frozenset[str]) -> None:
        _refuse(node, f"attributes can't be read: .{node.attr[:60]}", expected='a key, as in result["score"]')

    def on_call(self, node: ast.Call, scope: frozenset[str]) -> None:
        function = node.func
        if isinstance(function, ast.Attribute):
            if function.attr not in METHODS:
                near = did_you_mean(function.attr, METHODS)
                _refuse(function, f"there is no method .{function.attr[:60]}{near}", allowed=", ".join(sorted(METHODS)))
            self.visit(function.value, scope)
        elif not isinstance(function, ast.Name):
            _refuse(node, "only a name or a method can be called")
        elif function.id in self.tools:
            self.tool(node, function.id)
        else:
            self.visit(function, scope)
        for argument in (*node.args, *(k.value for k in node.keywords)):
            self.visit(argument, scope)

    def tool(self, node: ast.Call, name: str) -> None:
        """Check a call against the tool's signature."""
        usage = self.usage(name)
        if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
            _refuse(node, f"{name}: a tool's arguments must be written out", expected=usage, got="* or **")
        parameters = self.tools[name].parameters.values()
        by_place = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        by_name = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
        if len(node.args) > len(by_place) and not any(p.kind == p.VAR_POSITIONAL for p in parameters):
            _refuse(node, f"{name}: too many arguments", expected=usage, got=f"{len(node.args)} without a name")
        given = set(by_place[: len(node.args)])
        for keyword in node.keywords:
            word = keyword.arg or ""
            if word in given:
                _refuse(keyword.value, f"{name}: {word[:60]} is given twice", expected=usage)
            if word not in by_name and not any(p.kind == p.VAR_KEYWORD for p in parameters):
                near = did_you_mean(word, by_name)
                _refuse(keyword.value, f"{name} has no argument {word[:60]!r}{near}", allowed=", ".join(by_name))
            given.add(word)
        required = [
            p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
        missing = [p for p in required if p not in given]
        if missing:
            _refuse(
                node, f"{name}: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing", expected=usage
            )

    def usage(self, name: str) -> str:
        """A tool's signature as it is written in programs."""
        return f"{name}({', '.join(_parts(self.tools[name]))})"

    def on_constant(self, node: ast.Constant, scope: frozenset[str]) -> None:
        value = node.value
        if not (value is None or isinstance(value, bool | int | float | str)):
            _refuse(node, f"{type(value).__name__} literals aren't part of the language", allowed="numbers and texts")
        if isinstance(value, str) and len(value) > MAX_TEXT:
            _refuse(node, "this text is too long", got=f"{len(value)} characters", allowed=f"up to {MAX_TEXT}")
        if isinstance(value, int) and value > MAX_INTEGER:
            _refuse(node, "this number is too large", allowed=f"up to {MAX_INTEGER:.0e}")
        if isinstance(value, float) and not math.isfinite(value):
            _refuse(node, "this number is too large", allowed="finite numbers")

    def on_literal(self, node: ast.List | ast.Tuple | ast.Set | ast.Dict, scope: frozenset[str]) -> None:
        items = len(node.values if isinstance(node, ast.Dict) else node.elts)
        if items > MAX_ITEMS:
            _refuse(node, "this literal is too long", got=f"{items} items", allowed=f"up to {MAX_ITEMS}")
        self.inside(node, scope)

    def on_format(self, node: ast.FormattedValue, scope: frozenset[str]) -> None:
        self.visit(node.value, scope)
        if node.format_spec is None:
            return
        parts = node.format_spec.values if isinstance(node.format_spec, ast.JoinedStr) else [node.format_spec]
        spec = "".join(str(p.value) if isinstance(p, ast.Constant) else "{" for p in parts)
        if not _FORMAT.fullmatch(spec):
            _refuse(node, f"this format can't be used: {spec[:40]!r}", expected="a format such as .3f, >10 or ,")

    def name(self, node: ast.AST, name: str) -> None:
        if "__" in name:
            _refuse(node, f"names with two underscores can't be used: {name[:60]!r}")
        if name in FORBIDDEN:
            _refuse(node, f"the name {name!r} can't be used")

    def binding(self, node: ast.AST, name: str) -> None:
        if name in self.tools:
            _refuse(node, f"{name} is a tool; give the variable another name")


def _parts(signature: inspect.Signature) -> Iterator[str]:
    named_only = False
    for p in signature.parameters.values():
        if p.kind is p.KEYWORD_ONLY and not named_only:
            named_only = True
            yield "*"
        named_only = named_only or p.kind is p.VAR_POSITIONAL
        stars = "*" if p.kind is p.VAR_POSITIONAL else "**" if p.kind is p.VAR_KEYWORD else ""
        yield f"{stars}{p.name}" if p.default is p.empty else f"{p.name}={p.default!r}"


def _refuse(node: ast.AST, message: str, *, expected: str = "", got: str = "", allowed: str = "") -> NoReturn:
    line = getattr(node, "lineno", None)
    raise ProgramError(message, line=line, expected=expected, got=got, allowed=allowed)
