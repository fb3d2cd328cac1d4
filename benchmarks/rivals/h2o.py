"""H2O AutoML on a server of its own; needs Java."""

REQUIREMENTS = ("h2o==3.*", "polars", "pandas")
PACKAGE = "h2o"
IMPORTS = ("h2o.automl",)
METRICS = {"roc_auc": "AUC", "log_loss": "logloss", "rmse": "RMSE"}


def fit(train, job):
    from h2o.automl import H2OAutoML

    _server(job)
    X = [c for c in train.columns if c != job.target]
    if job.classification:
        # A letter in front keeps numbers from being taken for quantities, and class names as they are.
        train = train.assign(**{job.target: "c" + train[job.target].astype(str)})
    types = {c: "enum" for c in X if not _quantity(train[c])} | ({job.target: "enum"} if job.classification else {})
    rows = _upload(train, f"{job.folder}/train.csv", types)
    search = H2OAutoML(max_runtime_secs=int(job.budget), seed=job.seed, sort_metric=METRICS[job.metric])
    search.train(x=X, y=job.target, training_frame=rows)
    if search.leader is None:
        raise RuntimeError("H2O found no model in the time it had")
    return search.leader, {c: t for c, t in types.items() if c != job.target}


def predict(model, rows, job):
    leader, types = model
    answer = leader.predict(_upload(rows, f"{job.folder}/rows.csv", types)).as_data_frame()
    if not job.classification:
        return answer["predict"]
    answer = answer.drop(columns="predict")
    return answer.set_axis([c[1:] for c in answer.columns], axis=1)


def save(model, folder):
    import json

    import h2o

    leader, types = model
    path = h2o.save_model(leader, path=str(folder), force=True)
    (folder / "model.json").write_text(json.dumps({"path": path, "types": types, "folder": str(folder)}))


def load(folder):
    import json
    from types import SimpleNamespace

    import h2o

    saved = json.loads((folder / "model.json").read_text())
    _server(SimpleNamespace(cores=-1, folder=str(folder)))
    return h2o.load_model(saved["path"]), saved["types"]


def _server(job):
    import atexit
    import os

    import h2o

    gigabytes = max(2, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30 // 2)
    h2o.init(
        nthreads=job.cores, max_mem_size=f"{gigabytes}G", port=54700 + os.getpid() % 200, ice_root=job.folder,
        log_dir=job.folder, verbose=False,
    )  # fmt: skip
    h2o.no_progress()
    atexit.register(lambda: h2o.cluster().shutdown())


def _upload(frame, path, types):
    import h2o

    frame.to_csv(path, index=False)
    return h2o.import_file(path, col_types=types)


def _quantity(column):
    import pandas as pd

    return pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column)
