"""Ranges of numbers as grammar rules, digit by digit."""

from __future__ import annotations

import math
from decimal import Decimal

from modelwright.llms._pattern import Unsupported
from modelwright.llms._schema import Number

_MOST_LISTED = 300
"""Values up to which a range is listed instead of described."""

_DIGITS = 15
"""Of whole numbers without a limit: what a double holds exactly."""

_PLACES = 4
"""Decimal places that may follow."""


def number_rule(node: Number) -> str:
    """The right-hand side of a rule for a number.

    Raises:
        Unsupported: when no number fits.
    """
    if node.multiple is not None or node.whole:
        return _stepped(node)
    return _decimal(node)


def _stepped(node: Number) -> str:
    step = Decimal(str(node.multiple or 1))
    if node.whole and step != step.to_integral_value():
        raise Unsupported("whole numbers that are multiples of a fraction")
    low = None if node.low is None else _first(Decimal(str(node.low)), step, node.above)
    high = None if node.high is None else -_first(-Decimal(str(node.high)), step, node.below)
    if low is not None and high is not None:
        if low > high:
            raise Unsupported("a number in an empty range")
        if high - low < _MOST_LISTED:
            return _listed([_written(n * step) for n in range(low, high + 1)])
    if step != 1:
        raise Unsupported("multiples in a wide range")
    most = 10**_DIGITS - 1
    return _whole(-most if low is None else low, most if high is None else high)


def _first(bound: Decimal, step: Decimal, beyond: bool) -> int:
    """The first multiple at or beyond a lower bound."""
    found = math.ceil(bound / step)
    return found + 1 if beyond and found * step == bound else found


def _decimal(node: Number) -> str:
    """Cells of a tenth of a range or less: a cell's number may be followed by any decimals without leaving it."""
    low, high = _limit(node.low, node.high, -1), _limit(node.high, node.low, 1)
    if low > high or (low == high and (node.above or node.below)):
        raise Unsupported("a number in an empty range")
    if low == high:
        return f'"{_written(low)}"'
    places = max(0, 1 - (high - low).adjusted())
    scale = Decimal(10) ** places
    more = f"[0-9]{{1,{_PLACES}}}"
    first, last = math.ceil(low * scale), math.floor(high * scale)
    if places == 0:
        return _wide(first, last, node, low, high, more)
    options = []
    for n in range(first, last + 1):
        exact = Decimal(n) / scale
        if not ((exact == low and node.above) or (exact == high and node.below)):
            options.append(f'"{_written(exact)}"')
        # What follows the point leads away from zero, so the neighbour further out has to be within the range, too.
        if (0 <= n < last) or (first < n < 0):
            options.append(f'"{exact:.{places}f}" {more}')
    return " | ".join(options)


def _wide(first: int, last: int, node: Number, low: Decimal, high: Decimal, more: str) -> str:
    lowest = first + 1 if node.above and first == low else first
    highest = last - 1 if node.below and last == high else last
    options = [f"({_whole(lowest, highest)})"]
    # -3.2 lies beyond -3, as 3.2 does, so each side ends one earlier where decimals follow.
    if last > 0:
        options.append(f'({_whole(max(0, lowest), last - 1)}) "." {more}')
    if first < 0:
        options.append(f'({_whole(first + 1, min(-1, highest))}) "." {more}' if first < -1 else "")
    return " | ".join(o for o in options if o)


def _limit(bound: float | None, other: float | None, side: int) -> Decimal:
    if bound is not None:
        return Decimal(str(bound))
    far = 10 ** (_DIGITS - _PLACES)
    return Decimal(side * far) if other is None else Decimal(str(other)) + side * far


def _written(number: Decimal) -> str:
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def _listed(texts: list[str]) -> str:
    return " | ".join(f'"{t}"' for t in texts)


def _whole(low: int, high: int) -> str:
    """Whole numbers from low to high."""
    if low > high:
        raise Unsupported("a number in an empty range")
    options = []
    if low < 0:
        options.append(f'"-" ({_natural(max(1, -high), -low)})')
    if high >= 0:
        options.append(_natural(max(0, low), high))
    return " | ".join(options)


def _natural(low: int, high: int) -> str:
    """Numbers without a sign, by their count of digits."""
    options, full = [], list[int]()
    for digits in range(len(str(low)), len(str(high)) + 1):
        least, most = 10 ** (digits - 1) if digits > 1 else 0, 10**digits - 1
        if digits > 1 and low <= least and most <= high:
            full.append(digits)
        else:
            options.append(_digits(str(max(low, least)), str(min(high, most))))
    if full:
        options.append(f"[1-9] [0-9]{{{full[0] - 1},{full[-1] - 1}}}")
    return " | ".join(options)


def _digits(low: str, high: str) -> str:
    """Numbers of equally many digits: the common beginning, then the edges, then everything between them."""
    if low == high:
        return f'"{low}"'
    if set(low) == {"0"} and set(high) == {"9"}:
        return "[0-9]" if len(low) == 1 else f"[0-9]{{{len(low)}}}"
    first, last = low[0], high[0]
    if len(low) == 1:
        return f"[{first}-{last}]"
    if first == last:
        return f'"{first}" ({_digits(low[1:], high[1:])})'
    options = []
    rest = len(low) - 1
    between = [chr(c) for c in range(ord(first) + 1, ord(last))]
    if low[1:] == "0" * rest:
        between.insert(0, first)
    else:
        options.append(f'"{first}" ({_digits(low[1:], "9" * rest)})')
    if high[1:] == "9" * rest:
        between.append(last)
    else:
        options.append(f'"{last}" ({_digits("0" * rest, high[1:])})')
    if between:
        options.insert(len(options) - 1, f"[{between[0]}-{between[-1]}] {_digits('0' * rest, '9' * rest)}")
    return " | ".join(options)
