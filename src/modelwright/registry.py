"""How the members of a family are found: the modules of its folder, then entry points of other packages.

A family is a package whose ``__init__`` defines the contract of its members. A member module either binds instances
of the contract (estimators, transforms, tools) or classes that implement it (readers, executors, stores); both are
found here, by type, so that adding a member never means editing a list.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from importlib.metadata import entry_points
from types import ModuleType
from typing import TypeVar

M = TypeVar("M")


def modules(package: str) -> Iterator[ModuleType]:
    """Import and yield the member modules of a package, in name order, then those of the entry points.

    Other packages add members under the entry-point group of the package's dotted name, for instance
    ``modelwright.estimators``; each entry point names a module.
    """
    root = importlib.import_module(package)
    for info in sorted(pkgutil.iter_modules(root.__path__), key=lambda i: i.name):
        if not info.name.startswith("_"):
            yield importlib.import_module(f"{package}.{info.name}")
    for point in sorted(entry_points(group=package), key=lambda p: p.name):
        yield importlib.import_module(point.value)


def instances(package: str, contract: type[M]) -> dict[str, M]:
    """All module-level instances of the contract (alone or in a tuple or list), by their ``name``.

    Raises:
        ValueError: when two members share a name.
    """
    found: dict[str, M] = {}
    for module in modules(package):
        for value in vars(module).values():
            for member in value if isinstance(value, tuple | list) else (value,):
                if not isinstance(member, contract):
                    continue
                name = getattr(member, "name")  # noqa: B009  the contract promises it, the type variable can't
                if found.setdefault(name, member) is not member:
                    raise ValueError(f"two members of {package} are called {name!r}")
    return found


def classes(package: str, contract: type[M]) -> dict[str, type[M]]:
    """All concrete classes in the family that derive from the contract, by their ``name``."""
    found: dict[str, type[M]] = {}
    for module in modules(package):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, contract) and value is not contract:
                name = getattr(value, "name", "")
                if name and found.setdefault(name, value) is not value:
                    raise ValueError(f"two members of {package} are called {name!r}")
    return found
