"""Naive Bayes."""

from __future__ import annotations

from typing import ClassVar

from modelwright.action import Real
from modelwright.estimators import CLASSIFICATION, Family
from modelwright.estimators._family import Plain

SMOOTHING = Real("alpha", "how strongly counts are drawn together", 1.0, low=0.0, high=1e6, open_low=True,
                 search=(0.01, 30.0), log=True)  # fmt: skip


class _Naive(Plain):
    family: ClassVar[Family] = "bayes"
    tasks = CLASSIFICATION
    view = "positive"
    interpretable = True
    price = (0.02, 1.0, 1.0)


class Gaussian(_Naive):
    """Normal columns."""

    name = "gaussian_naive_bayes"
    description = "Treats columns as independent and normal in each class: instant, crude, sometimes surprising."
    kinds = ("sklearn.naive_bayes:GaussianNB", "")
    view = "dense"
    sparse = False
    params = (
        Real("var_smoothing", "share of the largest variance that is added to all", 1e-3, low=0.0, high=10.0,
             open_low=True, search=(1e-9, 1.0), log=True),
    )  # fmt: skip


class Bernoulli(_Naive):
    """Columns that are on or off."""

    name = "bernoulli_naive_bayes"
    description = "Treats columns as independent and on or off: for words and flags."
    kinds = ("sklearn.naive_bayes:BernoulliNB", "")
    params = (SMOOTHING, Real("binarize", "value above which a column is on", 0.5, low=0.0, high=1.0))


class Multinomial(_Naive):
    """Columns that count."""

    name = "multinomial_naive_bayes"
    description = "Treats columns as counts: for words."
    kinds = ("sklearn.naive_bayes:MultinomialNB", "")
    params = (SMOOTHING,)


class Complement(_Naive):
    """Counts of the other classes."""

    name = "complement_naive_bayes"
    description = "Multinomial naive Bayes that learns each class from the others: better where classes are unequal."
    kinds = ("sklearn.naive_bayes:ComplementNB", "")
    params = (SMOOTHING,)
