"""LightAutoML's preset for tables."""

FIRST = ("torch==2.13.0",)
REQUIREMENTS = ("lightautoml",)
PACKAGE = "lightautoml"
IMPORTS = ("lightautoml.automl.presets.tabular_presets", "lightautoml.tasks")


def fit(train, job):
    from lightautoml.automl.presets.tabular_presets import TabularAutoML
    from lightautoml.tasks import Task

    classes = sorted(train[job.target].astype(str).unique()) if job.classification else []
    if classes:
        codes = train[job.target].astype(str).map({c: i for i, c in enumerate(classes)})
        train = train.assign(**{job.target: codes})
    tasks = {
        "binary": ("binary", {"metric": "auc" if job.metric == "roc_auc" else "logloss"}),
        "multiclass": ("multiclass", {"metric": "crossentropy"}),
        "regression": ("reg", {"loss": "mse", "metric": "mse"}),
    }
    name, options = tasks[job.task]
    model = TabularAutoML(
        task=Task(name, **options),
        timeout=int(job.budget),
        cpu_limit=job.cores,
        reader_params={"n_jobs": job.cores, "cv": 5, "random_state": job.seed},
    )
    model.fit_predict(train, roles={"target": job.target}, verbose=1)
    return model, classes


def predict(model, rows, job):
    import numpy as np
    import pandas as pd

    found, classes = model
    answer = found.predict(rows).data
    if not job.classification:
        return answer[:, 0]
    if job.task == "binary":
        return pd.DataFrame({classes[0]: 1 - answer[:, 0], classes[1]: answer[:, 0]})
    # Its columns are in an order of its own, which it tells.
    order = found.reader.class_mapping or {i: i for i in range(len(classes))}
    columns = np.column_stack([answer[:, int(order[i])] for i in range(len(classes))])
    return pd.DataFrame(columns, columns=classes)
