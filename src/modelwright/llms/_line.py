"""What is known of one provider in this run: how many requests it bears, and whether it is worth asking."""

from __future__ import annotations

from dataclasses import dataclass

from modelwright.llms import Busy, NotAuthorised, NotRecorded, NotUnderstood, ProviderError

FAILURES = 3
"""Requests in a row that got no reply, after all tries, before a provider is left alone for a while."""

PAUSE = 60.0
"""Seconds for which it is left alone first; each time twice as long."""


@dataclass
class Line:
    """The state of the line to one provider.

    How many requests may be under way adapts as in TCP's congestion control: halved when the provider wants fewer,
    one more after as many good replies as are allowed at a time.

    Args:
        title: the provider and model.
        most: requests that may ever be under way at a time.
    """

    title: str
    most: int
    limit: int = 0
    active: int = 0
    good: int = 0
    failures: int = 0
    trips: int = 0
    not_before: float = 0.0
    closed_until: float = 0.0
    shut: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        self.limit = self.most

    def replied(self) -> None:
        """A reply came."""
        self.failures, self.trips, self.good = 0, 0, self.good + 1
        if self.good >= self.limit:
            self.limit, self.good = min(self.most, self.limit + 1), 0

    def slowed(self, error: Busy, now: float) -> None:
        """The provider wants fewer requests."""
        self.limit, self.good = max(1, self.limit // 2), 0
        self.not_before = max(self.not_before, now + (error.retry_after or 0.0))

    def failed(self, error: ProviderError, structured: bool, now: float) -> None:
        """A request got no reply, after all tries.

        A refusal of structured output says nothing about replies in words, and a replay that has no reply on record
        may have the next one.
        """
        if isinstance(error, NotAuthorised):
            self.shut = str(error)
        if isinstance(error, NotRecorded) or (structured and isinstance(error, NotUnderstood)):
            return
        self.failures += 1
        if self.failures >= FAILURES:
            self.closed_until = now + PAUSE * 2**self.trips
            self.failures, self.trips, self.limit = FAILURES - 1, self.trips + 1, 1
            self.reason = str(error).removeprefix(f"{self.title} ")

    def refusal(self, now: float) -> str:
        """Why nothing is asked now; empty when something may be."""
        if self.shut:
            return self.shut
        if now < self.closed_until:
            return f"{self.title} isn't asked for a while: {FAILURES} requests in a row failed, and it {self.reason}"
        return ""
