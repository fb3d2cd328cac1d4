import subprocess
import sys

from modelwright.estimators import all_estimators
from modelwright.testing.estimators import EstimatorContract


class TestEveryEstimator(EstimatorContract):
    estimators = all_estimators()


def test_nothing_heavy_is_imported_before_a_model_is_built() -> None:
    source = (
        "import sys\n"
        "from modelwright import actions, estimators, searching, stages, transforms\n"
        "assert actions.registry() and estimators.all_estimators() and transforms.all_transforms()\n"
        "heavy = {'sklearn', 'scipy', 'lightgbm', 'xgboost', 'catboost', 'imblearn', 'modelwright.pipeline'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
