"""LightGBM as it comes: the library's defaults, categories as categories."""

ENVIRONMENT = "plain"
REQUIREMENTS = ("pandas", "lightgbm==4.*")
PACKAGE = "lightgbm"
IMPORTS = ("lightgbm",)


def fit(train, job):
    import lightgbm
    from contest.columns import levels_of, tidy

    X, y = train.drop(columns=job.target), train[job.target]
    levels = levels_of(X)
    kind = lightgbm.LGBMClassifier if job.classification else lightgbm.LGBMRegressor
    model = kind(random_state=job.seed, n_jobs=job.cores, verbose=-1)
    return model.fit(tidy(X, levels), y.astype(str) if job.classification else y), levels


def predict(model, rows, job):
    from contest.columns import answers, tidy

    estimator, levels = model
    return answers(estimator, tidy(rows, levels), job.classification)
