"""CatBoost as it comes: the library's defaults on all rows; stopped when the budget is over."""

ENVIRONMENT = "plain"
REQUIREMENTS = ("pandas", "catboost==1.2.*")
PACKAGE = "catboost"
IMPORTS = ("catboost",)


def fit(train, job):
    import time

    from catboost import CatBoostClassifier, CatBoostRegressor
    from contest.columns import levels_of

    until = time.monotonic() + 0.97 * job.budget

    class Stop:
        def after_iteration(self, info):
            return time.monotonic() < until

    X, y = train.drop(columns=job.target), train[job.target]
    levels = levels_of(X)
    X = _columns(X, levels)
    kind = CatBoostClassifier if job.classification else CatBoostRegressor
    names = [f"f{place}" for place, name in enumerate(train.columns.drop(job.target)) if name in levels]
    model = kind(random_seed=job.seed, thread_count=job.cores, verbose=0, allow_writing_files=False, cat_features=names)
    return model.fit(X, y.astype(str) if job.classification else y, callbacks=[Stop()]), levels


def predict(model, rows, job):
    from contest.columns import answers

    estimator, levels = model
    return answers(estimator, _columns(rows, levels), job.classification)


def _columns(frame, levels):
    """Categories as texts: CatBoost takes levels that it doesn't know, but no missing ones."""
    from contest.columns import tidy

    X = tidy(frame, levels)
    for place, name in enumerate(frame.columns):
        if name in levels:
            X[f"f{place}"] = frame[name].astype(str).where(frame[name].notna(), "missing")
    return X
