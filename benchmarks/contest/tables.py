"""Standings as Markdown, the losses first."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import psutil

from contest.cards import DataSet
from contest.rivals import OURS, PRIOR
from contest.standings import Standings, interval, marked, sureness

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def section(table: Standings, sets: Mapping[str, DataSet], kept: Path) -> str:
    """All tables of one budget."""
    seeds = sorted(set(table.records.seed))
    days = sorted({str(w)[:10] for w in table.records.when})
    lines = [
        f"### {table.budget:g} seconds: {len(table.scores)} data sets, seeds {', '.join(map(str, seeds))}",
        "",
        f"Played {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "") + f" on {_machines(table)}.",
        "",
        *(_losses(table, sets, kept) if OURS in table.scores else []),
        *_overall(table),
        *_costs(table),
        *_scores(table),
        *_versions(table),
    ]
    return "\n".join(lines)


def publish(sections: Sequence[str], page: Path) -> None:
    """Put the sections into a page between its two marks.

    Raises:
        ValueError: when the page hasn't got them.
    """
    text = page.read_text("utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} has no place for results; it needs the lines {BEGIN} and {END}")
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    page.write_text(f"{head}{BEGIN}\n\n" + "\n\n".join(sections) + f"\n\n{END}{tail}", encoding="utf-8")


def machine() -> str:
    """The machine in words."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [x.partition(":")[2].strip() for x in info.read_text().splitlines() if x.startswith("model name")]
        name = named[0] if named else name
    memory = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{psutil.cpu_count()} cores ({name}), {memory:.0f} GiB, {system}"


def _machines(table: Standings) -> str:
    return "; and ".join(sorted(set(table.records.machine)))


def _losses(table: Standings, sets: Mapping[str, DataSet], kept: Path) -> list[str]:
    """Each data set on which somebody is ahead of us, by how much."""
    sure = sureness(table, sets, kept)
    mean = table.worth.groupby(level="data").mean()
    others = mean.drop(columns=[OURS, PRIOR], errors="ignore")
    if others.empty:
        return []
    behind = (others.max(axis=1) - mean[OURS]).sort_values(ascending=False).dropna()
    lost, lines = behind[behind > 0], []
    for name in lost.index:
        best = str(others.loc[name].idxmax())
        known = f"{sure[name][1]:.2f}" if name in sure and sure[name][0] == best else ""
        lines.append(
            f"| {name} | {table.metrics[name]} | {table.scores.loc[name, OURS]:.5g} | {best} "
            f"{table.scores.loc[name, best]:.5g} | {100 * lost[name]:.1f} | {known} |"
        )
    if not lines:
        return ["**Lost:** on no data set was anybody ahead in the mean over seeds.", ""]
    return [
        f"**Lost: {len(lines)} of {len(behind)} data sets**, on which somebody is ahead in the mean over seeds. "
        "The gap is in percent of the way from the prior to the best; *sure* is the share of resamples of test rows "
        "(first seed) in which modelwright is ahead all the same: near 0 the loss is real, near 0.5 it can't be told.",
        "",
        "| data set | metric | modelwright | ahead of it | gap, % | sure |",
        "|---|---|---|---|---|---|",
        *lines,
        "",
    ]


def _overall(table: Standings) -> list[str]:
    ranks, mean = table.ranks(), table.worth.groupby(level="data").mean()
    ours = OURS in table.scores
    lines = []
    for rival in table.rivals:
        low, high = interval(ranks[rival].dropna())
        wins = ""
        if ours and rival not in (OURS, PRIOR):
            share = table.wins(OURS, rival)
            if len(share):
                a, b = interval(share)
                wins = f"{100 * share.mean():.0f} % [{100 * a:.0f}, {100 * b:.0f}] of {len(share)}"
        failed = table.failures.get(rival, 0)
        lines.append(
            f"| {rival} | {ranks[rival].mean():.2f} [{low:.2f}, {high:.2f}] | {wins} | {mean[rival].mean():.3f} | "
            f"{ranks[rival].count()} | {failed or ''} |"
        )
    return [
        "**Overall.** In brackets 95 % bootstrap intervals over data sets. *Worth*: 0 is the prior, 1 the best of the "
        "data set; a failure counts as the prior.",
        "",
        "| | mean rank | modelwright wins against it | worth | data sets | failures |",
        "|---|---|---|---|---|---|",
        *lines,
        "",
    ]


def _costs(table: Standings) -> list[str]:
    def figure(value: float, digits: int) -> str:
        return "" if pd.isna(value) else f"{value:,.{digits}f}"

    lines = []
    for rival in table.rivals:
        c = table.costs.loc[rival]
        over = f"{figure(c.overrun_s, 1)} / {figure(c.worst_overrun_s, 1)}"
        memory = f"{figure(c.peak_mb, 0)} / {figure(c.largest_mb, 0)}"
        lines.append(
            f"| {rival} | {figure(c.start_s, 1)} | {figure(c.fit_s, 1)} | {over} | {figure(c.cores, 2)} | {memory} | "
            f"{figure(c.cold_start_s, 1)} | {figure(c.one_row_ms, 1)} | {figure(c.many_rows_ms, 0)} |"
        )
    return [
        "**What it costs.** Medians; seconds over the budget count from the start of the process, memory is that "
        "of all its processes, cores are those that it really got.",
        "",
        "| | start, s | fit, s | over, s: median / worst | cores got | memory, MiB: median / largest | "
        "cold start, s | 1 row, ms | 10,000 rows, ms |",
        "|---|---|---|---|---|---|---|---|---|",
        *lines,
        "",
    ]


def _scores(table: Standings) -> list[str]:
    cells = marked(table)
    lines = [f"| {d} | {table.metrics[d]} | " + " | ".join(cells.loc[d]) + " |" for d in cells.index]
    return [
        "**Scores**, means over seeds (roc_auc: more is better; log_loss, rmse: less).",
        "",
        "| data set | metric | " + " | ".join(cells.columns) + " |",
        "|" + "---|" * (len(cells.columns) + 2),
        *lines,
        "",
    ]


def _versions(table: Standings) -> list[str]:
    named = table.records.groupby("rival").version.agg(lambda v: " and ".join(sorted(set(v))))
    return ["Versions: " + "; ".join(f"{rival} {named[rival]}" for rival in table.rivals if rival != PRIOR) + "."]
