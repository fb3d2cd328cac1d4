from modelwright.estimators import all_estimators
from modelwright.testing.estimators import EstimatorContract


class TestEveryEstimator(EstimatorContract):
    estimators = all_estimators()
