"""modelwright: an autonomous machine-learning engineer.

Importing this package loads nothing heavy, prints nothing and makes no folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Model", "Run", "__version__", "fit", "load"]

if TYPE_CHECKING:
    from modelwright.api import Model, Run, fit, load


def __getattr__(name: str) -> Any:
    if name in __all__:
        from modelwright import api

        return getattr(api, name)
    raise AttributeError(f"module 'modelwright' has no attribute {name!r}")
