"""``make bench``: who plays what, what is done already, and where the results go."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from contest import cards, environments, rivals
from contest.cards import CardError, DataSet
from contest.environments import InstallError, fingerprint, version
from contest.match import play
from contest.rivals import PRIOR, Rival
from contest.standings import standings
from contest.tables import machine, publish, section

HOME = Path(__file__).resolve().parent.parent
PAGE = HOME.parent / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Installed:
    """A rival whose environment is there.

    Args:
        rival: who.
        python: its interpreter.
        version: of its package, for a package from this checkout with the fingerprint of the sources.
    """

    rival: Rival
    python: Path
    version: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, and write the tables; returns the exit code."""
    told = _parser().parse_args(arguments)
    try:
        sets = _chosen(cards.data_sets((cards.HOME, *told.data)), told.datasets, "data set")
        known = _chosen(rivals.rivals(), told.rivals, "rival")
        if told.list:
            _list(sets, known)
            return 0
        known = {PRIOR: rivals.rivals()[PRIOR]} | known
        complaints = [] if told.tables else _contest(told, sets, known)
        _report(told, sets)
    except (CardError, InstallError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/bench.py", description=__doc__.split("\n")[0])
    parser.add_argument("--budget", type=_numbers, default=(60.0,), help="seconds, several by commas (60)")
    parser.add_argument("--rivals", type=_names, help="who plays, by commas; all by default, the prior always")
    parser.add_argument("--data", type=Path, action="append", default=[], help="a folder of cards more; repeatable")
    parser.add_argument("--datasets", type=_names, help="only these data sets, by commas")
    parser.add_argument("--seeds", type=_numbers, default=(0.0,), help="by commas (0)")
    parser.add_argument("--cores", type=int, default=psutil.cpu_count(), help="that everybody is told to use (all)")
    parser.add_argument(
        "--polite", action="store_true",
        help="nobody's threads spin at barriers: for machines with other work, where spinning costs everybody dearly",
    )  # fmt: skip
    parser.add_argument("--max-minutes", type=float, default=float("inf"), help="no new match begins after these")
    parser.add_argument("--redo", action="store_true", help="play again what was played")
    parser.add_argument("--any-version", action="store_true", help="what an older version played counts as played")
    parser.add_argument("--no-probe", action="store_true", help="don't measure latency and cold start")
    parser.add_argument("--venvs", type=Path, default=environments.HOME, help="where environments are")
    parser.add_argument("--in-place", action="store_true", help="run everybody in this environment, install nothing")
    parser.add_argument("--install", action="store_true", help="make the environments, play nothing")
    parser.add_argument("--results", type=Path, default=HOME / "results", help="records and predictions")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page that the tables are written into")
    parser.add_argument("--no-page", action="store_true", help="print the tables only")
    parser.add_argument("--tables", action="store_true", help="play nothing, write the tables of what was played")
    parser.add_argument("--list", action="store_true", help="show data sets and rivals")
    return parser


def _contest(told: argparse.Namespace, sets: dict[str, DataSet], known: dict[str, Rival]) -> list[str]:
    """Play what hasn't been played; returns who could not take part, and why."""
    ready, complaints = _install(told, known)
    if told.install:
        return complaints
    _kept(told).mkdir(parents=True, exist_ok=True)
    records = told.results / "runs.jsonl"
    done = set() if told.redo else {_key(r, told.any_version) for r in read(records)}
    until = time.monotonic() + 60 * told.max_minutes
    here = machine()
    for data, player, budget, seed in _matches(told, sets, ready):
        rival = player.rival
        about = {
            "data": data.name, "task": data.task, "metric": data.metric, "rival": rival.name,
            "version": player.version, "budget": budget, "seed": seed, "polite": told.polite,
        }  # fmt: skip
        if _key(about, told.any_version) in done:
            continue
        if time.monotonic() > until:
            print("the time for new matches is over", file=sys.stderr)
            break
        record = about | play(
            data, data.split(seed), rival, player.python, budget, seed,
            cores=told.cores, probe=not told.no_probe, keep=_kept(told), polite=told.polite,
        ) | {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": here}  # fmt: skip
        with records.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
        print(_line(record), file=sys.stderr, flush=True)
    return complaints


def _matches(
    told: argparse.Namespace, sets: dict[str, DataSet], ready: list[Installed]
) -> Iterator[tuple[DataSet, Installed, float, int]]:
    """Everything there is to play, one at a time; the order of the rivals is drawn for each data set and seed."""
    for budget in told.budget:
        for seed in map(int, told.seeds):
            for data in sets.values():
                order = list(ready)
                random.Random(f"{data.name} {seed}").shuffle(order)
                for player in order:
                    yield data, player, budget, seed


def _install(told: argparse.Namespace, known: dict[str, Rival]) -> tuple[list[Installed], list[str]]:
    ready, complaints, broken = [], [], set()
    for rival in known.values():
        if rival.environment.name in broken:
            continue
        try:
            python = Path(sys.executable) if told.in_place else rival.environment.python(told.venvs)
        except InstallError as error:
            broken.add(rival.environment.name)
            complaints.append(f"{rival.name} takes no part, since it can't be installed: {error}")
            continue
        sources = [fingerprint(Path(r))[:7] for r in rival.environment.requirements if Path(r).is_dir()]
        ready.append(Installed(rival, python, "+".join((version(python, rival.package), *sources))))
    return ready, complaints


def _report(told: argparse.Namespace, sets: dict[str, DataSet]) -> None:
    if told.install:
        return
    records = [r for r in read(told.results / "runs.jsonl") if r["polite"] == told.polite]
    if told.rivals is not None:
        records = [r for r in records if r["rival"] in (*told.rivals, PRIOR)]
    if told.datasets is not None:
        records = [r for r in records if r["data"] in told.datasets]
    sections = [section(standings(records, b), sets, _kept(told)) for b in told.budget]
    print("\n\n".join(sections))
    if not told.no_page:
        publish(sections, told.page)


def _kept(told: argparse.Namespace) -> Path:
    """Where predictions are: those of polite matches apart, since a match is named after the same things."""
    results: Path = told.results
    return results / "polite" if told.polite else results


def read(records: Path) -> list[dict[str, Any]]:
    """The records of a file; none when there is none yet."""
    lines = records.read_text("utf-8").splitlines() if records.exists() else []
    return [{"polite": True} | json.loads(line) for line in lines]  # before anybody could choose, all matches were so


def _key(record: dict[str, Any], any_version: bool) -> tuple[Any, ...]:
    parts = ("data", "rival", "budget", "seed", "polite") + (() if any_version else ("version",))
    return tuple(record[p] for p in parts)


def _line(record: dict[str, Any]) -> str:
    result = record["error"] if record["score"] is None else f"{record['metric']} {record['score']:.5g}"
    seconds = "" if record["fit_s"] is None else f", fit {record['fit_s']:.1f} s"
    return (
        f"{record['when'][11:19]} {record['data']} {record['rival']} {record['budget']:g} s, seed {record['seed']}: "
        f"{result}{seconds}, {record['peak_mb']} MiB, {record['cores']} of {record['machine_cores']} busy cores"
    )


def _list(sets: dict[str, DataSet], known: dict[str, Rival]) -> None:
    for data in sets.values():
        print(f"{data.name:28} {data.task:12} {data.metric:9} {data.folder}")
    print()
    for rival in known.values():
        print(f"{rival.name:28} {rival.environment.name:12} {' '.join(rival.environment.requirements)}")


def _chosen(there: dict[str, Any], wished: tuple[str, ...] | None, what: str) -> dict[str, Any]:
    unknown = [n for n in wished or () if n not in there]
    if unknown:
        raise ValueError(f"there is no {what} {', '.join(unknown)}; there are {', '.join(there)}")
    return there if wished is None else {n: there[n] for n in wished}


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in _names(text))
