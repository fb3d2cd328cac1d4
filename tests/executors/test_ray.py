"""Steps on a Ray cluster: head and machines on loopback, shared by all tests of this file."""

import subprocess
import sys
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

import pytest

from modelwright.errors import RequestError
from modelwright.executors import Executor, find
from modelwright.executors import ray as member
from modelwright.executors.ray import Ray
from modelwright.step import Limits, Step
from modelwright.testing.executors import HERE, PATIENCE, IsolationContract, failure_of, until

pytestmark = [
    pytest.mark.xdist_group("ray"),
    # Not imported here: what a cluster is to be asked for must be in the environment before.
    pytest.mark.skipif(find_spec("ray") is None, reason="needs modelwright[ray]"),
    pytest.mark.slow,
]


@pytest.fixture(scope="class")
def machine(ray_cluster):
    """One machine with four processors."""
    node = ray_cluster.add_node(num_cpus=4)
    yield node
    ray_cluster.remove_node(node)


@pytest.fixture(scope="module")
def pair(ray_cluster):
    """Two machines with a processor each; the last test that has them kills one."""
    nodes = [ray_cluster.add_node(num_cpus=1) for _ in range(2)]
    yield nodes
    for node in nodes:
        if node in ray_cluster.list_all_nodes():
            ray_cluster.remove_node(node)


def light(folder: Path, workers: int = 0) -> Ray:
    """Without the heavy libraries, which take seconds to import."""
    return Ray(folder, workers=workers, preload=(HERE,), ahead=False)


@pytest.mark.usefixtures("machine")
class TestRay(IsolationContract):
    @pytest.fixture(scope="class", autouse=True)
    def _small_chunks(self):
        """Large files have several chunks even when they are small ones."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(member, "CHUNK", 1 << 20)
            yield

    def make(self, folder: Path, slots: int = 2) -> Executor:
        return light(folder, slots)

    def test_what_fits_nowhere_is_refused(self, executor: Executor) -> None:
        failure = failure_of(self.perform(executor, "echo", Limits(memory=1 << 50)))
        assert failure.kind == "memory"
        assert "no machine of the cluster has 1,073,741,824 MiB" in failure.message


CLIENT = """
import sys
from pathlib import Path
from modelwright.executors.ray import Ray
from modelwright.hashing import digest_bytes
from modelwright.step import Limits, Step
folder, here = Path(sys.argv[1]), "modelwright.testing.steps"
with Ray(folder, sys.argv[2], 1, preload=(here,), ahead=False) as executor:
    key = digest_bytes(b"hello")
    (folder / key[:2]).mkdir()
    (folder / key[:2] / key).write_bytes(b"hello")
    echoed = executor.submit(Step(here + ":echo", 1, {}, {"greeting": key}), Limits()).result(60)
    made = executor.submit(Step(here + ":write", 1, {"text": "made"}), Limits()).result(60).artefacts["out"]
    waiting = executor.submit(Step(here + ":wait", 1, {"mark": ""}), Limits(seconds=0.5)).result(60)
    print(echoed.value["inputs"]["greeting"], (folder / made[:2] / made).read_text(), waiting.failure.kind)
"""


def test_from_outside_through_rays_client(ray_cluster, pair, tmp_path):
    address = f"ray://127.0.0.1:{ray_cluster.client_port}"
    command = [sys.executable, "-c", CLIENT, str(tmp_path), address]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.stdout == "hello made timeout\n", ended.stderr


@pytest.mark.parametrize(("deaths", "joined"), [(2, True), (3, False)])
def test_a_clients_server_that_dies_at_once_is_asked_for_again(deaths, joined):
    tried = []

    class Client:
        def init(self, address, **options):
            tried.append(address)
            if len(tried) <= deaths:
                raise ConnectionAbortedError("Initialization failure from server")

    with (
        nullcontext() if joined else pytest.raises(RequestError, match=r"at ray://head:10001 can't be joined.*failure")
    ):
        member._connect(Client(), "ray://head:10001", 1)
    assert len(tried) == 3


def test_a_machine_that_would_give_other_results_is_refused(pair, tmp_path, monkeypatch):
    monkeypatch.setattr("modelwright.executors._host.MATTERING", ("numpy", "no-such-package"))
    monkeypatch.setattr(member, "differences", lambda there: f"numpy {there['numpy']} instead of 1.0")
    with pytest.raises(RequestError, match=r"would give other results, it has numpy .* instead of 1\.0; install"):
        light(tmp_path)


def test_a_lost_machine_costs_no_step(ray_cluster, pair, tmp_path):
    with light(tmp_path / "here") as executor:
        until(lambda: executor.slots == 2)
        folder = tmp_path / "here"
        made = executor.submit(Step(f"{HERE}:write", 1, {"text": "made"}), Limits()).result(PATIENCE).artefacts["out"]
        steps = [Step(f"{HERE}:wait_once", 1, {"mark": str(tmp_path / f"mark{n}")}, {"made": made}) for n in range(2)]
        futures = [executor.submit(step, Limits()) for step in steps]
        until(lambda: all((tmp_path / f"mark{n}").exists() for n in range(2)))
        victim = executor._running[min(executor._running)].place.node
        ray_cluster.remove_node(next(n for n in pair if n.node_id == victim), allow_graceful=False)
        futures[1].cancel()  # the machine that is left is free for it
        assert futures[0].result(PATIENCE).value == "later"
        after = executor.submit(Step(f"{HERE}:echo", 1, {}, {"made": made}), Limits()).result(PATIENCE)
        assert after.value["inputs"] == {"made": "made"}
        assert (folder / made[:2] / made).read_text() == "made"


@pytest.mark.parametrize(
    ("address", "variable", "where"),
    [
        ("ray", None, "local"),
        ("ray", "ray://head:10001", "ray://head:10001"),
        ("ray://head:10001", "other:6379", "ray://head:10001"),
        ("ray:head:6379", None, "head:6379"),
        ("ray:auto", None, "auto"),
    ],
)
def test_addresses(address, variable, where, monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(Ray, "__init__", lambda self, *args: made.append(args))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if variable:
        monkeypatch.setenv("RAY_ADDRESS", variable)
    assert find(address) is Ray
    from modelwright.executors import Setting

    Ray.open(address, Setting(tmp_path, 3))
    assert made == [(tmp_path, where, 3, 0, ())]
