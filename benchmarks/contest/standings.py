"""What the records say: ranks, win rates with intervals, what each tool costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from contest.cards import DataSet
from contest.rivals import OURS, PRIOR
from contest.scoring import gain, score

DRAWS = 2_000
ROW_DRAWS = 300
COSTS = ("start_s", "fit_s", "overrun_s", "predict_s", "peak_mb", "cores", "cold_start_s", "one_row_ms", "many_rows_ms")


@dataclass(frozen=True)
class Standings:
    """The contest of one budget.

    Args:
        budget: seconds.
        scores: mean score over seeds; a row a data set, a column a rival; NaN where it did not play or failed.
        metrics: by data set.
        worth: where each stands between the prior (0) and the best of the data set (1), by data set and seed, a failure
            at 0; NaN where it did not play.
        costs: one row a rival: medians, the worst overrun and the largest memory.
        failures: by rival.
        records: all of them.
    """

    budget: float
    scores: pd.DataFrame
    metrics: Mapping[str, str]
    worth: pd.DataFrame
    costs: pd.DataFrame
    failures: Mapping[str, int]
    records: pd.DataFrame

    @property
    def rivals(self) -> list[str]:
        """Those who played, the best mean rank first."""
        return list(self.ranks().mean().sort_values(kind="stable").index)

    def ranks(self) -> pd.DataFrame:
        """Mean rank over seeds, by data set, among those who played there; a failure ranks with the prior."""
        ranked = self.worth.rank(axis=1, ascending=False, method="average")
        return ranked.groupby(level="data").mean()

    def wins(self, one: str, other: str) -> pd.Series:
        """By data set: the share of seeds in which ``one`` is ahead of ``other``, half for a tie."""
        both = self.worth[[one, other]].dropna()
        ahead = (both[one] > both[other]) + 0.5 * (both[one] == both[other])
        return ahead.groupby(level="data").mean()


def standings(records: Sequence[Mapping[str, Any]], budget: float) -> Standings:
    """The standings of one budget; of records of the same combination the last counts.

    Raises:
        ValueError: when nothing was played at this budget, or not by the prior.
    """
    last = {(r["data"], r["rival"], r["seed"]): r for r in records if r["budget"] == budget}
    if not any(rival == PRIOR for _, rival, _ in last):
        raise ValueError(f"nothing that counts was played at {budget:g} s")
    frame = pd.DataFrame(list(last.values()))
    metrics = dict(frame.groupby("data").metric.first())
    frame["gain"] = [np.nan if s is None else gain(m, s) for m, s in zip(frame.metric, frame.score, strict=True)]
    gains = frame.pivot_table(index=["data", "seed"], columns="rival", values="gain", dropna=False)
    played = frame.assign(one=1).pivot_table(index=["data", "seed"], columns="rival", values="one")
    gains = gains.reindex(index=played.index, columns=played.columns)
    counted = gains.notna()[PRIOR] & (gains.notna().sum(axis=1) > 1)
    gains, played = gains[counted], played[counted]
    way = gains.max(axis=1) - gains[PRIOR]
    # Whoever does worse than the prior stands below 0; whoever fails hands in nothing and stands with the prior.
    worth = gains.sub(gains[PRIOR], axis=0).div(way.where(way > 0, 1.0), axis=0)
    worth = worth.mask(gains.isna() & played.notna(), 0.0)
    kept = frame.set_index(["data", "seed"]).loc[lambda f: f.index.isin(gains.index)].reset_index()
    scores = kept.pivot_table(index="data", columns="rival", values="score", dropna=False).reindex(
        columns=worth.columns
    )
    kept[list(COSTS)] = kept[list(COSTS)].astype(float)
    costs = kept.groupby("rival")[list(COSTS)].median()
    costs["worst_overrun_s"] = kept.groupby("rival").overrun_s.max()
    costs["largest_mb"] = kept.groupby("rival").peak_mb.max()
    failures = dict(kept[kept.score.isna()].groupby("rival").size())
    return Standings(budget, scores, metrics, worth, costs, failures, kept)


def interval(values: pd.Series, draws: int = DRAWS) -> tuple[float, float]:
    """95 % bootstrap interval of a mean over data sets: how it might come out on other data sets like these."""
    drawn = np.random.default_rng(0).choice(values.to_numpy(), (draws, len(values)))
    low, high = np.quantile(drawn.mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def sureness(
    table: Standings, sets: Mapping[str, DataSet], kept: Path, ours: str = OURS
) -> dict[str, tuple[str, float]]:
    """By data set: the best other rival, and in what share of resamples of the test rows ``ours`` is ahead of it.

    A paired bootstrap over the test rows of the first seed that both played: near 1 or 0 the difference is real on
    these rows, near 0.5 it can't be told. Data sets whose rows or predictions aren't at hand are left out.
    """
    found = {}
    for name in table.scores.index:
        rows = table.records[(table.records.data == name) & table.records.score.notna()]
        others = table.worth.loc[name].drop(columns=[ours, PRIOR], errors="ignore").mean().dropna()
        if name not in sets or ours not in set(rows.rival) or others.empty:
            continue
        best = str(others.idxmax())
        seeds = set(rows[rows.rival == ours].seed) & set(rows[rows.rival == best].seed)
        paths = [kept / f"{name}.{rival}.{table.budget:g}.{min(seeds, default=0)}.parquet" for rival in (ours, best)]
        if seeds and all(p.exists() for p in paths):
            found[name] = (best, _share_ahead(sets[name], min(seeds), *map(pd.read_parquet, paths)))
    return found


def _share_ahead(data: DataSet, seed: int, one: pd.DataFrame, other: pd.DataFrame) -> float:
    truth = data.split(seed).truth
    if not len(truth) == len(one) == len(other):
        return float("nan")
    rng = np.random.default_rng(0)
    ahead = []
    for _ in range(ROW_DRAWS):
        rows = rng.integers(0, len(truth), len(truth))
        if data.task != "regression" and truth.iloc[rows].nunique() < 2:
            continue
        a, b = (_gain(data, truth, p, rows) for p in (one, other))
        ahead.append((a > b) + 0.5 * (a == b))
    return float(np.mean(ahead)) if ahead else float("nan")


def _gain(data: DataSet, truth: pd.Series, predictions: pd.DataFrame, rows: np.ndarray) -> float:
    part = predictions.iloc[rows].reset_index(drop=True)
    return gain(data.metric, score(data.task, data.metric, truth.iloc[rows].reset_index(drop=True), part))


def marked(table: Standings) -> pd.DataFrame:
    """Scores as text, the best of a row in bold, ``failed`` and nothing where somebody failed or did not play."""
    best = {d: _best(table.metrics[d])(table.scores.loc[d]) for d in table.scores.index}

    def cell(name: str, rival: str) -> str:
        value = table.scores.loc[name, rival]
        if pd.isna(value):
            return "failed" if table.worth[rival].loc[name].notna().any() else ""
        return f"**{value:.5g}**" if value == best[name] else f"{value:.5g}"

    order = table.rivals
    return pd.DataFrame({r: [cell(d, r) for d in table.scores.index] for r in order}, index=table.scores.index)


def _best(metric: str) -> Callable[[pd.Series], float]:
    return (lambda row: row.min()) if gain(metric, 1.0) < 0 else (lambda row: row.max())
