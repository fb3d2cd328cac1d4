import pytest

from modelwright.checks import all_checks
from modelwright.testing.checks import CheckContract


@pytest.mark.parametrize("name", list(all_checks()))
class TestEveryCheck(CheckContract):
    @pytest.fixture(autouse=True)
    def _check(self, name):
        self.check = all_checks()[name]
