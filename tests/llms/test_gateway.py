from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modelwright.llms import (
    Ask,
    Busy,
    Lost,
    Message,
    NotAuthorised,
    NotUnderstood,
    Provider,
    ProviderError,
    Reply,
    Spent,
)
from modelwright.llms._line import FAILURES
from modelwright.llms._record import totals
from modelwright.llms.doubles import RandomlyValid, Replaying, Scripted
from modelwright.llms.gateway import LOST_TRIES, TRIES, Gateway
from modelwright.stores.memory import Memory


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 1_000.0, list[float]()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Waiting(Provider):
    """Replies when it is told to."""

    name = ""

    def __init__(self, model: str = "waiting:model") -> None:
        self._title, self.go, self.calls, self.most, self._active = model, threading.Event(), 0, 0, 0
        self._lock = threading.Lock()

    @property
    def title(self) -> str:
        return self._title

    def complete(self, ask: Ask, seconds: float) -> Reply:
        with self._lock:
            self.calls, self._active = self.calls + 1, self._active + 1
            self.most = max(self.most, self._active)
        self.go.wait(30)
        with self._lock:
            self._active -= 1
        return Reply("late", self._title)


@pytest.fixture
def store() -> Iterator[Memory]:
    store = Memory()
    yield store
    store.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


Make = Callable[..., Gateway]


@pytest.fixture
def events() -> list[tuple[str, dict[str, Any]]]:
    return []


@pytest.fixture
def make(store: Memory, clock: Clock, events: list[tuple[str, dict[str, Any]]]) -> Iterator[Make]:
    made = []

    def gateway(provider: Provider, **more: Any) -> Gateway:
        given = {"clock": clock, "sleep": clock.sleep, "store": store, **more}
        made.append(Gateway({"": provider}, tell=lambda kind, body: events.append((kind, dict(body))), **given))
        return made[-1]

    yield gateway
    for each in made:
        each.close()


def ask(text: str = "Hello.", schema: dict[str, Any] | None = None, **more: Any) -> Ask:
    return Ask(more.pop("purpose", "tester"), (Message("user", text),), schema, **more)


def test_a_reply_is_paid_for_once(make: Make, clock: Clock, store: Memory) -> None:
    provider = Scripted(["Hi.", "Another."], prices=(1.0, 1.0))
    first = make(provider).ask(ask(), clock.now + 60)
    again = make(provider).ask(ask(purpose="somebody else"), clock.now + 60)
    assert (first.text, first.reused, again.text, again.reused) == ("Hi.", False, "Hi.", True)
    assert len(provider.asks) == 1
    assert make(provider).ask(ask("Other words."), clock.now + 60).text == "Another."


def test_a_reply_counts_as_paid_for_before_anybody_has_it(make: Make, clock: Clock, store: Memory) -> None:
    """A process that is killed between a reply and its use finds the reply when it is resumed."""
    provider, kept = Scripted(["Hi."]), []

    class Dying(Exception):
        pass

    def tell(kind: str, body: Any) -> None:
        kept.append(store.lookup(next(iter(store._ledger._steps))))
        raise Dying

    dying = Gateway({"": provider}, store, tell=tell, clock=clock, sleep=clock.sleep)
    with pytest.raises(Dying):
        dying.ask(ask(), clock.now + 60)
    assert kept[0] is not None
    assert make(provider).ask(ask(), clock.now + 60).reused
    assert len(provider.asks) == 1


def test_a_damaged_record_is_asked_for_again(make: Make, clock: Clock, store: Memory) -> None:
    provider = Scripted(["Hi.", "Hi again."])
    gateway = make(provider)
    gateway.ask(ask(), clock.now + 60)
    (outcome,) = [store.lookup(key) for key in store._ledger._steps]
    assert outcome is not None
    path = store.path(outcome.artefacts["reply"])
    path.write_bytes(path.read_bytes().replace(b"Hi.", b"Ho."))
    assert gateway.ask(ask(), clock.now + 60).text == "Hi again."


def test_what_leaves_and_what_comes_in_is_guarded(make: Make, clock: Clock, store: Memory) -> None:
    provider = Scripted(["private_1 matters"])
    gateway = make(
        provider,
        outgoing=lambda text: text.replace("salary", "private_1"),
        inward=lambda text: text.replace("private_1", "salary"),
    )
    assert gateway.ask(ask("What about salary\ud800?"), clock.now + 60).text == "salary matters"
    assert provider.asks[0].messages[0].text == "What about private_1??"
    kept = b"".join(
        store.get(d) for key in store._ledger._steps for d in (store.lookup(key) or pytest.fail()).artefacts.values()
    )
    assert b"salary" not in kept
    assert b"private_1 matters" in kept


def test_failures_that_may_pass_are_tried_again_with_longer_pauses(make: Make, clock: Clock) -> None:
    provider = Scripted([ProviderError("down"), ProviderError("down"), ProviderError("down"), "Hi."])
    assert make(provider).ask(ask(), clock.now + 600).text == "Hi."
    assert [0.5 <= s / 2**n <= 1.0 for n, s in enumerate(clock.slept)] == [True] * 3
    again = Clock()
    other = Gateway(
        {"": Scripted([ProviderError("down")] * 3 + ["Hi."])},
        Memory(),
        tell=lambda *_: None,
        clock=again,
        sleep=again.sleep,
    )
    other.ask(ask(), again.now + 600)
    assert again.slept == clock.slept, "the same run waits equally long"


def test_retry_after_is_honoured(make: Make, clock: Clock) -> None:
    assert make(Scripted([Busy("slow", 17.0), "Hi."])).ask(ask(), clock.now + 60).text == "Hi."
    assert clock.slept == [17.0]


def test_nobody_waits_beyond_the_deadline(make: Make, clock: Clock, events: list[Any]) -> None:
    provider = Scripted([Busy("slow", 90.0)])
    gateway = make(provider)
    with pytest.raises(Busy):
        gateway.ask(ask(), clock.now + 60)
    with pytest.raises(Spent, match="wants no requests"):
        gateway.ask(ask("Another."), clock.now + 60)
    assert (clock.slept, len(provider.asks)) == ([], 1)
    assert [body["status"] for _, body in events] == ["failed", "refused"]


@pytest.mark.parametrize("nonsense", [float("nan"), -5.0, float("inf")])
def test_a_nonsensical_retry_after_is_none(nonsense: float) -> None:
    assert Busy("slow", nonsense).retry_after is None


def test_tries_end(make: Make, clock: Clock) -> None:
    provider = Scripted(lambda _: ProviderError("down"))
    with pytest.raises(ProviderError, match="down"):
        make(provider).ask(ask(), clock.now + 10_000)
    assert len(provider.asks) == TRIES
    lost = Scripted(lambda _: Lost("gone"), title="lost:model")
    with pytest.raises(Lost):
        make(lost).ask(ask(), clock.now + 10_000)
    assert len(lost.asks) == LOST_TRIES


@pytest.mark.parametrize("error", [NotUnderstood("too long"), NotAuthorised("no key")])
def test_what_will_not_pass_is_not_tried_again(make: Make, clock: Clock, error: ProviderError) -> None:
    provider = Scripted(lambda _: error)
    with pytest.raises(type(error)):
        make(provider).ask(ask(), clock.now + 60)
    assert (len(provider.asks), clock.slept) == (1, [])


def test_a_wrong_key_ends_all_asking(make: Make, clock: Clock) -> None:
    provider = Scripted([NotAuthorised("the key is wrong"), "Hi."])
    gateway = make(provider)
    for expected in (NotAuthorised, Spent):
        with pytest.raises(expected, match="the key is wrong"):
            gateway.ask(ask(str(expected)), clock.now + 60)
    assert len(provider.asks) == 1


def test_a_provider_that_is_down_is_left_alone_for_a_while(make: Make, clock: Clock) -> None:
    down = [True]
    provider = Scripted(lambda _: Lost("gone") if down else "Hi.")
    gateway = make(provider)
    for n in range(FAILURES):
        with pytest.raises(Lost):
            gateway.ask(ask(f"{n}"), clock.now + 60)
    asked = len(provider.asks)
    with pytest.raises(Spent, match="isn't asked for a while"):
        gateway.ask(ask("next"), clock.now + 60)
    assert len(provider.asks) == asked
    clock.now += 61
    with pytest.raises(Lost):
        gateway.ask(ask("once more"), clock.now + 60)
    clock.now += 61
    with pytest.raises(Spent):
        gateway.ask(ask("too early, since the pause has doubled"), clock.now + 60)
    clock.now += 60
    down.clear()
    assert gateway.ask(ask("again"), clock.now + 60).text == "Hi."
    assert gateway.ask(ask("and again"), clock.now + 60).text == "Hi."


def test_a_provider_without_structured_output_is_not_down(make: Make, clock: Clock) -> None:
    provider = Scripted(lambda a: NotUnderstood("no functions") if a.schema else "Hi.")
    gateway = make(provider)
    for n in range(FAILURES + 1):
        with pytest.raises(NotUnderstood):
            gateway.ask(ask(f"{n}", {"type": "object"}), clock.now + 60)
    assert gateway.ask(ask(), clock.now + 60).text == "Hi."


def test_the_cap_on_costs_is_never_passed(make: Make, clock: Clock) -> None:
    # A dollar for a thousand tokens of the reply: each request may cost a dollar, and costs 0.002.
    provider = Scripted(lambda _: "abcdef", prices=(0.0, 1_000.0))
    gateway = make(provider, max_cost=1.003)
    gateway.ask(ask("1", max_tokens=1_000), clock.now + 60)
    gateway.ask(ask("2", max_tokens=1_000), clock.now + 60)
    with pytest.raises(Spent, match=r"cost limit of \$1\.003"):
        gateway.ask(ask("3", max_tokens=1_000), clock.now + 60)
    assert gateway.ask(ask("4", max_tokens=500), clock.now + 60).text == "abcdef"
    assert gateway.cost_usd == pytest.approx(0.006)
    assert gateway.ask(ask("1", max_tokens=1_000), clock.now + 60).reused, "what is on record costs nothing"


def test_what_was_spent_before_and_what_was_lost_counts(make: Make, clock: Clock) -> None:
    provider = Scripted([Lost("gone"), "abcdef"], prices=(0.0, 1_000.0))
    with pytest.raises(Lost):
        make(provider, max_cost=1.5).ask(ask(max_tokens=1_000), clock.now + 60)
    assert len(provider.asks) == 1, "a second try could have led beyond the limit"
    with pytest.raises(Spent):
        make(provider, max_cost=2.0, spent=1.5).ask(ask(max_tokens=1_000), clock.now + 60)


def test_concurrent_requests_share_the_cap(make: Make, store: Memory) -> None:
    provider = Scripted(lambda _: "abcdef", prices=(0.0, 1_000.0))
    gateway = make(provider, max_cost=1.5, clock=time.monotonic, sleep=None)
    replies = _at_once(
        [lambda n=n: gateway.ask(ask(f"{n}", max_tokens=1_000), time.monotonic() + 20) for n in range(6)]
    )
    assert [r.text for r in replies] == ["abcdef"] * 6
    assert gateway.cost_usd == pytest.approx(0.012)


def test_unknown_prices_are_said_once(make: Make, clock: Clock, events: list[Any]) -> None:
    gateway = make(Scripted(lambda _: "Hi.", prices=None), max_cost=0.01)
    gateway.ask(ask("1"), clock.now + 60)
    gateway.ask(ask("2"), clock.now + 60)
    assert [kind for kind, _ in events].count("llm_price_unknown") == 1
    assert gateway.forecast(3).cost_usd is None


def test_the_same_request_at_the_same_time_is_sent_once(make: Make) -> None:
    provider = Waiting()
    gateway = make(provider, clock=time.monotonic, sleep=None)

    def wait() -> Reply:
        return gateway.ask(ask(), time.monotonic() + 20)

    replies = _at_once([wait] * 4, meanwhile=provider.go.set)
    assert provider.calls == 1
    assert sorted(r.reused for r in replies) == [False, True, True, True]


def test_only_so_many_requests_are_under_way(make: Make) -> None:
    provider = Waiting()
    gateway = make(provider, clock=time.monotonic, sleep=None, concurrency=2)
    calls = [lambda n=n: gateway.ask(ask(f"{n}"), time.monotonic() + 20) for n in range(5)]

    def free() -> None:
        while provider.calls < 2:
            threading.Event().wait(0.005)
        provider.go.set()

    assert len(_at_once(calls, meanwhile=free)) == 5
    assert provider.most == 2


def test_closing_ends_all_waiting(make: Make) -> None:
    """Whether for a reply that never comes, for a place, or for a pause to be over."""
    hanging = make(Waiting(), clock=time.monotonic, sleep=None, concurrency=1)
    pausing = make(Scripted([Busy("slow", 1_000.0)]), clock=time.monotonic, sleep=None)
    faults: list[ProviderError] = []

    def wait(gateway: Gateway, text: str) -> None:
        try:
            gateway.ask(ask(text), time.monotonic() + 5_000)
        except ProviderError as error:
            faults.append(error)

    threads = [threading.Thread(target=wait, args=given) for given in ((hanging, "a"), (hanging, "b"), (pausing, "c"))]
    for thread in threads:
        thread.start()
    hanging.close()
    pausing.close()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert {type(f) for f in faults} <= {Spent, Busy}
    assert len(faults) == 3
    with pytest.raises(Spent, match="over"):
        hanging.ask(ask(), time.monotonic() + 10)


def test_who_waits_no_longer_does_not_hang_on_the_provider(make: Make) -> None:
    gateway = make(Waiting(), clock=time.monotonic, sleep=None)
    with pytest.raises(Spent, match="in the time"):
        gateway.ask(ask(), time.monotonic() + 1.05)


def test_a_provider_that_breaks_its_contract_is_an_error_like_others(make: Make, clock: Clock) -> None:
    class Broken(Scripted):
        def complete(self, ask: Ask, seconds: float) -> Reply:
            if ask.messages[0].text == "odd":
                return "no reply"  # type: ignore[return-value]
            raise ZeroDivisionError("with a secret in it")

    gateway = make(Broken([]))
    with pytest.raises(NotUnderstood, match=r"ZeroDivisionError\)$"):
        gateway.ask(ask(), clock.now + 60)
    with pytest.raises(NotUnderstood, match="no reply"):
        gateway.ask(ask("odd"), clock.now + 60)


def test_the_check_asks_everybody_and_is_never_answered_from_the_record(store: Memory, clock: Clock) -> None:
    here, there = Scripted(lambda _: "OK"), Scripted(lambda _: "OK", title="other:model")
    gateway = Gateway({"": here, "designer": there, "analyst": here}, store, tell=lambda *_: None, clock=clock)
    gateway.check(clock.now + 20)
    gateway.check(clock.now + 20)
    assert (len(here.asks), len(there.asks)) == (2, 2)
    assert gateway.ask(ask(purpose="designer"), clock.now + 20).model == "other:model"


def test_the_check_fails_with_the_reason(make: Make, clock: Clock) -> None:
    with pytest.raises(NotAuthorised, match="wrong key"):
        make(Scripted([NotAuthorised("wrong key")])).check(clock.now + 20)
    thinker = Scripted(lambda a: NotUnderstood("too few tokens") if a.max_tokens < 100 else "OK")
    make(thinker).check(clock.now + 20)


def test_events_and_totals_agree(make: Make, clock: Clock, events: list[Any]) -> None:
    gateway = make(Scripted(["Hi.", NotUnderstood("no"), "Ho."], prices=(0.0, 1.0)))
    gateway.ask(ask(), clock.now + 60)
    gateway.ask(ask(), clock.now + 60)
    with pytest.raises(NotUnderstood):
        gateway.ask(ask("bad"), clock.now + 60)
    gateway.ask(ask("good", purpose="other"), clock.now + 60)
    assert totals(body for kind, body in events if kind == "llm_call") == gateway.totals
    tester = gateway.totals["tester"]
    assert (tester.calls, tester.reused, tester.failed, gateway.totals["other"].calls) == (1, 1, 1, 1)
    assert [body["status"] for _, body in events] == ["done", "reused", "failed", "done"]
    assert events[0][1]["reply"] == events[1][1]["reply"] != ""


def test_a_forecast_follows_the_prices(make: Make) -> None:
    cheap, dear = make(Scripted([], prices=(1.0, 1.0))), make(Scripted([], prices=(10.0, 10.0)))
    one, three = cheap.forecast(1), cheap.forecast(3)
    assert one.calls < three.calls
    assert three.input_tokens + three.output_tokens < 60_000
    assert dear.forecast(3).cost_usd == pytest.approx(10 * (three.cost_usd or 0))


def test_a_replay_gives_the_same_replies_and_sends_nothing(make: Make, clock: Clock, store: Memory) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    original = make(RandomlyValid(3))
    said = [original.ask(ask(f"{n}", schema), clock.now + 60).text for n in range(5)]
    other = Memory()
    replay = make(Replaying(store, "random:3"), store=other)
    assert [replay.ask(ask(f"{n}", schema), clock.now + 60).text for n in range(5)] == said
    for n in range(FAILURES + 1):
        with pytest.raises(NotUnderstood, match="no reply"):
            replay.ask(ask(f"never asked {n}"), clock.now + 60)
    assert replay.ask(ask("0", schema), clock.now + 60).text == said[0]
    other.close()


def _at_once(calls: list[Callable[[], Reply]], meanwhile: Callable[[], None] = lambda: None) -> list[Reply]:
    replies: list[Reply] = []
    threads = [threading.Thread(target=lambda call=call: replies.append(call())) for call in calls]
    for thread in threads:
        thread.start()
    meanwhile()
    for thread in threads:
        thread.join(20)
    return replies
