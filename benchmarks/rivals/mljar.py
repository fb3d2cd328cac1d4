"""mljar-supervised in its mode for the best score."""

REQUIREMENTS = ("mljar-supervised==1.3.*",)
PACKAGE = "mljar-supervised"
IMPORTS = ("supervised.automl",)
METRICS = {"roc_auc": "auc", "log_loss": "logloss", "rmse": "rmse"}
TASKS = {"binary": "binary_classification", "multiclass": "multiclass_classification", "regression": "regression"}


def fit(train, job):
    from supervised.automl import AutoML

    y = train[job.target].astype(str) if job.classification else train[job.target]
    model = AutoML(
        results_path=f"{job.folder}/mljar",
        mode="Compete",
        ml_task=TASKS[job.task],
        eval_metric=METRICS[job.metric],
        total_time_limit=int(job.budget),
        random_state=job.seed,
        n_jobs=job.cores,
        verbose=1,
    )
    model.fit(train.drop(columns=job.target), y)
    return model, sorted(y.unique()) if job.classification else []


def predict(model, rows, job):
    import pandas as pd

    found, classes = model
    if not job.classification:
        return found.predict(rows)
    return pd.DataFrame(found.predict_proba(rows), columns=classes)


def save(model, folder):
    import json

    found, classes = model
    (folder / "model.json").write_text(json.dumps({"path": found.results_path, "classes": classes}))


def load(folder):
    import json

    from supervised.automl import AutoML

    saved = json.loads((folder / "model.json").read_text())
    return AutoML(results_path=saved["path"]), saved["classes"]
