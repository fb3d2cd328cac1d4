"""The Python interface: :func:`fit`, :func:`load`, and what they return."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.bundle import load as load
from modelwright.bundle.model import Model
from modelwright.llms import Provider
from modelwright.places import Place, find
from modelwright.request import Request, parse_duration, parse_size
from modelwright.table import Kind

if TYPE_CHECKING:
    import pandas as pd

    from modelwright.contrast import Contrast
    from modelwright.replaying import Replay

__all__ = ["Model", "Run", "fit", "load"]

RUNS = Path("modelwright-runs")


class Run:
    """A finished run.

    Args:
        folder: the run folder, or its URL.
    """

    def __init__(self, folder: str | Path | Place) -> None:
        self._place = find(folder)
        self.folder = self._place.folder
        self._model: Model | None = None

    @property
    def summary(self) -> dict[str, Any]:
        """The result, with stable keys; see ``summary.json``."""
        found: dict[str, Any] = json.loads(self._place.read("summary.json"))
        return found

    @property
    def leaderboard(self) -> pd.DataFrame:
        """One row an experiment."""
        import io

        import pandas as pd

        return pd.read_csv(io.StringIO(self._place.read("leaderboard.csv")))

    @property
    def report(self) -> str:
        """The report, as Markdown; ``report.html`` in the run folder has it with pictures."""
        return self._place.read("report.md")

    @property
    def model(self) -> Model:
        """The delivered model."""
        if self._model is None:
            self._model = load(f"{self._place}/model")
        return self._model

    def replay(self, out: str | Path | None = None) -> Replay:
        """Repeat the run from its records, offline; see :func:`modelwright.replaying.replay`.

        Args:
            out: folder or URL of the replay; a new one below ``replays`` in the run's folder by default.
        """
        from modelwright.replaying import replay

        return replay(self._place, out=out)

    def compare(self, other: str | Path | Run) -> Contrast:
        """What differs between this run and another one, and which model is better on the same sealed rows."""
        from modelwright.contrast import contrast

        return contrast(self._place, other._place if isinstance(other, Run) else other)

    def rollback(self, experiment: str | int | None) -> Run:
        """Deliver the model of an earlier experiment; see :func:`modelwright.rollback.roll_back`.

        Args:
            experiment: its number or name; ``None`` delivers again what the run chose by itself.
        """
        from modelwright import rollback

        if experiment is None:
            rollback.undo(self._place)
        else:
            rollback.roll_back(self._place, str(experiment))
        self._model = None
        return self

    def __repr__(self) -> str:
        return f"Run({str(self._place)!r})"


def fit(
    data: Any,
    problem: str = "",
    *,
    target: str | None = None,
    task: str | None = None,
    metric: str | None = None,
    time_column: str | None = None,
    group_column: str | None = None,
    id_columns: tuple[str, ...] | list[str] = (),
    kinds: Mapping[str, Kind] | None = None,
    keep_columns: tuple[str, ...] | list[str] = (),
    test: str | Path | None = None,
    constraints: str = "",
    time_budget: str | float = "5m",
    max_experiments: int | None = None,
    max_iterations: int | None = None,
    executor: str = "local",
    workers: int = 0,
    memory_limit: str | int = 0,
    seed: int = 0,
    floor: int = 10,
    llm: str | Provider = "none",
    llm_roles: Mapping[str, str] | None = None,
    llm_timeout: str | float = 120.0,
    max_cost: float | None = None,
    private_names: bool = False,
    web_search: bool = False,
    out: str | Path | None = None,
    reuse: str | Path | Run | None = None,
) -> Run:
    """Train a model and judge it: the main job.

    Args:
        data: path or URL of a file, or a pandas, polars or Arrow table.
        problem: the problem in plain words; may be left out when ``target`` is given.
        target: the column to predict.
        task: ``"binary"``, ``"multiclass"``, ``"regression"`` or ``"classification"``.
        metric: what to optimise.
        time_column: the column that orders rows in time.
        group_column: the column whose groups stay together.
        id_columns: columns that only identify rows.
        kinds: what columns are, where the rules are wrong: ``{"zip": "category"}``.
        keep_columns: columns that are kept even when a check takes them for leaks.
        test: a file of labelled rows to use as the sealed holdout.
        constraints: the text of a constraints file, or demands in plain words, one a line.
        time_budget: for everything, from call to finished report: seconds, or ``"90s"``, ``"5m"``, ``"1h"``.
        max_experiments: experiments at most.
        max_iterations: iterations at most.
        executor: where steps are performed: ``"local"``, ``"ray"``, ``"ray://host:10001"``, ``"flyte"`` …
        workers: steps at a time; 0 takes the cores of the machine, or of the cluster.
        memory_limit: of the whole run, bytes or ``"4G"``; 0 takes a share of the machine's.
        seed: seed of every random choice.
        floor: rows that a level must have at least to be named in the profile.
        llm: the language model that reasons: ``"provider:model"``, a server's URL, a
            :class:`~modelwright.llms.Provider`, or ``"none"``.
        llm_roles: other language models for single agents, by the agent's name.
        llm_timeout: patience with one reply.
        max_cost: US dollars that may be spent on language models.
        private_names: show providers an alias for columns that look like personal data.
        web_search: let agents use the provider's own web search, where it has one.
        out: the run folder, or a URL such as ``s3://bucket/runs/churn``; a new folder below ``modelwright-runs`` by
            default.
        reuse: an earlier run, whose finished steps are taken over where nothing that they depend on has changed.

    Raises:
        UserError: when the request or the data is at fault; one sentence.
        NoModelError: when no model could be delivered although the request was sound.
    """
    from modelwright import run

    began = time.monotonic()
    path = isinstance(data, str | Path)
    request = Request(
        data=str(data) if path else "<frame>",
        statement=problem or (f"Predict {target}" if target else ""),
        target=target,
        task=task,
        metric=metric,
        time_column=time_column,
        group_column=group_column,
        id_columns=tuple(id_columns),
        kinds=dict(kinds or {}),
        keep_columns=tuple(keep_columns),
        test=None if test is None else str(test),
        constraints=constraints,
        time_budget=parse_duration(time_budget) if isinstance(time_budget, str) else float(time_budget),
        max_experiments=max_experiments,
        max_iterations=max_iterations,
        executor=executor,
        workers=workers,
        memory_limit=parse_size(memory_limit) if isinstance(memory_limit, str) else memory_limit,
        seed=seed,
        floor=floor,
        llm=llm if isinstance(llm, str) else llm.title,
        llm_roles=dict(llm_roles or {}),
        llm_timeout=parse_duration(llm_timeout) if isinstance(llm_timeout, str) else float(llm_timeout),
        max_cost=max_cost,
        private_names=private_names,
        web_search=web_search,
        reuse="" if reuse is None else str(reuse._place if isinstance(reuse, Run) else reuse),
    )
    place = find(out if out is not None else run.new_folder(RUNS, request.data, seed))
    provider = None if isinstance(llm, str) else llm
    run.start(request, place, source=None if path else data, began=began, provider=provider)
    return Run(place)
