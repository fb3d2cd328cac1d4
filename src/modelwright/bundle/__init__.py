"""The deliverable: a folder that can be audited, loaded and used without the run it came from.

A bundle holds ``model.json`` (what it is, what it takes, what it gives, how good it is, the digests of the other
files), ``model.skops`` (the fitted pipeline), ``MODEL_CARD.md`` and ``golden.json`` (rows with their predictions).
Where there was time for them also ``references.json`` (usual values that explanations compare with),
``uncertainty.json`` (how intervals are made) and ``difficulty.skops`` (a model of the expected error). It may be
zipped.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelwright.bundle.model import Model

FORMAT = 2
"""Version of the format. Readers for older versions stay; newer ones are refused by name.

1: model, card and golden rows. 2: usual values, intervals, and which columns matter most.
"""


def load(path: str | Path) -> Model:
    """Load a bundle: check digests, audit types, construct, reproduce the golden rows.

    Args:
        path: a bundle folder, a ``.zip`` of one, or a run folder that holds one; or the URL of one of these.

    Raises:
        DataError: when it isn't a bundle, was changed, asks for types that aren't trusted, or predicts differently.
    """
    from modelwright.bundle.model import load_bundle

    return load_bundle(path)
