"""Puts off the import of ``scipy.stats`` until something of it is used.

scikit-learn imports it by name for a handful of functions that most runs never call, and it takes a third of the time
that scikit-learn's import takes. Processes that are modelwright's own do so all along, whoever imports the package only
while a model is loaded.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

PUT_OFF = "scipy.stats"
IMPORTING = "<frozen importlib._bootstrap>"
"""The file, as its frames name it, of the code that looks for a module inside a package."""
_ONE_AT_A_TIME = threading.Lock()


class Deferred:
    """What stands for a member of a module that hasn't been imported: to use it in any way imports the module."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def _real(self) -> Any:
        return _member(self._module, self._name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the member itself."""
        return self._real()(*args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._real(),)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._real())

    def __reduce__(self) -> tuple[Any, ...]:
        return _member, (self._module, self._name)


def _member(module: str, name: str) -> Any:
    """The member itself; a copy or a pickle of its promise comes back as this."""
    return getattr(_arrived(module), name)


class _Waiting(ModuleType):
    """A module in waiting. Its attributes are promises; whatever makes it a package brings the module itself."""

    def __getattr__(self, name: str) -> Any:
        if name == "__path__" and sys._getframe(1).f_code.co_filename != IMPORTING:
            raise AttributeError(name)  # asked by ``from module import member``, which can do without
        if name.startswith("__"):
            return getattr(_arrived(self.__name__), name)
        return Deferred(self.__name__, name)


def _arrived(name: str) -> ModuleType:
    """The module itself, imported now unless it has been."""
    with _ONE_AT_A_TIME:
        if isinstance(sys.modules.get(name), _Waiting):
            del sys.modules[name]
    return import_module(name)


def put_off(name: str = PUT_OFF) -> None:
    """From now on, importing a module only promises it; without effect where it has been imported.

    Args:
        name: of the module.
    """
    if name not in sys.modules:
        sys.modules[name] = _Waiting(name)


@contextmanager
def putting_off(name: str = PUT_OFF) -> Iterator[None]:
    """Within the block, importing a module only promises it, as :func:`put_off` says; afterwards, whoever imports it
    gets the module itself, unless promises were all that was given before.

    Args:
        name: of the module.
    """
    before = name in sys.modules
    put_off(name)
    try:
        yield
    finally:
        with _ONE_AT_A_TIME:
            if not before and isinstance(sys.modules.get(name), _Waiting):
                del sys.modules[name]
