"""When events happen: by the machine's clock, but not by its jumps."""

from __future__ import annotations

import time
from collections.abc import Callable

# The first one goes on while a machine sleeps, where there is one.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def moments() -> Callable[[], float]:
    """A clock that tells the machine's time as it is now, and from then on can't be set.

    What a run took, and so what is left of its budget when it is resumed, is told by the times of its events. A clock
    that is set in between (by the network's time, by hand, after a virtual machine was restored) must not change it.

    Returns:
        What gives seconds since the epoch.
    """
    began, since = time.time(), time.clock_gettime(_STEADY)
    return lambda: began + (time.clock_gettime(_STEADY) - since)
