import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modelwright.errors import MissingExtra, RequestError
from modelwright.executors import Executor, find
from modelwright.executors.inline import Inline
from modelwright.executors.local import Local
from modelwright.step import Limits, Step
from modelwright.testing.executors import HERE, PATIENCE, ExecutorContract, IsolationContract, ended, failure_of, until


class TestInline(ExecutorContract):
    def make(self, folder: Path, slots: int = 2) -> Executor:
        return Inline(folder)


def light(folder: Path, slots: int = 2, **options) -> Local:
    """Without the heavy libraries, which take seconds to import."""
    return Local(slots, folder, **{"preload": [HERE], "later": [], **options})


class TestLocal(IsolationContract):
    def make(self, folder: Path, slots: int = 2) -> Executor:
        return light(folder, slots)


def zygote_of(executor: Local) -> int:
    return executor._zygote.pid


def test_inline_lets_an_interruption_through(tmp_path, monkeypatch):
    def interrupted(workplace):
        raise KeyboardInterrupt

    monkeypatch.setattr("modelwright.testing.steps.echo", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Inline(tmp_path).submit(Step(f"{HERE}:echo", 1, {}), Limits())
    assert not list((tmp_path / "scratch").iterdir())


def test_the_default_memory_limit_holds_for_steps_without_one(tmp_path):
    with light(tmp_path, memory=300 << 20) as executor:
        outcome = executor.submit(Step(f"{HERE}:hog", 1, {"size": 600 << 20}), Limits()).result(PATIENCE)
    assert failure_of(outcome).kind == "memory"


@pytest.mark.parametrize("part", [1 << 20, 12 << 20], ids=["many files", "one large file"])
def test_a_step_that_fills_the_disk_costs_itself_only(tmp_path, part):
    with light(tmp_path, slots=1, disk=8 << 20) as executor:
        step = Step(f"{HERE}:fill", 1, {"size": 12 << 20, "part": part})
        failure = failure_of(executor.submit(step, Limits(seconds=PATIENCE / 2)).result(PATIENCE))
        assert failure.kind == "crash"
        assert "disk" in failure.message and "--out" in failure.message
        assert executor.submit(Step(f"{HERE}:echo", 1, {}), Limits()).result(PATIENCE).ok
    assert not list((tmp_path / "scratch").iterdir())


def test_what_libraries_leave_in_the_folder_for_temporary_files_goes_with_the_step(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "leaving.py").write_text(
        "import tempfile\nfrom modelwright.executors import Done\ndef f(w): return Done(tempfile.mkstemp()[1], {})\n"
    )
    with light(tmp_path, slots=1) as executor:
        left = Path(executor.submit(Step("leaving:f", 1, {}), Limits()).result(PATIENCE).value)
    assert left.is_relative_to(tmp_path / "scratch")
    assert not left.exists()


def test_a_killed_zygote_costs_no_step(tmp_path):
    mark = tmp_path / "left"
    mark.write_text("1")
    with light(tmp_path) as executor:
        first = zygote_of(executor)
        futures = [executor.submit(Step(f"{HERE}:kill_parent", 1, {"mark": str(mark)}), Limits())]
        futures += [executor.submit(Step(f"{HERE}:echo", 1, {"n": n}), Limits()) for n in range(4)]
        assert [f.result(PATIENCE).status for f in futures] == ["done"] * 5
        assert futures[0].result().value == "survived"
        assert zygote_of(executor) != first


def test_a_step_that_somebody_killed_is_performed_once_more(tmp_path):
    first, again = tmp_path / "first", tmp_path / "again"
    with light(tmp_path / "artefacts", slots=1) as executor:
        step = Step(f"{HERE}:once_more", 1, {"first": str(first), "again": str(again)})
        future = executor.submit(step, Limits())
        until(first.exists)
        os.kill(int(first.read_text()), signal.SIGKILL)
        assert future.result(PATIENCE).value == "performed again"


def test_a_step_that_kills_the_zygote_again_is_a_crash(tmp_path):
    mark = tmp_path / "left"
    mark.write_text("9")
    with light(tmp_path, slots=1) as executor:
        bad = executor.submit(Step(f"{HERE}:kill_parent", 1, {"mark": str(mark)}), Limits())
        good = executor.submit(Step(f"{HERE}:echo", 1, {}), Limits())
        assert failure_of(bad.result(PATIENCE)).kind == "crash"
        assert good.result(PATIENCE).ok
    assert mark.read_text() == "7"


def test_a_zygote_that_cannot_start_is_a_crash_and_no_hang(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "deadly_module.py").write_text("import os; print('deadly', flush=True); os._exit(9)")
    with light(tmp_path, preload=["deadly_module"]) as executor:
        early = executor.submit(Step(f"{HERE}:echo", 1, {}), Limits())
        failure = failure_of(early.result(PATIENCE))
        assert failure.kind == "crash"
        assert "deadly" in failure.message
        late = executor.submit(Step(f"{HERE}:echo", 1, {}), Limits())
        assert failure_of(late.result(PATIENCE)).kind == "crash"


def test_what_cannot_be_imported_ahead_is_left_to_the_steps(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "broken_module.py").write_text("1 / 0")
    (tmp_path / "deadly_later.py").write_text("import os; os._exit(9)")
    with light(tmp_path, preload=[HERE, "broken_module", "no_such_module"], later=["deadly_later"]) as executor:
        slow = executor.submit(Step(f"{HERE}:wait_once", 1, {"mark": str(tmp_path / "mark")}), Limits())
        assert slow.result(PATIENCE).ok  # in its second life: importing has killed the first
        broken = executor.submit(Step("broken_module:f", 1, {}), Limits()).result(PATIENCE)
    assert failure_of(broken).error_type == "ZeroDivisionError"


def test_functions_are_found_where_this_process_finds_them(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "my_steps.py").write_text(
        "from modelwright.executors import Done\nclass A:\n    @staticmethod\n    def f(w): return Done(1, {})\n"
    )
    with light(tmp_path) as executor:
        assert executor.submit(Step("my_steps:A.f", 1, {}), Limits()).result(PATIENCE).value == 1


def test_a_file_in_the_working_directory_shadows_nothing(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    with light(tmp_path / "artefacts") as executor:
        assert executor.submit(Step(f"{HERE}:echo", 1, {}), Limits()).result(PATIENCE).ok


HOST = """
import os, sys, time
from pathlib import Path
from modelwright.executors.local import Local
from modelwright.step import Limits, Step
from modelwright.testing.steps import wait
folder = Path(sys.argv[1])
executor = Local(2, folder, preload=["modelwright.testing.steps"], later=[])
for n, family in enumerate(["child", "stranger", "", "child"]):  # two run, two are queued
    executor.submit(Step("modelwright.testing.steps:wait", 1, {"mark": str(folder / f"mark{n}"), "family": family}),
                    Limits(), priority=n)
while not ((folder / "mark0").exists() and (folder / "mark1").exists()):
    time.sleep(0.01)
print(executor._zygote.pid, flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.mark.parametrize("attempt", range(8))
def test_nothing_outlives_a_killed_host(tmp_path, attempt):
    host = subprocess.Popen([sys.executable, "-c", HOST, str(tmp_path), "60"], stdout=subprocess.PIPE, text=True)
    pids = [int(host.stdout.readline())]
    pids += [int(pid) for n in (0, 1) for pid in (tmp_path / f"mark{n}").read_text().split()]
    assert len(pids) == 5
    assert not any(map(ended, pids))
    host.send_signal(signal.SIGKILL)
    host.wait()
    until(lambda: all(map(ended, pids)))
    # The next executor on the same folder clears up.
    with light(tmp_path):
        assert all(p.name.startswith(f"{os.getpid()}-") for p in (tmp_path / "scratch").iterdir())


def test_nothing_outlives_a_host_that_just_ends(tmp_path):
    host = subprocess.run(
        [sys.executable, "-c", HOST, str(tmp_path), "0"], capture_output=True, text=True, timeout=PATIENCE
    )
    assert host.returncode == 0, host.stderr
    pids = [int(host.stdout)] + [int(pid) for n in (0, 1) for pid in (tmp_path / f"mark{n}").read_text().split()]
    until(lambda: all(map(ended, pids)))


def test_openmp_in_one_step_after_the_other(tmp_path, monkeypatch):
    """A fork of a process that has computed with OpenMP hangs; the zygote never has."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "boosting.py").write_text(
        "import numpy as np, lightgbm, threadpoolctl\n"
        "from sklearn.ensemble import RandomForestClassifier\n"
        "from joblib.parallel import get_active_backend\n"
        "from modelwright.executors import Done\n"
        "def fit(w):\n"
        "    X = np.random.default_rng(w.seed).normal(size=(500, 4)); y = X[:, 0] > 0\n"
        "    lightgbm.LGBMClassifier(n_estimators=5, n_jobs=w.threads, verbose=-1).fit(X, y)\n"
        "    RandomForestClassifier(5, n_jobs=w.threads, random_state=w.seed).fit(X, y)\n"
        "    used = {i['num_threads'] for i in threadpoolctl.threadpool_info()}\n"
        "    return Done([sorted(used), type(get_active_backend()[0]).__name__], {})\n"
    )
    with Local(2, tmp_path, preload=["boosting"], later=[]) as executor:
        futures = [
            executor.submit(Step("boosting:fit", 1, {}, seed=n), Limits(seconds=PATIENCE / 2, threads=1 + n % 2))
            for n in range(6)
        ]
        values = [f.result(PATIENCE).value for f in futures]
    assert values == [[[1 + n % 2], "ThreadingBackend"] for n in range(6)]


def test_steps_share_what_is_imported_while_nobody_waits(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "slowly.py").write_text("import os; PID = os.getpid()\n")
    (tmp_path / "looking.py").write_text(
        "import os, sys\n"
        "from modelwright.executors import Done\n"
        "def look(w): return Done([getattr(sys.modules.get('slowly'), 'PID', 0), os.getppid()], {})\n"
    )
    with Local(1, tmp_path, preload=["looking"], soon=["not_there", "slowly"], later=[]) as executor:
        for n in range(200):  # the first one may well come before the import
            importer, parent = executor.submit(Step("looking:look", 1, {}, seed=n), Limits()).result(PATIENCE).value
            if importer:
                break
        assert importer == parent == zygote_of(executor)


def test_without_workers_there_is_no_executor(tmp_path):
    with pytest.raises(RequestError, match="at least one"):
        Local(0, tmp_path)


@pytest.mark.parametrize("name", ["ray", "flyte"])
def test_a_missing_library_is_named_by_its_extra(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=rf"--executor {name} needs .*modelwright\[{name}\]"):
        find(name)(tmp_path)


def test_an_address_that_nobody_understands_is_answered_with_those_that_somebody_does():
    with pytest.raises(RequestError, match=r"no executor 'rya'; choose one of flyte, .* local, ray, ray://HOST:PORT"):
        find("rya")
    assert find("local") is Local
