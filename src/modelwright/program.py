"""Programs in the restricted language, and their static check.

The language is a small part of Python: assignments, calls, literals, arithmetic, comparisons, conditionals, loops,
comprehensions, functions and f-strings. There are no imports, no attributes of objects besides the methods of texts,
lists and dictionaries, no exceptions, no classes, no files and no network; the only way to have an effect is to call
a tool. Checking needs the ground only; running is :mod:`modelwright.sandbox`.
"""

from __future__ import annotations
