"""modelwright, installed from this checkout, without a language model."""

from pathlib import Path

REQUIREMENTS = (str(Path(__file__).resolve().parents[2]),)
PACKAGE = "modelwright"
IMPORTS = ("modelwright.api",)


def fit(train, job):
    import modelwright

    run = modelwright.fit(
        train,
        problem=job.statement,
        target=job.target,
        task=job.task,
        metric=job.metric,
        time_budget=job.budget,
        seed=job.seed,
        workers=job.cores,
        out=f"{job.folder}/run",
    )
    return run.model, run.folder / "model"


def predict(model, rows, job):
    import pandas as pd

    found, _ = model
    if not job.classification:
        return found.predict(rows)["prediction"]
    return pd.DataFrame(found.predict_proba(rows), columns=list(found.classes))


def save(model, folder):
    (folder / "path").write_text(str(model[1]))


def load(folder):
    import modelwright

    path = (folder / "path").read_text()
    return modelwright.load(path), path
