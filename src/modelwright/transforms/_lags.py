"""What came before a row: lags, differences, statistics over windows, z-scores."""

from __future__ import annotations

from modelwright.transforms._frames import Array
from modelwright.transforms._past import Segments
from modelwright.transforms._temporal import Made, PastTransformer, named
from modelwright.transforms._windows import Totals, standardised, usual, windowed


class LagMaker(PastTransformer):
    """See :class:`Lags`."""

    what = "lags"

    def _tail(self) -> int:
        return max(self.options["lags"], default=0)

    def _compute(self, values: Array, segments: Segments) -> Made:
        made: Made = {}
        for lag in self.options["lags"]:
            made |= {f"{n}_lag_{lag}": segments.back(values[:, j], lag) for j, n in enumerate(self.names_)}
        return made


class DifferenceMaker(LagMaker):
    """See :class:`Differences`."""

    what = "differences"

    def _compute(self, values: Array, segments: Segments) -> Made:
        made: Made = {}
        for lag in self.options["lags"]:
            for j, name in enumerate(self.names_):
                made[f"{name}_diff_{lag}"] = values[:, j] - segments.back(values[:, j], lag)
        return made


class WindowMaker(PastTransformer):
    """See :class:`Rolling`."""

    what = "rolling"

    def _tail(self) -> int:
        return max(self.options["windows"], default=0)

    def _compute(self, values: Array, segments: Segments) -> Made:
        made: Made = {}
        asked: str = self.options["statistics"]
        several = {"all": ("mean", "std", "min", "max"), "mean_std": ("mean", "std")}
        wanted: tuple[str, ...] = several.get(asked, (asked,))
        for window in self.options["windows"]:
            found = windowed(values, segments, window, wanted, self.options["include_current"])
            for statistic, result in found.items():
                made |= named(self.names_, result, f"{statistic}_{window}")
        return made


class ZscoreMaker(PastTransformer):
    """See :class:`TrailingZscore`."""

    what = "trailing_zscore"

    def _tail(self) -> int:
        return max(self.options["windows"] or (), default=0)

    def _total(self, values: Array, group: Array) -> None:
        self.totals_ = Totals(values, group)

    def _compute(self, values: Array, segments: Segments) -> Made:
        made: Made = {}
        for window in self.options["windows"] or ():
            found = windowed(values, segments, window, ("mean", "std"), current=False)
            made |= named(self.names_, standardised(values, found["mean"], found["std"]), f"zscore_{window}")
        if self.options["expanding"]:
            made |= named(self.names_, standardised(values, *usual(values, segments, self.totals_)), "zscore")
        return made
