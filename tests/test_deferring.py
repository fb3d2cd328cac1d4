"""A module that is put off: promised on import, there as soon as it is used, however it is used."""

import subprocess
import sys

import pytest

BEGIN = "from modelwright.deferring import put_off; put_off(); import sys\n"


def said(program: str) -> str:
    """What a program says that puts scipy.stats off in a process of its own."""
    done = subprocess.run([sys.executable, "-c", BEGIN + program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_scikit_learn_does_not_bring_it():
    program = (
        "import sklearn.ensemble, sklearn.linear_model, sklearn.isotonic, lightgbm\n"
        "print('scipy.stats._distn_infrastructure' in sys.modules)"
    )
    assert said(program) == "False"


@pytest.mark.parametrize(
    "used",
    [
        "from scipy.stats import rankdata; answer = rankdata([3, 1, 2]).tolist() == [3, 1, 2]",
        "import scipy.stats; answer = round(float(scipy.stats.norm.cdf(1.96)), 3) == .975",
        "from scipy import stats; answer = stats.chi2(3).mean() == 3",
        "from scipy.stats.mstats import mquantiles; answer = mquantiles([1, 2, 3], [.5])[0] == 2",
        "from scipy.stats import rv_continuous\nclass Mine(rv_continuous): pass\nanswer = Mine().moment is not None",
        "from scipy.stats import rv_continuous; import scipy.stats.mstats, scipy.stats as real; "
        "answer = isinstance(real.norm, rv_continuous)",
        "import pickle; from scipy.stats import gmean; answer = pickle.loads(pickle.dumps(gmean))([1, 4]) == 2",
        "from sklearn.metrics import roc_auc_score; answer = roc_auc_score([0, 1, 1], [.1, .2, .05]) == .5",
        "import scipy.stats, inspect; answer = inspect.getfile(scipy.stats).endswith('__init__.py')",
    ],
)  # fmt: skip
def test_it_is_there_when_it_is_used(used):
    assert said(f"{used}\nprint(answer)") == "True"


def test_after_a_block_it_is_itself_again():
    program = (
        "import sys\nfrom modelwright.deferring import putting_off\n"
        "with putting_off():\n    from sklearn.utils import fixes; from scipy.stats import gmean\n"
        "still_away = 'scipy.stats._stats_py' not in sys.modules\n"
        "import scipy.stats, types\n"
        "print(still_away, type(scipy.stats) is types.ModuleType, float(gmean([1, 4])), scipy.stats.gmean([1, 4]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["True", "True", "2.0", "2.0"], done.stderr


def test_a_block_leaves_promises_that_were_there_before():
    program = (
        "from modelwright.deferring import putting_off\nbefore = sys.modules['scipy.stats']\n"
        "with putting_off():\n    pass\nprint(sys.modules['scipy.stats'] is before)"
    )
    assert said(program) == "True"


def test_what_was_imported_stays():
    assert said("import math; put_off('math'); print(math.sqrt(4), sys.modules['math'] is math)") == "2.0 True"
