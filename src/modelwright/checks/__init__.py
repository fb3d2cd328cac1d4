"""Checks of the data before anything is learnt: leakage and validity, one subject a file.

A check looks at the development rows and yields findings; it never changes anything. What is done about a finding is
decided in :mod:`modelwright.checking`. Checks run one after the other in a worker process, in the order of their rank,
and one that there is no time for is left out and named.

To add one, derive from :class:`Check` in a module of this folder.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from modelwright.checks._sample import Division as Division
from modelwright.checks._sample import Sample as Sample
from modelwright.checks._sample import Stretch as Stretch
from modelwright.finding import Finding
from modelwright.registry import classes

if TYPE_CHECKING:
    import numpy as np


class Check(ABC):
    """The contract of a check.

    Evidence is told in figures, without names of columns (those stand in the finding) and without cell values, which
    may be anybody's: only markers that are known beforehand may be quoted.

    Class attributes:
        name: what it is called in records, for instance ``target_copy``.
        title: what it looks for, as a person would say it.
        rank: the order in which checks run: lower is sooner. Later ones see in ``sample.blamed`` which columns earlier
            ones are sure of.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str]
    rank: ClassVar[int]

    @abstractmethod
    def findings(self, sample: Sample) -> Iterator[Finding]:
        """What there is to say of these rows; nothing on sound data."""

    @abstractmethod
    def example(self, rng: np.random.Generator) -> Sample:
        """Made-up data in which this check finds something: its documentation, and the contract suite's test."""


@cache
def all_checks() -> dict[str, Check]:
    """Every check, by name, in the order of rank."""
    found = classes(__name__, Check)  # type: ignore[type-abstract]  # looked up by, never made
    return {name: member() for name, member in sorted(found.items(), key=lambda item: (item[1].rank, item[0]))}
