"""A run that is killed again and again, anywhere, ends as the run left alone; nothing finished is done twice."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from durability_samples import MANY, customers, thoughts

from modelwright import run
from modelwright.errors import RequestError
from modelwright.hashing import digest_file
from modelwright.request import Request
from modelwright.state import State, fold
from modelwright.step import Record
from modelwright.stores.folder import Folder
from modelwright.testing.provider_server import Asked, ProviderServer, Said

pytestmark = pytest.mark.xdist_group("killed")  # they share a process that has imported everything

# Later sessions repeat more before they get anywhere, so that gaps have to grow for a run to come to its end.
CHAINS = {f"every {first} moments, then less often": [first + 9 * i for i in range(40)] for first in (7, 31)}
if MANY:
    CHAINS |= {f"from {first} by {by}": [first + by * i for i in range(60)] for first in range(1, 60) for by in (4, 7)}
RANDOM = list(range(MANY or 1))


class Mortals:
    """The program that forks runs and has them killed; see ``mortal.py``."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("mortal.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "MODELWRIGHT_MEMORY": "off", "OPENAI_API_KEY": "none"},
        )  # fmt: skip

    def live(self, run: Path, request: dict[str, Any], gaps: list[int]) -> dict[str, Any]:
        """Have a run killed after each of so many moments in turn, then left alone to its end."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"run": str(run), "request": request, "gaps": gaps}) + "\n")
        self.process.stdin.flush()
        lived = json.loads(self.process.stdout.readline())
        assert lived["codes"][-1] == 0, lived
        return lived

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@pytest.fixture(scope="module")
def mortals() -> Iterator[Mortals]:
    mortals = Mortals()
    yield mortals
    mortals.close()


@pytest.fixture(scope="module")
def alone(mortals, tmp_path_factory) -> tuple[Path, dict[str, Any], int]:
    """A run that was left alone, its request, and how many moments it had."""
    home = tmp_path_factory.mktemp("alone")
    customers(240).to_csv(home / "customers.csv", index=False)
    request = {
        "data": str(home / "customers.csv"), "statement": "Which customers will leave?", "target": "left",
        "time_budget": 3600.0, "max_experiments": 3,
    }  # fmt: skip
    lived = mortals.live(home / "run", request, [])
    assert lived["moments"] > 200
    return home / "run", request, lived["moments"]


def log_of(run: Path) -> tuple[list[Record], State]:
    store = Folder(run, readonly=True)
    try:
        records = list(store.events())
    finally:
        store.close()
    return records, fold(records)


def performed(records: list[Record]) -> list[str]:
    """The keys of steps that were performed, as often as they were."""
    return [r.body["key"] for r in records if r.kind == "step" and r.body["status"] == "done"]


def must_be_the_same(run: Path, other: Path) -> None:
    """The same experiments, winner and model, nothing performed twice, and every artefact whole."""
    (records, state), (_, left_alone) = log_of(run), log_of(other)
    twice = [key for key, times in Counter(performed(records)).items() if times > 1]
    assert not twice, "a finished step was performed again"
    assert state.status == left_alone.status == "finished"
    scores, others = (
        {n: (e.plan.estimator, e.status, e.score, e.by_part) for n, e in s.experiments.items()}
        for s in (state, left_alone)
    )
    assert scores == others
    assert state.delivery is not None and left_alone.delivery is not None
    assert state.delivery.recipe.digest == left_alone.delivery.recipe.digest
    assert state.delivery.model == left_alone.delivery.model
    assert state.delivery.judgement == left_alone.delivery.judgement
    opened = [r.body["time"] for r in records if r.kind == "holdout_opened"]
    assert opened == [state.delivery.opened], "the sealed rows are opened once"
    files = [p for p in (run / "artefacts").glob("??/*") if not p.name.startswith(".")]
    assert len(files) > 20
    assert all(digest_file(p) == p.name for p in files)
    for name in ("summary.json", "report.json", "model/model.json"):
        assert json.loads((run / name).read_text("utf-8"))


@pytest.mark.parametrize(
    "gaps",
    [pytest.param(gaps, id=name, marks=[pytest.mark.slow] * (gaps[0] == 7)) for name, gaps in CHAINS.items()],
)
def test_killed_again_and_again(gaps, mortals, alone, tmp_path):
    other, request, _ = alone
    lived = mortals.live(tmp_path / "run", request, gaps)
    assert lived["kills"] >= 6, lived
    must_be_the_same(tmp_path / "run", other)


@pytest.mark.parametrize("seed", RANDOM)
def test_killed_at_random(seed, mortals, alone, tmp_path):
    """Three random moments of a run, anew with every day's seed where none is given."""
    other, request, moments = alone
    draw = random.Random(f"{os.environ.get('MODELWRIGHT_SEED', '')}{seed}")
    gaps = [draw.randrange(1, moments) for _ in range(3)]
    mortals.live(tmp_path / "run", request, gaps)
    must_be_the_same(tmp_path / "run", other)


@pytest.mark.slow
def test_no_provider_is_asked_twice(mortals, tmp_path):
    """Only the request that was on its way when the run was killed may be made again."""
    customers(240).to_csv(tmp_path / "customers.csv", index=False)
    asked: list[tuple[int, str]] = []

    def say(request: Asked) -> Said:
        session = len(sessions())
        asked.append((session, json.dumps(request.body, sort_keys=True)))
        return thoughts(request)

    def sessions() -> list[Record]:
        try:
            records, _ = log_of(tmp_path / "run")
        except RequestError:
            return []
        return [r for r in records if r.kind in ("run_started", "resumed")]

    with ProviderServer(say) as server:
        request = {
            "data": str(tmp_path / "customers.csv"), "statement": "Which customers will leave?", "target": "left",
            "time_budget": 3600.0, "max_experiments": 7, "llm": f"{server.url}#expert",
        }  # fmt: skip
        lived = mortals.live(tmp_path / "run", request, [60 + 40 * i for i in range(25)])
    assert lived["kills"] >= 5, lived
    records, state = log_of(tmp_path / "run")
    assert state.status == "finished"
    assert any(e.plan.by == "designer" for e in state.experiments.values())
    # Two agents may be asked side by side, so two requests may have been on their way.
    for session in range(1, lived["kills"] + 1):
        finished = set([body for n, body in asked if n == session][:-2])
        assert not finished & {body for n, body in asked if n > session}
    assert all(times == 1 for times in Counter(performed(records)).values())


def test_killed_workers_change_nothing(alone, tmp_path):
    """In processes of their own: a worker is killed, then the process that they all come from; then all goes on."""
    other, request, _ = alone
    over = threading.Event()
    killed: list[str] = []

    def strike() -> None:
        while len(killed) < 2 and not over.wait(0.002):
            for zygote in psutil.Process().children():
                with contextlib.suppress(psutil.Error):
                    if any("_zygote" in word for word in zygote.cmdline()):
                        for worker in zygote.children()[:1]:
                            (zygote if killed else worker).kill()
                            killed.append("zygote" if killed else "worker")
                            over.wait(0.5)

    striker = threading.Thread(target=strike)
    striker.start()
    try:
        run.start(Request(**request, workers=1), tmp_path / "run")
    finally:
        over.set()
        striker.join()
    assert killed == ["worker", "zygote"]
    must_be_the_same(tmp_path / "run", other)
