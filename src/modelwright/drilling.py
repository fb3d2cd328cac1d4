"""Drills: the catalogue of faults, played on the user's own machine to see what is survived.

Every drill breaks something for real (a process, a file, a clock, a provider) in a folder of its own that is removed
afterwards, and looks at what modelwright made of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.errors import MissingExtra, RequestError, UserError

if TYPE_CHECKING:
    import pandas as pd

    from modelwright.step import Limits, Outcome, Record

PATIENCE = 180.0
"""Seconds after which a drill counts as not survived: what hangs must not hang this, too."""
_STEPS = "modelwright.testing.steps"


class NotSurvivedError(Exception):
    """What a drill found instead of what it should have found; one sentence."""


@dataclass(frozen=True)
class Drilled:
    """How a drill ended.

    Args:
        kind: which drill.
        fault: what was done.
        what: what came of it, in a sentence.
        survived: whether modelwright survived it; ``None`` when the drill can't be played here.
        seconds: how long it took.
    """

    kind: str
    fault: str
    what: str
    survived: bool | None
    seconds: float


def drill(kinds: tuple[str, ...] = ()) -> Iterator[Drilled]:
    """Play drills one after the other.

    Args:
        kinds: which; all of :data:`DRILLS` by default.

    Raises:
        RequestError: for a kind that there isn't.
    """
    unknown = [kind for kind in kinds if kind not in DRILLS]
    if unknown:
        raise RequestError(f"there is no drill {unknown[0]!r}; choose from {', '.join(DRILLS)}")
    for kind, (fault, play) in DRILLS.items():
        if kinds and kind not in kinds:
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="modelwright-drill-", ignore_cleanup_errors=True) as home:
            survived: bool | None = True
            try:
                what = play(Path(home))
            except NotSurvivedError as error:
                what, survived = str(error), False
            except MissingExtra as error:
                what, survived = f"left out: {error}", None
            except Exception as error:
                # Whatever a fault brings out here was not survived: that is what drills are for.
                what, survived = f"it ended in {type(error).__name__}: {error}", False
        yield Drilled(kind, fault, what, survived, time.monotonic() - began)


def _must(holds: object, otherwise: str) -> None:
    if not holds:
        raise NotSurvivedError(otherwise)


# ── faults inside a step ──


def _perform(home: Path, name: str, limits: Limits | None = None, disk: int = 0, **args: Any) -> Outcome:
    """Perform a step that goes wrong, then one that doesn't in the same place; returns how the first one ended."""
    from modelwright.executors.local import Local
    from modelwright.step import Limits, Step

    with Local(1, home, preload=[_STEPS], later=[], disk=disk) as executor:
        limits = limits or Limits(seconds=PATIENCE / 2)
        outcome = executor.submit(Step(f"{_STEPS}:{name}", 1, args), limits).result(PATIENCE)
        after = executor.submit(Step(f"{_STEPS}:echo", 1, {}), Limits()).result(PATIENCE)
    _must(after.ok, "the next step could not be performed")
    return outcome


def _costs_its_step(home: Path, kind: str, word: str, name: str, limits: Any = None, disk: int = 0, **args: Any) -> str:
    failure = _perform(home, name, limits, disk, **args).failure
    _must(failure is not None, "the step went on as if nothing had happened")
    assert failure is not None
    _must(failure.kind == kind and word in failure.message, f"it was taken for something else: {failure.message}")
    return f"{failure.message}; the next step went well"


def _worker(home: Path) -> str:
    from modelwright.executors.local import Local
    from modelwright.step import Limits, Step

    first, again = home / "first", home / "again"
    with Local(1, home / "artefacts", preload=[_STEPS], later=[]) as executor:
        step = Step(f"{_STEPS}:once_more", 1, {"first": str(first), "again": str(again)})
        future = executor.submit(step, Limits(seconds=PATIENCE / 2))
        until = time.monotonic() + PATIENCE
        while not first.exists():
            _must(time.monotonic() < until, "the step never began")
            time.sleep(0.01)
        os.kill(int(first.read_text()), signal.SIGKILL)
        outcome = future.result(PATIENCE)
    _must(outcome.ok and again.exists(), f"the step was lost: {outcome.failure}")
    return "the step was performed once more"


def _workers(home: Path) -> str:
    mark = home / "left"
    mark.write_text("1")
    outcome = _perform(home, "kill_parent", mark=str(mark))
    _must(outcome.ok and outcome.value == "survived", "the step that was running was lost")
    return "another one was started, and the step that was running was performed once more"


def _hang(home: Path) -> str:
    from modelwright.step import Limits

    return _costs_its_step(home, "timeout", "time limit", "native", Limits(seconds=1.0), how="deaf")


def _memory(home: Path) -> str:
    from modelwright.step import Limits

    limits = Limits(seconds=PATIENCE / 2, memory=300 << 20)
    return _costs_its_step(home, "memory", "300 MiB", "hog", limits, size=2 << 30)


def _crash(home: Path) -> str:
    return _costs_its_step(home, "crash", "SIGSEGV", "native", how="segfault")


def _processes(home: Path) -> str:
    return _costs_its_step(home, "crash", "processes", "bomb")


def _disk(home: Path) -> str:
    return _costs_its_step(home, "crash", "disk", "fill", disk=8 << 20, size=12 << 20, part=12 << 20)


# ── faults in the run folder ──


def _artefact(home: Path) -> str:
    from modelwright.engine import Engine
    from modelwright.executors.inline import Inline
    from modelwright.step import Limits, Step
    from modelwright.stores.folder import Folder

    store = Folder(home)
    step = Step(f"{_STEPS}:write", 1, {"text": "what a model is made of"})
    digest = Engine(store, Inline(home / "artefacts")).perform(step, Limits(), stage="drill").artefacts["out"]
    path = store.path(digest)
    path.write_bytes(b"X" + path.read_bytes()[1:])
    try:
        store.get(digest)
    except KeyError:
        pass
    else:
        raise NotSurvivedError("a changed artefact was taken for the one that was stored")
    path.write_bytes(path.read_bytes()[:5])
    again = Engine(store, Inline(home / "artefacts")).perform(step, Limits(), stage="drill")
    _must(again.status == "done", "a step whose artefact was cut off was taken as finished")
    _must(store.get(digest) == b"what a model is made of", "the artefact wasn't made again")
    store.close()
    return "the change was noticed by its digest, and the step that had made it was performed again"


_WRITER = """
import os, signal, sys
from pathlib import Path
from modelwright.stores.folder import Folder
store = Folder(Path(sys.argv[1]))
for n in range(40):
    store.append("drill", {"n": n, "text": "x" * 500})
os.kill(os.getpid(), signal.SIGKILL)
"""


def _log(home: Path) -> str:
    from modelwright.stores.folder import Folder

    subprocess.run([sys.executable, "-c", _WRITER, str(home)], check=False, timeout=PATIENCE, env=_environment())
    wal = home / "run.db-wal"
    _must(wal.exists() and wal.stat().st_size > 0, "the writer left no log to tear")
    with wal.open("r+b") as stream:
        stream.truncate(wal.stat().st_size - 1_500)
    store = Folder(home)
    numbers = [record.body["n"] for record in store.events()]
    _must(numbers == list(range(len(numbers))) and 30 <= len(numbers) <= 40, f"events are missing: {numbers}")
    store.append("drill", {"n": len(numbers)})
    store.close()
    return f"{len(numbers)} of 40 events were whole and are there, the torn ones are gone, and it can be written to"


# ── faults around a whole run ──


def _table(rows: int = 240) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    x, place = rng.normal(size=rows), rng.choice(["north", "south", "west"], rows)
    left = np.where(x + 0.8 * (place == "north") + rng.normal(0, 0.6, rows) > 0.5, "yes", "no")
    return pd.DataFrame({"x": x, "place": place, "left": left})


_ASKED: dict[str, Any] = {
    "statement": "Which customers will leave?",
    "target": "left",
    "time_budget": 300.0,
    "workers": 1,
}


def _run(home: Path, data: pd.DataFrame | None = None, listener: Any = None, **asked: Any) -> dict[str, Any]:
    """A small run with workers of its own; returns its summary."""
    from modelwright import run
    from modelwright.request import Request

    path = home / ("data.csv" if data is None else "data.parquet")
    if data is None:
        _table().to_csv(path, index=False)
    else:
        data.to_parquet(path)
    request = Request(str(path), **{**_ASKED, "max_experiments": 2, **asked})
    with _forgetting():
        summary = run.start(request, home / "run", listeners=(listener,) if listener else ())
    _must(summary["status"] == "delivered", "no model was delivered")
    _must((home / "run" / "model" / "model.json").exists(), "the bundle is missing")
    return summary


@contextlib.contextmanager
def _forgetting() -> Iterator[None]:
    """Drills teach later runs nothing."""
    before = os.environ.get("MODELWRIGHT_MEMORY")
    os.environ["MODELWRIGHT_MEMORY"] = "off"
    try:
        yield
    finally:
        os.environ.pop("MODELWRIGHT_MEMORY")
        if before is not None:
            os.environ["MODELWRIGHT_MEMORY"] = before


def _environment() -> dict[str, str]:
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return os.environ | {"MODELWRIGHT_MEMORY": "off", "MODELWRIGHT_LLM": "none", "PYTHONPATH": path}


def _killed(home: Path) -> str:
    from modelwright import run
    from modelwright.state import fold
    from modelwright.stores.folder import Folder

    _table().to_csv(home / "data.csv", index=False)
    options = ("--problem", str(_ASKED["statement"]), "--target", "left", "--workers", "1", "--max-experiments", "2")
    process = subprocess.Popen(
        [sys.executable, "-m", "modelwright.cli", "run", str(home / "data.csv"), *options, "--yes", "--json",
         "--out", str(home / "run")],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=_environment(),
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["stage"] == "experiment_finished":
            break
    process.kill()
    process.communicate()
    with _forgetting():
        summary = run.resume(home / "run")
    store = Folder(home / "run", readonly=True)
    records = list(store.events())
    store.close()
    done = Counter(r.body["key"] for r in records if r.kind == "step" and r.body["status"] == "done")
    _must(summary["status"] == "delivered", "no model was delivered")
    _must(fold(records).sessions == 2, "the run had ended before it could be killed")
    _must(max(done.values()) == 1, "a finished step was performed again")
    return f"it went on and delivered; none of {len(done)} steps was performed twice"


def _data(home: Path) -> str:
    from modelwright import run
    from modelwright.request import Request

    def vanish(record: Record) -> None:
        if record.kind == "prepared":
            (home / "data.csv").unlink()

    _run(home, listener=vanish)
    try:
        run.start(Request(str(home / "data.csv"), **_ASKED), home / "other")
    except UserError as error:
        return f"a run that had read it went on and delivered; a new one says: {error}"
    raise NotSurvivedError("a run on a file that isn't there began all the same")


def _clock(home: Path) -> str:
    from modelwright.places import find
    from modelwright.state import fold

    homes = still, jumpy = home / "still", home / "jumpy"
    for one in homes:
        one.mkdir()
    _run(still)
    real, shift = time.time, [0.0]

    def jump(record: Record) -> None:
        if record.kind == "experiment_designed":
            shift[0] = 86_400.0 if record.body["number"] == 1 else -2 * 86_400.0

    time.time = lambda: real() + shift[0]
    try:
        summary = _run(jumpy, listener=jump)
    finally:
        time.time = real
    _must(summary["experiments"] == 2, "experiments were left out")
    _must(0 < summary["seconds"] < 3_600, f"the run says that it took {summary['seconds']:g} s")
    then, now = (fold(find(one / "run").records()).delivery for one in homes)
    _must(then and now and then.model == now.model, "another model came out than when the clock was left alone")
    return "the run kept its budget, which it counts by another clock, and came to the same model"


def _provider(home: Path) -> str:
    from modelwright.testing.provider_server import ProviderServer

    moods = ("failing", "not_json", "dropping", "refusal", "cut_off", "truncated", "nothing", "enormous", "overloaded")
    with ProviderServer("valid", *moods, "hanging") as server:
        summary = _run(home, llm=f"{server.url}#drill", llm_timeout=2.0, max_experiments=3)
        asked = len(server.asked)
    _must(summary["experiments"] == 3, "experiments were left out")
    return f"after {asked} requests that came to nothing the built-in policies had done the work"


def _names(home: Path) -> str:
    from html.parser import HTMLParser

    table = _table()
    poisoned = "<script>alert(1)</script>\x1b[2J'; DROP TABLE events; --{{7*7}}%n"
    table = table.rename(columns={"x": poisoned, "place": "../../etc/passwd"})
    table["=cmd|' /C calc'!A0"] = ["\x1b]0;title\x07", "${jndi:x}'; --"] * (len(table) // 2)
    _run(home, table)
    page = (home / "run" / "report.html").read_text("utf-8")
    scripts: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            if tag == "script":
                scripts.append(tag)

        def handle_data(self, data: str) -> None:
            if scripts and "alert(1)" in data and self.cdata_elem == "script":
                scripts.append("poisoned")

    Reader().feed(page)
    _must("poisoned" not in scripts, "a column's name became a script of the report")
    _must("\x1b" not in page, "a control character reached the report")
    return "they were names and nothing else, in the data, the programs and the report"


DRILLS: dict[str, tuple[str, Callable[[Path], str]]] = {
    "worker": ("a worker is killed", _worker),
    "workers": ("the process that all workers come from is killed", _workers),
    "hang": ("native code hangs and ignores signals", _hang),
    "memory": ("a leak takes all memory", _memory),
    "crash": ("native code crashes", _crash),
    "processes": ("a library forks without end", _processes),
    "disk": ("a step fills the disk", _disk),
    "artefact": ("a stored file is changed, then cut off", _artefact),
    "log": ("the last lines of the log are torn", _log),
    "killed": ("the command is killed in the middle and resumed", _killed),
    "data": ("the data file vanishes", _data),
    "clock": ("the clock jumps a day ahead, then two days back", _clock),
    "provider": ("a language model's provider fails in ten ways", _provider),
    "names": ("columns and cells are named to do harm", _names),
}
"""What is done and how, by kind."""
