"""The contract that every check of the data keeps: subclass :class:`CheckContract` to test one of your own.

class TestMine(CheckContract):
    check = Mine()
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from modelwright.checks import Check, Division, Sample, Stretch
from modelwright.checks._examples import clean, sample_of
from modelwright.finding import SEVERITIES, Finding
from modelwright.hashing import plain, restore
from modelwright.testing.frames import messy

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEDS = range(4)


class CheckContract:
    """Nothing on sound data, its own example found, and no crash on odd data."""

    check: Check

    def findings(self, sample: Sample) -> list[Finding]:
        """What the check says of a sample."""
        return list(self.check.findings(sample))

    def test_it_has_a_name_and_says_what_it_looks_for(self) -> None:
        """Name, title and rank are set."""
        assert self.check.name.isidentifier()
        assert self.check.title[0].isupper()
        assert isinstance(self.check.rank, int)

    def test_sound_data_has_no_finding(self) -> None:
        """Random columns, some of which say something of the target."""
        for seed in SEEDS:
            for classes in (0, 2, 3):
                frame, y = clean(np.random.default_rng(seed), classes=classes)
                whole = Division(np.arange(len(y), dtype=np.uint64), np.arange(len(y)) >= 500, np.zeros(0, np.int64))
                sample = sample_of(frame, y, classes=classes, division=whole)
                assert self.findings(sample) == [], (seed, classes)

    def test_its_own_example_is_found(self) -> None:
        """With other random numbers, too."""
        for seed in SEEDS:
            sample = self.check.example(np.random.default_rng(seed))
            found = self.findings(sample)
            assert found, seed
            for finding in found:
                self.well_formed(finding, sample)

    def test_the_same_data_has_the_same_findings(self) -> None:
        """Nothing depends on chance or on what was looked at before."""
        first, second = (self.findings(self.check.example(np.random.default_rng(7))) for _ in range(2))
        assert first == second

    def test_it_changes_nothing(self) -> None:
        """Frame and target are as they were."""
        sample = self.check.example(np.random.default_rng(1))
        frame, y = sample.frame.copy(deep=True), sample.y.copy()
        self.findings(sample)
        pd.testing.assert_frame_equal(sample.frame, frame)
        np.testing.assert_array_equal(sample.y, y)

    def test_odd_data_is_survived(self) -> None:
        """Empty, tiny, constant, wholly missing, infinite, hostile."""
        for sample in odd_samples():
            for finding in self.findings(sample):
                self.well_formed(finding, sample)

    def test_nothing_expensive_is_begun_when_the_time_is_over(self) -> None:
        """A check that is late ends; what it says until then is well formed."""
        sample = self.check.example(np.random.default_rng(2))
        sample.stop_at = time.monotonic() - 1.0
        for finding in self.findings(sample):
            self.well_formed(finding, sample)

    def well_formed(self, finding: Finding, sample: Sample) -> None:
        """A finding that a report can show: its check's name, known columns, one sentence, back from JSON as it was."""
        assert finding.check == self.check.name
        assert finding.severity in SEVERITIES
        assert set(finding.columns) <= set(sample.frame.columns)
        assert finding.title
        assert finding.evidence.endswith(".")
        assert finding.effect is None
        if finding.severity == "suspicious":
            assert finding.legitimate
        assert restore(Finding, plain(finding)) == finding


def odd_samples() -> Iterator[Sample]:
    """Samples with everything that goes wrong in real data, for each sort of target."""
    for classes in (0, 2, 3):
        for n in (0, 1, 2, 9, 60, 300):
            frame = messy(n, seed=n)
            rng = np.random.default_rng(n)
            y = rng.normal(size=n) if not classes else rng.integers(0, classes, n)
            yield _odd(frame, y, classes)
            yield _odd(frame, np.zeros(n) if not classes else np.zeros(n, dtype=np.int64), classes)
        yield _odd(pd.DataFrame(index=pd.RangeIndex(80)), np.resize(np.arange(max(classes, 2)), 80), classes)


def _odd(frame: pd.DataFrame, y: np.ndarray, classes: int) -> Sample:
    n = len(frame)
    goal: Any = y.astype(np.float64) if not classes else y.astype(np.int64)
    sample = sample_of(
        frame,
        goal,
        classes=classes,
        division=Division(np.arange(n, dtype=np.uint64) // 2, np.arange(n) % 3 == 0, np.zeros(0, np.int64)),
        stretch=Stretch(frame, goal, np.sort(np.arange(n) % 3)),
    )
    labels = ("yes", "Yes ", "1")[:classes]
    return dataclasses.replace(sample, problem=dataclasses.replace(sample.problem, classes=labels))
