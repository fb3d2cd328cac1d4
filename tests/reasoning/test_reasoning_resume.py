"""A run that is killed while a reply is on its way, and goes on: nobody is asked the same thing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from reasoning_samples import PROBLEM, bodies, thought

from modelwright.state import fold
from modelwright.stores.folder import Folder
from modelwright.testing.provider_server import Asked, ProviderServer, Said

AGENTS = {
    "You design machine-learning experiments": "designer",
    "You turn a plan": "programmer",
    "You read the results": "analyst",
    "You make hypotheses": "hypothesizer",
}


def words_of(request: Asked) -> tuple[str, str]:
    """Which agent asks, and its last message."""
    messages = request.body.get("messages", [])
    first = str(messages[0]["content"]) if messages else ""
    agent = next((name for start, name in AGENTS.items() if first.startswith(start)), "")
    return agent, str(messages[-1]["content"]) if messages else ""


THRIFTY = """
from modelwright import searching
from modelwright.cli import main
from reasoning_samples import thrifty
searching.design = thrifty
main()
"""


def command(*args: object, cwd: Path) -> subprocess.Popen[str]:
    here = os.pathsep.join(filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH"))))
    env = os.environ | {"OMP_WAIT_POLICY": "passive", "COLUMNS": "200", "PYTHONPATH": here}
    return subprocess.Popen(
        [sys.executable, "-c", THRIFTY, *map(str, args)],
        cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_a_reply_that_was_paid_for_is_not_paid_for_again(tmp_path):
    bodies().to_csv(tmp_path / "bodies.csv", index=False)
    run = tmp_path / "run"
    process: list[subprocess.Popen[str]] = []
    killed: list[int] = []

    def say(request: Asked) -> Said:
        agent, text = words_of(request)
        if agent == "programmer" and not killed:
            killed.append(len(server.asked))
            process[0].send_signal(signal.SIGKILL)
        answer = thought(agent, text) if agent else {}
        if not request.functions:
            return Said("OK")  # the check of the provider
        return Said(None, ((next(iter(request.functions)), json.dumps(answer)),))

    with ProviderServer(say) as server:
        name = f"{server.url}#expert"
        process.append(
            command(
                "run", "bodies.csv", "--problem", PROBLEM, "--target", "fat", "--llm", name, "--max-experiments", 8,
                "--time-budget", "10m", "--workers", 2, "--yes", "--out", run, cwd=tmp_path,
            )
        )  # fmt: skip
        process[0].communicate(timeout=300)
        assert process[0].returncode == -signal.SIGKILL
        before = {json.dumps(a.body, sort_keys=True) for a in server.asked[: killed[0] - 1]}
        resumed = command("resume", run, cwd=tmp_path)
        out, err = resumed.communicate(timeout=300)
        assert resumed.returncode == 0, out + err
        after = [json.dumps(a.body, sort_keys=True) for a in server.asked[killed[0] :]]

    assert after
    assert not before & set(after)
    assert len(after) == len(set(after))
    store = Folder(run, readonly=True)
    state = fold(store.events())
    store.close()
    assert state.decisions["designer:1"].tier == "native"
    assert any(e.plan.by == "designer" and e.plan.program for e in state.experiments.values())
