"""scikit-learn's HistGradientBoosting as it comes; columns of more than 255 levels, which it refuses, as codes."""

ENVIRONMENT = "plain"
REQUIREMENTS = ("pandas", "scikit-learn==1.*")
PACKAGE = "scikit-learn"
IMPORTS = ("sklearn.ensemble",)
MOST_LEVELS = 255


def fit(train, job):
    from contest.columns import levels_of
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    X, y = train.drop(columns=job.target), train[job.target]
    levels = levels_of(X)
    kind = HistGradientBoostingClassifier if job.classification else HistGradientBoostingRegressor
    model = kind(random_state=job.seed, categorical_features="from_dtype")
    return model.fit(_columns(X, levels), y.astype(str) if job.classification else y), levels


def predict(model, rows, job):
    from contest.columns import answers

    estimator, levels = model
    return answers(estimator, _columns(rows, levels), job.classification)


def _columns(frame, levels):
    from contest.columns import tidy

    X = tidy(frame, levels)
    for place, name in enumerate(frame.columns):
        if len(levels.get(name, ())) > MOST_LEVELS:
            codes = X[f"f{place}"].cat.codes.astype("float64")
            X[f"f{place}"] = codes.where(codes >= 0)
    return X
