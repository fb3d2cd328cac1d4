"""The rivals: one file each in ``benchmarks/rivals``, or several variants in one.

A file holds, at its top and with the standard library only,

- ``REQUIREMENTS``: what pip installs; a path of a folder installs what is in it. ``FIRST``: what comes before.
- ``ENVIRONMENT``: a name, where several files share an environment; the file's own name otherwise.
- ``PACKAGE``: the distribution whose version is reported.
- ``IMPORTS``: modules that are imported before the clock of ``fit`` starts, as users do.
- ``VARIANTS``: options (``job.options``) by the name of the variant; a file without is one rival named after the file.

and the functions, which import what they need:

- ``fit(train, job) -> model``: ``train`` is a pandas frame with the target, ``job`` a :class:`~contest.job.Job`;
- ``predict(model, rows, job)``: numbers, or for classes a frame of probabilities whose columns are the classes;
- ``save(model, folder)`` and ``load(folder) -> model`` where pickling the model wouldn't do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contest.environments import Environment
from contest.worker import load_rival

HOME = Path(__file__).resolve().parent.parent / "rivals"
PRIOR = "prior"
OURS = "modelwright"


@dataclass(frozen=True)
class Rival:
    """Somebody who takes part.

    Args:
        name: of the variant.
        path: its file.
        environment: where it is installed.
        package: the distribution whose version is reported.
        options: of the variant.
    """

    name: str
    path: Path
    environment: Environment
    package: str
    options: Mapping[str, Any] = field(default_factory=dict)


def rivals(folder: Path = HOME) -> dict[str, Rival]:
    """All rivals, by name."""
    modules = {path: load_rival(path) for path in sorted(folder.glob("*.py"))}
    first: dict[str, dict[str, None]] = {}
    then: dict[str, dict[str, None]] = {}
    for path, module in modules.items():
        name = getattr(module, "ENVIRONMENT", path.stem)
        first.setdefault(name, {}).update(dict.fromkeys(getattr(module, "FIRST", ())))
        then.setdefault(name, {}).update(dict.fromkeys(module.REQUIREMENTS))
    found: dict[str, Rival] = {}
    for path, module in modules.items():
        name = getattr(module, "ENVIRONMENT", path.stem)
        environment = Environment(name, tuple(first[name]), tuple(then[name]))
        for variant, options in getattr(module, "VARIANTS", {path.stem: {}}).items():
            found[variant] = Rival(variant, path, environment, module.PACKAGE, options)
    return found
