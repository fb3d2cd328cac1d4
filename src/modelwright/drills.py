"""Failures on purpose, to watch how a run survives them."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

from modelwright.plan import Plan
from modelwright.recipe import Use


def misnamed(plan: Plan) -> Plan:
    """The plan with an estimator that isn't registered."""
    return replace(plan, estimator=Use(f"{plan.estimator.action}_INVALID", plan.estimator.params))


def play(kind: str) -> None:
    """Fail as asked, in a worker process.

    Args:
        kind: ``error`` raises, ``crash`` dies by a signal, ``timeout`` never ends, ``memory`` takes all it can get.

    Raises:
        RuntimeError: for ``error``, and for a kind that isn't known.
    """
    if kind == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "timeout":
        while True:
            time.sleep(1)
    if kind == "memory":
        hoard = []
        while True:
            hoard.append(bytearray(os.urandom(1 << 20) * 64))
    raise RuntimeError(f"failed on purpose ({kind})")
