"""How many labels may be wrong? Confident learning over out-of-fold predictions; counts only, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.analyses import Analysis, Case
from modelwright.executors import Done, Workplace
from modelwright.finding import Finding
from modelwright.fitting import calibrated
from modelwright.hashing import plain, restore

FEWEST_ROWS = 200
UNLIKELY = 0.1
"""Probability of its own label below which a row is a candidate, when another class is as likely as it usually is where
it is right."""

FEWEST, SHARE = 10, 0.002
EXCESS = 1.5
"""How many times the candidates that uncertainty alone would make there must be for a finding."""


@dataclass(frozen=True)
class LabelNoise:
    """Labels that the model contradicts with confidence.

    Args:
        rows: development rows that were predicted out of fold.
        candidates: rows whose label is unlikely while another class is confidently predicted.
        expected: candidates that there would be if all labels were right and the probabilities true.
        share: candidates beyond those expected, as a share of the rows.
        off_diagonal: share of all labels that confident learning estimates to be wrong; counts hard cases, too.
        by_class: label, candidates that have it.
    """

    rows: int
    candidates: int
    expected: float
    share: float
    off_diagonal: float
    by_class: tuple[tuple[str, int], ...]

    def findings(self) -> tuple[Finding, ...]:
        """One, when there are clearly more contradictions than uncertainty makes."""
        bar = EXCESS * self.expected + 3 * float(np.sqrt(self.expected))
        if self.candidates < max(FEWEST, SHARE * self.rows) or self.candidates <= bar:
            return ()
        return (
            Finding(
                "label_noise",
                "Labels that may be wrong",
                (),
                "note",
                f"{self.candidates:,} of {self.rows:,} rows ({100 * self.candidates / self.rows:.1f} %) have a label "
                f"that the model finds unlikely while it is confident of another; uncertainty alone would make about "
                f"{self.expected:.0f}.",
                "They may be rare cases that the columns can't explain.",
                "Nothing was changed.",
                "Have a sample of the rows with the largest errors checked by somebody who knows.",
            ),
        )


def label_noise(place: Workplace, *, case: dict[str, Any]) -> Done:
    """Count the rows whose label the out-of-fold predictions contradict; the value is a :class:`LabelNoise`.

    Thresholds and joint counts are those of confident learning (Northcutt, Jiang and Chuang 2021). Since that also
    counts cases that are merely hard, the count is compared with what true probabilities would give: the sum of the
    probabilities of the labels over the candidates' like.
    """
    asked = restore(Case, case)
    probability = np.load(place.inputs["oof"], allow_pickle=False)
    truth = np.load(place.inputs["truth"], allow_pickle=False).astype(np.int64)
    seen = np.isfinite(probability).all(axis=1)
    if seen.sum() < FEWEST_ROWS:
        return Done(None, {})
    probability, truth = probability[seen], truth[seen]
    correction = calibrated(place, asked.n_classes, plain(asked.calibration))
    if correction is not None:
        probability = np.asarray(correction.transform(probability))
    return Done(plain(confident(probability, truth, asked.problem.classes)), {})


def confident(probability: np.ndarray, truth: np.ndarray, classes: tuple[str, ...]) -> LabelNoise:
    """Confident learning.

    Args:
        probability: out-of-fold probabilities (n, k).
        truth: codes of the labels (n,).
        classes: the labels.
    """
    n, k = probability.shape
    counts = np.bincount(truth, minlength=k)
    own = probability[np.arange(n), truth]
    sums = np.bincount(truth, own, k)
    # A class that no row has is never confident.
    threshold = np.where(counts > 0, sums / np.maximum(counts, 1), 2.0)
    above = np.where(probability >= threshold, probability, -1.0)
    said = above.argmax(axis=1)
    sure = above.max(axis=1) >= 0
    joint = np.bincount((truth * k + said)[sure], minlength=k * k).reshape(k, k).astype(np.float64)
    rows = joint.sum(axis=1, keepdims=True)
    joint = np.where(rows > 0, joint / np.maximum(rows, 1) * counts[:, None], np.diag(counts))
    off = 1 - float(np.trace(joint)) / n
    doubted = sure & (said != truth) & (own < UNLIKELY)
    # With true probabilities a row has each unlikely label as often as that label's probability says.
    unlikely = (probability < UNLIKELY) & sure[:, None] & (np.arange(k) != said[:, None])
    expected = float((probability * unlikely).sum())
    by_class = np.bincount(truth[doubted], minlength=k)
    return LabelNoise(
        n,
        int(doubted.sum()),
        expected,
        max(0.0, float(doubted.sum()) - expected) / n,
        off,
        tuple((label, int(count)) for label, count in zip(classes, by_class, strict=True) if count),
    )


ANALYSIS = Analysis(
    "label_noise", "modelwright.analyses.label_noise:label_noise", LabelNoise, rank=18, share=0.01,
    applies=lambda case: case.n_classes >= 2,
)  # fmt: skip
