"""Fitted models on disk: written by skops, audited against a list of trusted types before anything is constructed.

The same model makes the same bytes in every process, so that a model is known by the digest of its file.

Nothing here unpickles. skops trusts plain values, numpy and scikit-learn's public estimators by itself; everything
else that our models are made of is named below, and a file that asks for any other type is refused by name.
"""

from __future__ import annotations

import importlib
import io
import json
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

from modelwright.errors import DataError
from modelwright.unpacking import Construction, audited, nodes

TRUSTED = frozenset(
    {
        "catboost.core.CatBoostClassifier",
        "catboost.core.CatBoostRegressor",
        "collections.OrderedDict",
        "collections.defaultdict",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "scipy.interpolate._bsplines.BSpline",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogLink",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.AbsoluteError",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfGammaLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfPoissonLoss",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "sklearn._loss.loss.HuberLoss",
        "sklearn._loss.loss.PinballLoss",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.gaussian_process.kernels.Sum",
        "sklearn.gaussian_process.kernels.WhiteKernel",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.metrics._dist_metrics.ManhattanDistance64",
        "sklearn.metrics._dist_metrics.MinkowskiDistance64",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.tree._tree.Tree",
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRegressor",
        "xgboost.sklearn.XGBRFClassifier",
        "xgboost.sklearn.XGBRFRegressor",
    }
)
"""Types that model files may name besides those that skops trusts and our own estimators and transforms."""

OWN_ROOMS = ("modelwright.pipeline", "modelwright.stacking", "modelwright.estimators", "modelwright.transforms")


def dump_model(model: Any, path: Path) -> None:
    """Write a fitted model; equal models make equal bytes.

    skops names objects by their addresses, files by these or at random, and its zip tells the time. Here objects and
    files are numbered in the order in which the schema comes to them, and the time is that of the zip format's birth.
    The nodes of scikit-learn's trees have gaps that hold whatever memory held; they are filled with zeros. Deadlines,
    which only the process that fitted could read, are left out.
    """
    import skops.io

    with ZipFile(io.BytesIO(skops.io.dumps(model))) as written, ZipFile(path, "w") as archive:
        schema = _compact(json.loads(written.read(_SCHEMA)), set())
        objects: dict[Any, int] = {}
        files: dict[str, str] = {}
        for place, node in enumerate(nodes(schema)):
            if isinstance(node.get("__id__"), int):
                # Which equal numbers and texts are one object is an accident of the process.
                same = f"plain {place}" if node["__loader__"] == "JsonNode" else node["__id__"]
                node["__id__"] = objects.setdefault(same, len(objects) + 1)
            inside = node.get("content")
            if isinstance(inside, dict) and isinstance(inside.get("stop_at"), dict):
                inside["stop_at"] |= {"content": "null"}
            name = node.get("file")
            if isinstance(name, str) and name not in files:
                files[name] = f"{len(files) + 1}{Path(name).suffix}"
                archive.writestr(ZipInfo(files[name]), without_gaps(written.read(name)))
            if isinstance(name, str):
                node["file"] = files[name]
        archive.writestr(ZipInfo(_SCHEMA), json.dumps(schema))


_SCHEMA = "schema.json"


def _compact(node: Any, written: set[int]) -> Any:
    """A schema without needless nodes, each of which takes its time to audit and to construct.

    A list of plain values is one node: to skops, too, a plain node is whatever its JSON says. An object that was
    written before is its number only, which is all that is read of it.

    Args:
        node: of the schema, or a value inside one.
        written: numbers of the objects that came before; those of this node are added.
    """
    if isinstance(node, list):
        return [_compact(value, written) for value in node]
    if not isinstance(node, dict):
        return node
    kind, inside = node.get("__loader__"), node.get("content")
    if kind == "ListNode" and inside and all(value["__loader__"] == "JsonNode" for value in inside):
        texts = ", ".join(value["content"] for value in inside)
        return {**inside[0], "content": f"[{texts}]"}
    if kind == "ObjectNode":
        if node["__id__"] in written:
            return {key: node[key] for key in ("__class__", "__module__", "__loader__", "__id__")}
        written.add(node["__id__"])
    return {key: _compact(value, written) for key, value in node.items()}


def without_gaps(data: bytes) -> bytes:
    """The bytes of an ``.npy`` file with zeros in the gaps between the fields of its records; others as they are."""
    import numpy as np

    if not data.startswith(b"\x93NUMPY"):
        return data
    array = np.load(io.BytesIO(data), allow_pickle=False)
    size, fields = array.dtype.itemsize, array.dtype.fields
    if fields is None or sum(kind.itemsize for kind, *_ in fields.values()) == size or not array.size:
        return data
    used = np.zeros(size, dtype=bool)
    for kind, offset, *_ in fields.values():
        used[offset : offset + kind.itemsize] = True
    clean = bytearray(data)
    np.frombuffer(clean, np.uint8, offset=len(data) - array.nbytes).reshape(-1, size)[:, ~used] = 0
    return bytes(clean)


def load_model(path: Path) -> Any:
    """Audit a model file, then construct the model.

    Raises:
        DataError: when the file isn't a model file, is incomplete, or names types that aren't trusted.
    """
    try:
        with ZipFile(path) as archive:
            schema = json.loads(archive.read(_SCHEMA))
            types = audited(schema, trusted)
            if types is not None:
                return _put_together(path, lambda: Construction(archive, types).make(schema))
    except (OSError, ValueError, KeyError, BadZipFile, NotImplementedError, RuntimeError, zlib.error) as error:
        raise DataError(f"{path.name} isn't a model file that can be read: {type(error).__name__}: {error}") from error
    return _load_by_skops(path)


def _put_together(path: Path, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except Exception as error:
        # Types may be trusted and what they are given may still be broken.
        raise DataError(f"{path.name} can't be put together: {type(error).__name__}: {error}") from error


def _load_by_skops(path: Path) -> Any:
    import skops.io

    try:
        asked = skops.io.get_untrusted_types(file=path)
    except Exception as error:
        # skops raises whatever its zip and JSON layers raise; to the user all of it means one thing.
        raise DataError(f"{path.name} isn't a model file that can be read: {type(error).__name__}: {error}") from error
    refused = [name for name in asked if not trusted(name)]
    if refused:
        raise DataError(
            f"{path.name} was not loaded because it asks for types that modelwright doesn't trust: "
            f"{', '.join(sorted(refused)[:5])}; use a bundle that modelwright wrote"
        )
    return _put_together(path, lambda: skops.io.load(path, trusted=asked))


def trusted(name: str) -> bool:
    """Whether a model file may name this type: on the list, or a class of our own rooms or of a plug-in."""
    if name in TRUSTED:
        return True
    module_name, _, class_name = name.rpartition(".")
    if not _within(module_name, OWN_ROOMS) and not _within(module_name, _plugin_modules()):
        return False
    try:
        value = getattr(importlib.import_module(module_name), class_name, None)
    except ImportError:
        return False
    return isinstance(value, type) and value.__module__ == module_name


def _within(module_name: str, rooms: tuple[str, ...]) -> bool:
    return any(module_name == room or module_name.startswith(room + ".") for room in rooms)


@cache
def _plugin_modules() -> tuple[str, ...]:
    from importlib.metadata import entry_points

    groups = ("modelwright.estimators", "modelwright.transforms")
    return tuple(point.value for group in groups for point in entry_points(group=group))
