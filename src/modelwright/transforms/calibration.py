"""Correcting predicted probabilities with a map learnt from predictions for rows the model wasn't fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any, ClassVar

from modelwright.errors import NotApplicable
from modelwright.recipe import Setting
from modelwright.transforms import Calibration


class ProbabilityCalibration(Calibration):
    """What the members of this module share; ``builds`` names the calibrator, ``module:class``."""

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass")
    builds: ClassVar[str]

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Calibration`.

        Raises:
            NotApplicable: for regression.
        """
        if not setting.classification:
            raise NotApplicable(f"{self.name} corrects probabilities, and a regression has none")
        return resolve_name(self.builds)()


class Isotonic(ProbabilityCalibration):
    """Any rising map."""

    name: ClassVar[str] = "isotonic"
    description: ClassVar[str] = "Corrects probabilities by any rising map. For a thousand rows and more."
    builds = "modelwright.transforms._calibrators:IsotonicCalibrator"


class Sigmoid(ProbabilityCalibration):
    """A logistic curve."""

    name: ClassVar[str] = "sigmoid"
    description: ClassVar[str] = "Corrects probabilities by a logistic curve over the log-odds. For few rows."
    builds = "modelwright.transforms._calibrators:SigmoidCalibrator"


class Temperature(ProbabilityCalibration):
    """One factor for all logits."""

    name: ClassVar[str] = "temperature"
    description: ClassVar[str] = (
        "Makes all probabilities surer or less sure by one factor. Safe with few rows and many classes."
    )
    builds = "modelwright.transforms._calibrators:TemperatureCalibrator"
