"""Steps as Flyte tasks, in Flyte's local mode. A cluster isn't there to be tested with."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from modelwright.errors import RequestError
from modelwright.executors import Executor, Setting, find
from modelwright.executors.flyte import Flyte
from modelwright.step import Limits, Step
from modelwright.testing.executors import HERE, PATIENCE, IsolationContract

pytestmark = [
    pytest.mark.xdist_group("flyte"),
    pytest.mark.skipif(find_spec("flyte") is None, reason="needs modelwright[flyte]"),
]


@pytest.fixture(scope="module", autouse=True)
def _home(tmp_path_factory):
    """Flyte keeps its local cache and its configuration in the home folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("FLYTECTL_CONFIG", raising=False)
        yield


def light(folder: Path, workers: int = 2, cache: bool = True) -> Flyte:
    """Without the heavy libraries, which take seconds to import."""
    return Flyte(folder, "", workers, preload=(HERE,), ahead=False, cache=cache)


class TestFlyte(IsolationContract):
    def make(self, folder: Path, slots: int = 2) -> Executor:
        return light(folder, slots, cache=False)  # the contract performs the same steps again and again


def test_a_finished_step_is_in_flytes_cache_and_one_that_ran_out_of_time_is_not(tmp_path):
    """A driver that is lost before it could record a step finds it done."""
    step, slow = Step(f"{HERE}:write", 1, {"text": "kept"}, seed=9), Step(f"{HERE}:wait", 1, {"mark": ""}, seed=9)
    with light(tmp_path / "first") as executor:
        first = executor.submit(step, Limits()).result(PATIENCE)
        assert executor.submit(step, Limits(seconds=50)).result(PATIENCE).cpu_seconds == first.cpu_seconds
        for seconds in (0.3, 0.6):
            failure = executor.submit(slow, Limits(seconds=seconds)).result(PATIENCE).failure
            assert failure is not None
            assert failure.message.endswith(f"{seconds} s, its time limit")
    # The files that the cache speaks of went with the executor: the step is performed again.
    with light(tmp_path / "second") as executor:
        again = executor.submit(step, Limits()).result(PATIENCE)
        assert again.artefacts == first.artefacts
        digest = again.artefacts["out"]
        assert (tmp_path / "second" / digest[:2] / digest).read_text() == "kept"


def test_addresses(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(Flyte, "__init__", lambda self, *args: made.append(args[1]))
    config = tmp_path / "config.yaml"
    config.write_text("admin:\n  endpoint: dns:///localhost:1\n")
    for address in ("flyte", f"flyte:{config}"):
        assert find(address) is Flyte
        Flyte.open(address, Setting(tmp_path))
    monkeypatch.setenv("FLYTECTL_CONFIG", str(config))
    Flyte.open("flyte", Setting(tmp_path))
    assert made == ["", str(config), str(config)]
    with pytest.raises(RequestError, match="flyte create config"):
        Flyte.open("flyte:nowhere.yaml", Setting(tmp_path))
