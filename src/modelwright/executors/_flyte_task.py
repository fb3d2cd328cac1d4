"""The Flyte task that performs a step: in a container of its own on a cluster, in the caller's process locally.

Only what runs on Flyte imports this module, since Flyte's tasks are made when their module is imported.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import flyte
import flyte.errors
import flyte.io

from modelwright import __version__
from modelwright.executors._host import Host, chunks
from modelwright.executors._task import artefact_path
from modelwright.hashing import plain, restore
from modelwright.step import Limits, Outcome

IMAGE = "MODELWRIGHT_FLYTE_IMAGE"
"""The environment variable that names the image of tasks; one with this version is built by default."""
HOSTS: dict[str, Host] = {}
"""Hosts in this process, by the name that orders call them: an executor's own in Flyte's local mode."""
FLEETING = ("timeout", "crash", "cancelled")
"""Endings that depend on the moment."""
_WAITING = ThreadPoolExecutor(256, thread_name_prefix="modelwright-flyte")

environment = flyte.TaskEnvironment(
    name="modelwright",
    image=os.environ.get(IMAGE)
    or flyte.Image.from_debian_base(name="modelwright").with_pip_packages(f"modelwright[flyte]=={__version__}"),
    resources=flyte.Resources(cpu=1, memory="4Gi"),
    env_vars={"DO_NOT_TRACK": "1"},
)


@environment.task(cache=flyte.Cache("auto", version_override="1", ignored_inputs=("limits", "place")), retries=2)  # type: ignore[untyped-decorator]  # flyte
async def perform(
    step: str, limits: str, place: str, digests: list[str], inputs: list[flyte.io.File]
) -> tuple[str, list[flyte.io.File]]:
    """Perform a step.

    Args:
        step, limits: as JSON.
        place: as JSON: the ``host`` among this process's, if it is there, and the ``number`` of the step; else the
            modules that are to be imported ahead.
        digests, inputs: the step's inputs.

    Returns:
        The outcome as JSON, and the artefacts in the order of their digests.

    Raises:
        NonRecoverableError: with ``{"outcome", "files"}`` as JSON, when the step would end otherwise another time: so
            Flyte neither repeats it nor keeps it in its cache.
    """
    where = json.loads(place)
    host = HOSTS.get(where["host"]) or _container(json.loads(limits)["memory"], tuple(where["preload"]))
    sent = {d: chunks(Path(await file.download())) for d, file in zip(digests, inputs, strict=True)}
    answer = await asyncio.get_running_loop().run_in_executor(
        _WAITING,
        functools.partial(host.perform, where["number"], json.loads(step), json.loads(limits), (), sent, _as_it_is),
    )
    outcome = restore(Outcome, answer["outcome"])
    made = sorted(set(outcome.artefacts.values()))
    files = [await flyte.io.File.from_local(artefact_path(d, host.folder), hash_method=d) for d in made]
    if outcome.truncated or (outcome.failure is not None and outcome.failure.kind in FLEETING):
        told = {"outcome": answer["outcome"], "files": [file.path for file in files]}
        raise flyte.errors.NonRecoverableError(json.dumps(told))
    return json.dumps(answer["outcome"]), files


@functools.cache
def _container(memory: int, preload: tuple[str, ...]) -> Host:
    """The host of a container that performs one step; its artefacts go with it."""
    return Host(1, memory, preload, ahead=False)


def _as_it_is(chunk: Any) -> bytes:
    return bytes(chunk)


def order(step: Any, limits: Limits) -> tuple[str, str]:
    """A step and its limits as the task takes them. The step's text is a part of the key in Flyte's cache."""
    return json.dumps(plain(step), sort_keys=True), json.dumps(plain(limits), sort_keys=True)
