"""FLAML, with CatBoost installed, which it then uses."""

REQUIREMENTS = ("flaml[automl]==2.7.*", "catboost==1.2.*")
PACKAGE = "flaml"
IMPORTS = ("flaml.automl",)


def fit(train, job):
    from flaml import AutoML

    model = AutoML()
    model.fit(
        train.drop(columns=job.target),
        train[job.target],
        task="classification" if job.classification else "regression",
        metric=job.metric,
        time_budget=job.budget,
        seed=job.seed,
        n_jobs=job.cores,
        verbose=1,
        log_file_name=f"{job.folder}/flaml.log",
    )
    return model


def predict(model, rows, job):
    import pandas as pd

    if not job.classification:
        return model.predict(rows)
    return pd.DataFrame(model.predict_proba(rows), columns=model.classes_)
