"""What is best without looking at any column: the classes' shares, or the mean. Every score is measured against it."""

ENVIRONMENT = "plain"
REQUIREMENTS = ("pandas", "scikit-learn==1.*")
PACKAGE = "scikit-learn"


def fit(train, job):
    y = train[job.target]
    return y.value_counts(normalize=True) if job.classification else float(y.mean())


def predict(model, rows, job):
    import numpy as np
    import pandas as pd

    if not job.classification:
        return np.full(len(rows), model)
    return pd.DataFrame(np.tile(model.to_numpy(), (len(rows), 1)), columns=model.index)
