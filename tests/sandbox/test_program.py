import ast
import inspect
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.errors import ProgramError
from modelwright.program import MAX_DEPTH, MAX_LENGTH, Program, check


def train_model(data, target_column, algorithm, hyperparams=None): ...


def rank(first, /, *rest, limit=3): ...


TOOLS = {f.__name__: inspect.signature(f) for f in (train_model, rank)}
INPUTS = ("data", "target_column")


def refused(source: str) -> ProgramError:
    with pytest.raises(ProgramError) as caught:
        check(source, TOOLS, INPUTS)
    assert "\n" not in str(caught.value)
    return caught.value


GOOD = [
    """
models = []
for i, name in enumerate(["ridge", "forest"]):
    params = {"n": i + 1, **{"seed": 0}} if i > 0 else {}
    models.append(train_model(data, target_column, name, hyperparams=params))
best = sorted(models, key=lambda m: -m["score"])[0]
while len(models) > 1 and not best is None:
    models.pop()
else:
    pass
print(f"best: {best['score']:.3f} of {len(models)!r} {1234:>10,}")
{"best": best, "names": [m["name"].upper() for m in models if "name" in m for _ in range(2)]}
""",
    """
def go(name, *more, depth=0, **options):
    def inner(x):
        return x if x <= depth else go(name, depth=x)
    first, *others = [inner(n) for n in more] or [0]
    options["seen"] = {k: v for k, v in options.items()}
    return train_model(data, target_column, name, options)

total = 0
total += -2 ** 3 // 4 % 5
data = "other"
rank(1, 2, 3, limit=2)
go("a", 1, *[2, 3])[0:1]
""",
    "dict(type=1, clf__C=2)",
    "list = [1]\nx = {y for y in list} | {2}\nx",
]


@pytest.mark.parametrize("source", GOOD)
def test_the_language(source):
    check(source, TOOLS, INPUTS)


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("import os", "import"),
        ("from os import path", "import"),
        ("try:\n    pass\nexcept Exception:\n    pass", "try"),
        ("raise 1", "raise"),
        ("assert data", "assert"),
        ("class A:\n    pass", "class"),
        ("with data as x:\n    pass", "with"),
        ("def f():\n    global data", "global"),
        ("def f():\n    x = 1\n    def g():\n        nonlocal x", "nonlocal"),
        ("del data", "del"),
        ("def f():\n    yield 1", "yield"),
        ("async def f():\n    pass", "async"),
        ("[x async for x in data]", "async"),
        ("match data:\n    case 1:\n        pass", "match"),
        ("(x := 1)", ":="),
        ("x: int = 1", "annotation"),
        ("def f(x: int):\n    return x", "annotation"),
        ("def f() -> int:\n    return 1", "annotation"),
        ("@print\ndef f():\n    pass", "decorators"),
        ("1 << 1000000000", "<<"),
        ("b'x'", "bytes"),
        ("1j", "complex"),
        ("...", "ellipsis"),
        ("data.read", ".read"),
        ("data.format(1)", ".format"),
        ("data.format_map({})", ".format_map"),
        ("data.__class__()", ".__class__"),
        ("().__class__.__bases__", ".__bases__"),
        ("data.x = 1", ".x"),
        ("[].append", ".append"),
        ("eval('1')", "eval"),
        ("open('x')", "open"),
        ("getattr(data, 'x')", "getattr"),
        ("type = 1", "type"),
        ("def exec():\n    pass", "exec"),
        ("lambda input: 1", "input"),
        ("__import__('os')", "__import__"),
        ("__x = 1", "__x"),
        ("def f(a__b):\n    pass", "a__b"),
        ("train_model = 1", "another name"),
        ("for train_model in data:\n    pass", "another name"),
        ("def train_model():\n    pass", "another name"),
        ("lambda train_model: 1", "another name"),
        ("[1 for train_model in data]", "another name"),
        ("t = train_model", "can only be called"),
        ("sorted(data, key=train_model)", "can only be called"),
        ("train_model.append(1)", "can only be called"),
        ("(lambda: 1)()", "only a name or a method"),
        ("[print][0](1)", "only a name or a method"),
        ("f'{1:{data}}'", "format"),
        ("f'{1:>999999999}'", "format"),
        ("f'{1:.999999999f}'", "format"),
        ("'" + "x" * 6000 + "'", "too long"),
        ("[" + "0," * 2000 + "]", "too long"),
        ("{" + "0:0," * 2000 + "}", "too long"),
        ("10000000000000000000000", "too large"),
        ("1e999", "too large"),
        ("9" * 5000, "Python"),
        ("x = 1\n" * 5000, "too long"),
        ("", "empty"),
        ("# nothing", "empty"),
        ("return 1", "outside function"),
        ("break", "outside loop"),
        ("def f(a, a):\n    pass", "duplicate"),
        ("x = (", "Python"),
        ("x\0", "Python"),
        ("\ud800", "Python"),
        ("  x = 1", "indent"),
    ],
)
def test_what_is_refused(source, word):
    assert word.lower() in refused(source).message.lower()


@pytest.mark.parametrize(
    "source",
    [
        "(" * 5000 + ")" * 5000,
        "[" * 150 + "]" * 150,
        "-" * 15000 + "1",
        "not " * 4000 + "1",
        "data" + "[0]" * 5000,
        "data" + ".x" * 9000,
        "1" + "+1" * 9000,
        "\n".join(" " * n + "if data:" for n in range(120)),
        "f'" + "{ " * 150 + "1" + " }" * 150 + "'",
        "lambda: " * 2000 + "1",
        "x = " * 4000 + "1",
        "data if " * 2000 + "1",
        "1 if data else " * 1200 + "1",
        "if data: pass\n" + "elif data: pass\n" * 1200,
    ],
)
def test_absurd_nesting_is_refused_and_harmless(source):
    try:
        check(source[:MAX_LENGTH], TOOLS, INPUTS)
    except ProgramError as error:
        assert "\n" not in str(error)
    else:  # wide, not deep
        assert source.startswith("x = ")


def test_reasonable_depth_is_fine():
    check("1" + " + 1" * (MAX_DEPTH - 5), TOOLS, INPUTS)


@pytest.mark.parametrize(
    ("call", "message", "expected", "allowed"),
    [
        ("train_model(data, 'y')", "algorithm is missing", "hyperparams=None", ""),
        ("train_model(data)", "target_column and algorithm are missing", "train_model(data, target_column", ""),
        ("train_model(data, 'y', 'a', {}, 5)", "too many arguments", "train_model(", ""),
        ("train_model(data, 'y', 'a', hyperparms={})", "did you mean 'hyperparams'?", "", "data, target_column"),
        ("train_model(data, 'y', 'a', data=1)", "data is given twice", "train_model(", ""),
        ("train_model(data, 'y', 'a', hyperparams=1, hyperparams=2)", "", "", ""),
        ("train_model(*data)", "written out", "train_model(", ""),
        ("train_model(data, 'y', **data)", "written out", "train_model(", ""),
        ("rank()", "first is missing", "rank(first, *rest, limit=3)", ""),
        ("rank(first=1)", "no argument 'first'", "", "limit"),
        ("rank(1, limt=2)", "did you mean 'limit'?", "", "limit"),
    ],
)
@pytest.mark.parametrize("frame", ["{}", "x = [{}]", "def f(a):\n    return {}", 'f"{{{}}}"', "print(lambda: {})"])
def test_calls_of_tools(call, message, expected, allowed, frame):
    source = "\n\n" + frame.format(call)
    error = refused(source)
    assert error.line == (4 if "def" in frame else 3)
    assert message in error.message
    assert expected in error.expected
    assert allowed in error.allowed


def test_names():
    error = refused("x = 1\n\ntrain_mdoel(data)")
    assert (error.line, "did you mean 'train_model'?" in error.message) == (3, True)
    assert "rank" in error.allowed
    assert "nothing called 'y'" in refused("[y for y in data]\ny").message
    assert "nothing called 'inner'" in refused("def f():\n    inner = 1\n    return inner\ninner").message
    assert "nothing called 'a'" in refused("f = lambda a: a\na").message
    check("def f():\n    return later\nlater = 1\nf()", TOOLS, INPUTS)
    check("[x + y for x in data for y in x]", TOOLS, INPUTS)


def test_a_program_knows_its_calls():
    program = Program("x = train_model(data, 'y', 'a')\nif x:\n    rank(rank(1)); print(2)")
    program.check(TOOLS, INPUTS)
    assert program.calls(TOOLS) == ((1, "train_model"), (3, "rank"), (3, "rank"))


def only_program_errors(source: str) -> None:
    try:
        check(source, TOOLS, INPUTS)
    except ProgramError as error:
        assert error.line is None or error.line >= 0
        assert len(str(error)) < 2_000
    else:  # accepted: then it is Python, and none of the refused things is in it
        for node in ast.walk(ast.parse(source)):
            assert not isinstance(node, ast.Import | ast.ImportFrom | ast.Try | ast.ClassDef | ast.With | ast.Await)
            assert not (isinstance(node, ast.Attribute) and node.attr.startswith("_"))
            assert not (isinstance(node, ast.Name) and node.id in ("eval", "exec", "open", "__import__", "getattr"))


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_text(source):
    only_program_errors(source)


PIECES = [
    "train_model(", "rank(", "data", "x", "(", ")", "[", "]", "{", "}", ",", ":", "=", "+", "*", "**", ".", "append",
    "\n", "\n    ", "if ", "for ", "in ", "def f", "lambda ", "return ", "import os", "eval", "__class__", "'a'",
    "f'{x}'", "1", " else ", "not ", "@", "async ", "await ", "yield ", "class A", "while ", "\\", "#", "\t", ";",
    "print", "%", "match x",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
@settings(max_examples=300, deadline=None)
def test_any_words(source):
    only_program_errors(source)


def mutate(source: str, seed: int) -> str:
    """Replace random parts of a good program's tree by random other parts of it, and write it out again."""
    rng = random.Random(seed)
    tree = ast.parse(source)
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.expr)]
    for _ in range(rng.randint(1, 6)):
        target, donor = rng.choice(nodes), rng.choice(nodes)
        fields = [f for f in target._fields if isinstance(getattr(target, f, None), ast.expr)]
        if fields:
            setattr(target, rng.choice(fields), donor if rng.random() < 0.7 else ast.Attribute(donor, "__class__"))
    return ast.unparse(ast.fix_missing_locations(tree))


@given(st.sampled_from(GOOD), st.integers(0, 10**9))
@settings(max_examples=150, deadline=None)
def test_any_tree(source, seed):
    try:
        mutated = mutate(source, seed)
    except (RecursionError, ValueError, TypeError):  # a cycle, or a tree that can't be written out
        return
    only_program_errors(mutated)
