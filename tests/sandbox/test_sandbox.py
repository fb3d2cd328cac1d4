import os
import subprocess
import sys
import threading
import time

import psutil
import pytest

from modelwright.errors import NotApplicable, ProgramError
from modelwright.sandbox import Result, SandboxLimits, run

SHORT = SandboxLimits(seconds=0.3, memory=16 << 20, depth=100, calls=50, argument_size=10_000, print_size=1_000)


def add(a, b=1):
    return a + b


def echo(value):
    return value


TOOLS = {"add": add, "echo": echo}


def go(source: str, tools=TOOLS, limits=SHORT, **inputs) -> Result:
    return run(source, inputs=inputs, tools=tools, limits=limits)


def refused(source: str, tools=TOOLS, limits=SHORT, **inputs) -> ProgramError:
    with pytest.raises(ProgramError) as caught:
        go(source, tools, limits, **inputs)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1_000
    return caught.value


def test_a_program():
    result = go(
        """
total = add(n, b=2)
names = ["é" + x for x in ["a", "b"]]
for name in names:
    total = add(total)
    print(name, total)
{"total": total, "pair": (1, [2.5, None]), "names": names}
""",
        n=4,
    )
    assert result.value == {"total": 8, "pair": [1, [2.5, None]], "names": ["éa", "éb"]}
    assert [(c.tool, c.line, c.args, dict(c.kwargs)) for c in result.calls] == [
        ("add", 2, (4,), {"b": 2}),
        ("add", 5, (6,), {}),
        ("add", 5, (7,), {}),
    ]
    assert result.printed == "éa 7\néb 8\n"


def test_a_program_without_a_last_expression_has_no_value():
    assert go("x = add(1)").value is None


def test_values_cross_as_copies():
    kept = []

    def keep(value):
        kept.append(value)
        return kept[0]

    assert go("x = [1]\ny = keep(x)\nx.append(2)\ny.append(3)\nx", {"keep": keep}).value == [1, 2]
    assert kept == [[1]]


def test_numpy_scalars_from_tools_become_numbers():
    np = pytest.importorskip("numpy")
    assert go("t()", {"t": lambda: {"a": np.float64(0.5), "b": [np.int64(3), np.bool_(True)]}}).value == {
        "a": 0.5,
        "b": [3, True],
    }


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("x = 1\n1 / 0", 2, "ZeroDivisionError"),
        ("\n\nfoo", 3, "nothing called 'foo'"),
        ("ad(1)", 1, "did you mean 'add'?"),
        ("t = add\nt(1)", 1, "can only be called"),
        ("def f(x):\n    return x['nope']\nf({})", 2, "KeyError"),
        ("x = (", 1, "Python"),
        ("'é'; {}[1]", 1, "KeyError"),
        ("sorted([1, 2], key=lambda x: add(x))", 1, "use a loop"),
    ],
)
def test_a_fault_has_its_line(source, line, words):
    error = refused(source)
    assert (error.line, words in error.message) == (line, True), error


def test_a_tools_program_error_gets_the_line_of_the_call():
    raised = ProgramError("n is out of range", expected="n as a whole number", got="7", allowed="1 to 5")

    def fit(n):
        raise raised

    with pytest.raises(ProgramError) as caught:
        go("# é\n\nfit(\n    7\n)", {"fit": fit})
    assert caught.value is raised
    assert caught.value.line == 3
    assert str(raised) == "line 3: n is out of range; expected n as a whole number; got 7; allowed: 1 to 5"
    with pytest.raises(ProgramError) as again:  # a line that is known already stays
        go("fit(7)", {"fit": fit})
    assert again.value.line == 3


@pytest.mark.parametrize(
    "raised", [NotApplicable("not mine"), RuntimeError("defect"), KeyboardInterrupt(), SystemExit(3)]
)
def test_what_a_tool_raises_cannot_be_caught_and_comes_out_as_it_is(raised):
    reached = []

    def fit():
        raise raised

    source = "try:\n    fit()\nexcept BaseException:\n    pass\nfinally:\n    after()"
    with pytest.raises(type(raised)) as caught:
        go(source, {"fit": fit, "after": lambda: reached.append(1)})
    assert caught.value is raised
    assert "line 2" in caught.value.__notes__[0]
    assert not reached
    assert go("add(1)").value == 2  # the interpreter is fine


def test_the_time_of_tools_does_not_count():
    def slow():
        time.sleep(0.25)

    assert go("slow()\nslow()\n1", {"slow": slow}).value == 1


# Each must end with a ProgramError soon, without harm to this process.
LIMITS = {
    "endless loop": "while True:\n    pass",
    "endless loop that catches": "while True:\n  try:\n    while True:\n      pass\n  except BaseException:\n    pass",
    "endless loop in finally": "try:\n    pass\nfinally:\n    while True:\n        pass",
    "endless recursion": "def f(n):\n    return f(n + 1)\nf(0)",
    "recursive equality": "a = []\nb = []\na.append(b)\nb.append(a)\na == b",
    "recursive sort key": "def f(n):\n    return sorted([2, 1], key=f)\nf(1)",
    "tower of powers": "10 ** 10 ** 10",
    "power": "10 ** 10 ** 7",
    "squaring": "x = 3\nwhile True:\n    x = x * x",
    "shift": "1 << 10 ** 12",
    "repeated text": "'a' * 10 ** 12",
    "repeated list": "[0] * 10 ** 9",
    "replace": "x = 'a' * 10000\nx.replace('a', x).replace('a', x)",
    "justify": "'a'.ljust(10 ** 10)",
    "format width": "f'{1:>9999999999}'",
    "percent width": "'%9999999999d' % 1",
    "doubling list": "x = [0]\nwhile True:\n    x = x + x",
    "doubling text": "x = 'a'\nwhile True:\n    x = x + x",
    "growing dictionary": "x = {}\nwhile True:\n    x[len(x)] = 'abc'",
    "long range": "list(range(10 ** 10))",
    "flood of calls": "while True:\n    add(1)",
    "flood of printing": "while True:\n    print('x' * 1000000)",
    "large argument": "echo('x' * 100000)",
    "large argument by sharing": "x = ['x' * 5000]\nfor i in range(60):\n    x = [x, x]\necho(x)",
    "large argument of shared text": "x = 'x' * 1000000\necho([x] * 100000)",
    "large keyword": "echo(value={'a': 'x' * 100000})",
    "large argument of an unknown tool": "x = 'x' * 1000000\nnope([x] * 100000)",
    "large value": "'x' * 100000",
    "large value by sharing": "x = [0]\nfor i in range(60):\n    x = [x, x]\nx",
    "deep argument": "x = []\nfor i in range(100000):\n    x = [x]\necho(x)",
    "deep value": "x = {}\nfor i in range(100000):\n    x = {'a': x}\nx",
    "long number": "echo(7 ** 5000)",
    "long number as value": "7 ** 20000",
    "set as argument": "echo({1, 2})",
    "key that is no text": "echo({1: 2})",
    "bytes": "echo(b'x')",
    "object of a class": "class A:\n    pass\necho(A())",
    "function": "echo(echo)",
    "tool result used as future": "async def f():\n    return await add(1)\nawait f()",
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits(name):
    before = psutil.Process().memory_info().rss
    started = time.monotonic()
    refused(LIMITS[name])
    assert time.monotonic() - started < 20  # far above the 0.8 s that it may take: this is about ending at all
    assert psutil.Process().memory_info().rss - before < 200 << 20


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("while True:\n    pass", "too long"),
        ("x = 3\nwhile True:\n    x = x * x", "too long"),
        ("[0] * 10 ** 9", "too much memory"),
        ("def f(n):\n    return f(n + 1)\nf(0)", "too deeply"),
        ("while True:\n    add(1)", "too often"),
        ("echo('x' * 100000)", "echo: an argument is too large"),
        ("x = []\nfor i in range(1000):\n    x = [x]\necho(x)", "echo: an argument is nested too deeply"),
        ("'x' * 100000", "the program's value is too large"),
    ],
)
def test_limits_are_named(source, words):
    error = refused(source)
    assert words in error.message
    assert error.allowed or "allowed" in error.message


OUTSIDE = [
    "open('/etc/passwd')",
    "open('/etc/passwd').read()",
    "import pathlib\npathlib.Path('/etc/passwd').read_text()",
    "import pathlib\npathlib.Path('{mark}').write_text('x')",
    "import pathlib\npathlib.Path('{mark}').mkdir()",
    "import os\nos.listdir('/')",
    "import os\nos.environ['HOME']",
    "import os\nos.getenv('HOME')",
    "import os\nos.system('touch {mark}')",
    "import os\nos.urandom(8)",
    "import subprocess",
    "import socket",
    "import ctypes",
    "import importlib",
    "import numpy",
    "import modelwright",
    "import datetime\ndatetime.datetime.now()",
    "import time\ntime.time()",
    "import random\nrandom.random()",
    "__import__('os')",
    "__builtins__",
    "globals()",
    "().__class__.__bases__",
    "(lambda: 0).__globals__",
    "'{0.__class__}'.format(1)",
    "echo.__globals__",
    'exec(\'open("{mark}", "w")\')',
    "eval('__import__(\"os\")')",
]


@pytest.mark.parametrize("source", OUTSIDE)
def test_there_is_no_way_out(source, tmp_path):
    mark = tmp_path / "mark"
    refused(source.replace("{mark}", str(mark)))
    assert not mark.exists()


def test_cyclic_values_come_out_cut():
    assert go("x = []\nx.append(x)\nx").value == ["[...]"]


def test_a_tools_result_is_bounded_too():
    cyclic: list[object] = []
    cyclic.append(cyclic)
    for result in ({1, 2}, object(), cyclic, {1: 2}, 2**70, "x" * 2_000_000):
        limits = SandboxLimits(result_size=1_000_000)
        assert "its result" in refused("t()", {"t": lambda result=result: result}, limits).message


def test_programs_at_the_same_time():
    """More than there are cores, all standing at a tool until the last one has come."""
    n = 12
    barrier = threading.Barrier(n, timeout=60)
    results: dict[int, object] = {}

    def work(i: int) -> None:
        def meet(x):
            barrier.wait()
            return x * 2

        results[i] = run(f"meet({i}) + 1", inputs={}, tools={"meet": meet}).value

    threads = [threading.Thread(target=work, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: 2 * i + 1 for i in range(n)}


def test_the_process_ends_well_and_takes_its_interpreters_along():
    source = (
        "import os, psutil\n"
        "from modelwright.sandbox import run\n"
        "assert not psutil.Process().children()\n"
        "print(run('1 + 1', inputs={}, tools={}).value, *[c.pid for c in psutil.Process().children()])"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    value, *pids = done.stdout.split()
    assert value == "2"
    assert pids
    assert not any(psutil.pid_exists(int(pid)) for pid in pids)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_is_refused_and_does_not_hang():
    assert go("add(1)").value == 2
    pid = os.fork()
    if pid == 0:
        try:
            go("add(2)")
            os._exit(0)
        except RuntimeError as error:
            os._exit(3 if "fork" in str(error) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    assert go("add(1)").value == 2
