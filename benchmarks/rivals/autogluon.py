"""AutoGluon: its default, its best preset, and the default's models bagged in one process without stacking.

The last is its strongest form that we know of within a minute on few cores: five folds a model, no workers to start.
"""

FIRST = ("torch==2.13.0",)
REQUIREMENTS = ("autogluon.tabular[lightgbm,catboost,xgboost,fastai,ray]==1.6.*",)
PACKAGE = "autogluon.tabular"
IMPORTS = ("autogluon.tabular",)
VARIANTS = {
    "autogluon_medium": {"presets": "medium_quality"},
    "autogluon_best": {"presets": "best_quality"},
    "autogluon_tuned": {
        "presets": "medium_quality",
        "num_bag_folds": 5,
        "num_stack_levels": 0,
        "dynamic_stacking": False,
        "ag_args_ensemble": {"fold_fitting_strategy": "sequential_local"},
    },
}
METRICS = {"rmse": "root_mean_squared_error"}


def fit(train, job):
    from autogluon.tabular import TabularPredictor

    predictor = TabularPredictor(
        label=job.target,
        problem_type=job.task,
        eval_metric=METRICS.get(job.metric, job.metric),
        path=f"{job.folder}/autogluon",
        verbosity=2,
    )
    return predictor.fit(train, time_limit=job.budget, num_cpus=job.cores, **job.options)


def predict(model, rows, job):
    if not job.classification:
        return model.predict(rows)
    return model.predict_proba(rows, as_multiclass=True)


def save(model, folder):
    (folder / "path").write_text(model.path)


def load(folder):
    from autogluon.tabular import TabularPredictor

    return TabularPredictor.load((folder / "path").read_text())
