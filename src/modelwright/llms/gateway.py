"""The one door to language models: time-outs, retries, limits, costs, and the record of what was asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from modelwright.hashing import digest_bytes
from modelwright.llms import Ask, Busy, Lost, Message, NotUnderstood, Provider, ProviderError, Reply, Spent
from modelwright.llms._forecast import Forecast, forecast
from modelwright.llms._line import Line
from modelwright.llms._record import Keeper, Total, keep_reply, keep_request, key_of, recall, totals

TRIES = 5
"""Of one request, the first one included."""

LOST_TRIES = 2
"""Of a request whose reply was lost: each may have been billed, and each may take all of the patience."""

LEAST = 1.0
"""Seconds below which nothing is asked any more."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between tries: the first pause, doubled with each try up to the longest."""


@dataclass
class _Flight:
    """One request under way, and everybody who waits for it."""

    provider: Provider
    line: Line
    ask: Ask
    key: str
    until: float
    done: bool = False
    reply: Reply | None = None
    error: BaseException | None = None
    tries: int = 0
    began: float = field(default=0.0)


class Gateway:
    """Asks providers on behalf of agents. All methods may be called from several threads.

    A request that was answered before is answered from the store. Otherwise it is sent, again after failures that
    may pass, until there is a reply or no time; request and reply are stored before the reply is handed out. The same
    request, asked for twice at the same time, is sent once.

    After an authentication error a provider isn't asked any more; after three requests in a row that got no reply it
    is left alone for a minute, then for two, and so on.

    Args:
        providers: by agent; the provider under the empty name serves all others.
        store: keeps requests and replies.
        tell: appends an event to the run's log: ``llm_call`` for each request, ``llm_price_unknown`` once a provider.
        max_cost: US dollars that all requests together may cost; a request that could lead beyond it isn't sent.
            Replies whose price isn't known count as free. ``None`` for no cap.
        spent: US dollars that the run had spent before it was resumed; they count against the cap.
        outgoing: the last guard, applied to every message text that leaves.
        inward: applied to the text of every reply.
        patience: seconds for one request; 120, since models that think first may take a minute.
        concurrency: requests to one provider that may be under way at a time; 4 is within the limits of the smallest
            paid plans.
        clock: ``time.monotonic``, for tests.
        sleep: waits for so many seconds; by default until :meth:`close` at the latest.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        store: Keeper,
        *,
        tell: Callable[[str, Mapping[str, Any]], Any],
        max_cost: float | None = None,
        spent: float = 0.0,
        outgoing: Callable[[str], str] = lambda text: text,
        inward: Callable[[str], str] = lambda text: text,
        patience: float = 120.0,
        concurrency: int = 4,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Any] | None = None,
    ) -> None:
        if "" not in providers:
            raise ValueError("there is no provider under the empty name, for agents that aren't named")
        self._providers = dict(providers)
        self._store, self._tell, self._max_cost = store, tell, max_cost
        self._outgoing, self._inward, self._patience = outgoing, inward, patience
        self._closing = threading.Event()
        self._clock, self._sleep = clock, sleep or self._closing.wait
        self._lines = {p.title: Line(p.title, concurrency) for p in self._providers.values()}
        self._changed = threading.Condition()
        self._flights: dict[str, _Flight] = {}
        self._spent, self._reserved = spent, 0.0
        self._unpriced: set[str] = set()
        self._told: list[Mapping[str, Any]] = []

    @property
    def totals(self) -> dict[str, Total]:
        """What was asked in this process, by purpose."""
        with self._changed:
            return totals(self._told)

    @property
    def cost_usd(self) -> float:
        """US dollars counted against the cap: known prices, and the most that lost replies may have cost."""
        with self._changed:
            return self._spent

    def title(self, purpose: str = "") -> str:
        """The provider and model that serve a purpose."""
        return self._provider(purpose).title

    def ask(self, ask: Ask, until: float) -> Reply:
        """The reply to a request.

        Args:
            ask: the request.
            until: when nobody waits for it any more, by the clock (``time.monotonic()``).

        Raises:
            Spent: when nobody may be asked: no money, no time, the gateway or the provider is shut.
            ProviderError: when there is no reply.
        """
        messages = tuple(Message(m.role, _sound(self._outgoing(m.text))) for m in ask.messages)
        ask = replace(ask, messages=messages)
        provider = self._provider(ask.purpose)
        key = key_of(provider.title, ask)
        with self._changed:
            self._refuse_when_closed()
            flight = self._flights.get(key)
            joined = flight is not None
            if flight is None:
                flight = _Flight(provider, self._lines[provider.title], ask, key, until, began=self._clock())
                self._flights[key] = flight
                # A daemon: a provider that hangs must not keep the process from ending.
                threading.Thread(target=self._fly, args=(flight,), name="llm", daemon=True).start()
            flight.until = max(flight.until, until)
            reply = self._landed(flight, until)
        return replace(reply, text=self._inward(reply.text), reused=reply.reused or joined)

    def check(self, until: float) -> None:
        """Ask every provider for next to nothing, before any work starts.

        Raises:
            NotAuthorised: when a key is missing, wrong or without credit.
            ProviderError: when a provider can't be reached or doesn't know the model.
        """
        for provider in {p.title: p for p in self._providers.values()}.values():
            words = (Message("user", "Reply with: OK"),)
            try:
                self._checked(provider, Ask("check", words, max_tokens=16), until)
            except NotUnderstood:
                # Models that think before they reply may refuse to do it in so few tokens.
                self._checked(provider, Ask("check", words, max_tokens=2_000), until)

    def forecast(self, iterations: int) -> Forecast:
        """What a run will probably take, for saying so before it starts.

        Args:
            iterations: of the loop.
        """
        return forecast(self._providers, iterations)

    def close(self) -> None:
        """End all waiting at once: whoever waits for a reply gets :class:`Spent`. Providers are closed, too."""
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
        for provider in {id(p): p for p in self._providers.values()}.values():
            provider.close()

    # What follows runs in the flight's own thread.

    def _fly(self, flight: _Flight) -> None:
        try:
            flight.reply = self._reply(flight)
        except BaseException as error:  # whatever it is belongs to those who wait for the reply
            flight.error = error
        with self._changed:
            flight.done = True
            self._flights.pop(flight.key, None)
            self._changed.notify_all()

    def _reply(self, flight: _Flight) -> Reply:
        kept = recall(self._store, flight.key)
        if kept is not None:
            self._told_of(flight, "reused", kept[0], kept[1])
            return replace(kept[0], reused=True)
        digests = {"request": keep_request(self._store, flight.ask)}
        try:
            reply = self._persist(flight)
        except ProviderError as error:
            status = "refused" if isinstance(error, Spent) else "failed"
            self._told_of(flight, status, None, digests, str(error))
            raise
        digests["reply"] = keep_reply(self._store, flight.key, digests["request"], reply)
        self._told_of(flight, "done", reply, digests)
        return reply

    def _persist(self, flight: _Flight) -> Reply:
        """Try until there is a reply, or none can be expected in time."""
        lost = 0
        last: ProviderError | None = None
        while True:
            try:
                most = self._enter(flight)
            except Spent as error:
                raise last or error from None
            flight.tries += 1
            try:
                reply = self._once(flight)
            except ProviderError as error:
                last, lost = error, lost + isinstance(error, Lost)
                pause = self._pause(flight, error)
                again = error.retryable and flight.tries < TRIES and lost < LOST_TRIES
                again = again and self._clock() + pause + LEAST < flight.until and not self._closing.is_set()
                self._leave(flight, most, error, again)
                if not again:
                    raise
                self._sleep(pause)
            else:
                self._leave(flight, most, reply, False)
                return reply

    def _once(self, flight: _Flight) -> Reply:
        began = self._clock()
        try:
            reply: Any = flight.provider.complete(flight.ask, min(self._patience, flight.until - began))
        except ProviderError:
            raise
        except Exception as error:  # a provider of another package is no reason for a run to end
            raise NotUnderstood(
                f"{flight.line.title} failed in a way it should not ({type(error).__name__})"
            ) from error
        if not isinstance(reply, Reply):
            raise NotUnderstood(f"{flight.line.title} gave something that is no reply")
        return replace(reply, seconds=round(self._clock() - began, 3), reused=False)

    def _enter(self, flight: _Flight) -> float:
        """Wait for a place on the line and for money; what the request may cost at most is set aside.

        Raises:
            Spent: when there will be none in time.
        """
        line, most = flight.line, flight.provider.most_cost(flight.ask) or 0.0
        while True:
            with self._changed:
                self._refuse_when_closed()
                now = self._clock()
                if refusal := line.refusal(now):
                    raise Spent(refusal)
                if self._max_cost is not None and self._spent + most > self._max_cost:
                    raise Spent(f"the next request could lead beyond the cost limit of ${self._max_cost:g}")
                if flight.until - now < LEAST:
                    raise Spent("there is no time left to ask a language model")
                if line.not_before + LEAST >= flight.until:
                    raise Spent(f"{line.title} wants no requests for longer than there is time")
                affordable = self._max_cost is None or self._spent + self._reserved + most <= self._max_cost
                if now >= line.not_before and line.active < line.limit and affordable:
                    line.active += 1
                    self._reserved += most
                    return most
                if now >= line.not_before:
                    self._changed.wait(max(0.0, flight.until - now))
                    continue
            self._sleep(line.not_before - now)

    def _leave(self, flight: _Flight, most: float, ended: Reply | ProviderError, again: bool) -> None:
        with self._changed:
            now, line = self._clock(), flight.line
            line.active -= 1
            self._reserved = max(0.0, self._reserved - most)
            if isinstance(ended, Reply):
                line.replied()
                self._spent += ended.cost_usd or 0.0
            else:
                if isinstance(ended, Busy):
                    line.slowed(ended, now)
                if isinstance(ended, Lost):
                    self._spent += most
                # A reply that nobody could wait for says nothing about whoever was asked.
                short = flight.until - flight.began < self._patience
                hurried = isinstance(ended, Lost) and short and now >= flight.until - LEAST
                if not again and not hurried:
                    line.failed(ended, flight.ask.schema is not None, now)
            self._changed.notify_all()

    def _pause(self, flight: _Flight, error: ProviderError) -> float:
        """Seconds before the next try: doubled each time, scattered by up to a half, never below what was asked for.

        The scatter comes from the request, so that a run that is repeated waits as long as before.
        """
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (flight.tries - 1))
        scatter = int(digest_bytes(f"{flight.key}:{flight.tries}".encode())[:8], 16) / 0xFFFFFFFF
        pause: float = max(error.retry_after or 0.0, longest * (0.5 + 0.5 * scatter))
        return pause

    # What follows runs in anybody's thread.

    def _landed(self, flight: _Flight, until: float) -> Reply:
        while not flight.done:
            self._refuse_when_closed()
            left = until - self._clock()
            if left <= 0:
                raise Spent(f"{flight.line.title} didn't reply in the time that there was")
            self._changed.wait(left)
        if flight.error is not None:
            raise flight.error
        assert flight.reply is not None
        return flight.reply

    def _checked(self, provider: Provider, ask: Ask, until: float) -> None:
        """Not answered from the record: what counts is whether the provider replies now."""
        flight = _Flight(provider, self._lines[provider.title], ask, "check", until, began=self._clock())
        thread = threading.Thread(target=self._try_out, args=(flight,), name="llm", daemon=True)
        with self._changed:
            self._refuse_when_closed()
            thread.start()
            self._landed(flight, until)

    def _try_out(self, flight: _Flight) -> None:
        try:
            flight.reply = self._persist(flight)
            self._told_of(flight, "done", flight.reply, {})
        except BaseException as error:  # belongs to whoever waits for it
            flight.error = error
        with self._changed:
            flight.done = True
            self._changed.notify_all()

    def _provider(self, purpose: str) -> Provider:
        return self._providers.get(purpose) or self._providers[""]

    def _refuse_when_closed(self) -> None:
        if self._closing.is_set():
            raise Spent("the run is over: nothing is asked any more")

    def _told_of(
        self, flight: _Flight, status: str, reply: Reply | None, digests: Mapping[str, str], reason: str = ""
    ) -> None:
        body = {
            "purpose": flight.ask.purpose,
            "model": reply.model if reply else flight.line.title,
            "status": status,
            "tries": flight.tries,
            "input_tokens": reply.input_tokens if reply else 0,
            "output_tokens": reply.output_tokens if reply else 0,
            "cost_usd": reply.cost_usd if reply else None,
            "seconds": round(self._clock() - flight.began, 3),
            "finish": reply.finish if reply else "",
            "structured": bool(reply and reply.structured),
            "request": digests.get("request", ""),
            "reply": digests.get("reply", ""),
            "reason": reason,
        }
        if self._closing.is_set():
            return  # the log may be closed by now; a reply that was stored will be found without it
        if status == "done" and reply is not None and reply.cost_usd is None:
            with self._changed:
                first = flight.line.title not in self._unpriced
                self._unpriced.add(flight.line.title)
            if first:
                self._tell("llm_price_unknown", {"model": flight.line.title})
        self._tell("llm_call", body)
        with self._changed:
            self._told.append(body)


def _sound(text: str) -> str:
    """Without lone surrogates, which no request can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")
