"""A run's way to language models: connected, checked, guarded, and closed when the run ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, wait

from modelwright.clock import Clock
from modelwright.discretion import Discretion, clean
from modelwright.errors import RequestError, UserError
from modelwright.journal import Journal
from modelwright.llms import Ask, NotAuthorised, NotUnderstood, Provider, ProviderError, Reply, Spent
from modelwright.llms.connect import connect
from modelwright.llms.gateway import Gateway
from modelwright.mind import Door, Mind, Recorded
from modelwright.profile import Profile
from modelwright.request import Request
from modelwright.table import Schema

CHECK_SECONDS = 3.0
"""How long a run waits for the check of a provider, or a twentieth of the budget: refusals come at once, and whoever
needs longer to reply goes on while the data is read."""

LIKELY_ITERATIONS = 3


class Counsel:
    """The mind of a run, and the gateway behind it.

    Args:
        request: names the provider, other providers for single agents, and what may be spent.
        journal: the run's log; replies are kept in its store.
        clock: the deadline.
        recorded: of a run that is resumed.
        spent: US dollars that were spent on replies before, when the run is resumed.
        provider: to use instead of connecting to the one that the request names.

    Raises:
        RequestError: when the provider doesn't exist, or refuses the key or the model.
        MissingExtra: when its library isn't installed.
    """

    def __init__(
        self,
        request: Request,
        journal: Journal,
        clock: Clock,
        recorded: Recorded | None = None,
        spent: float = 0.0,
        provider: Provider | None = None,
    ) -> None:
        self._request = request
        self._discretion: Discretion | None = None
        self._gateway: Gateway | None = None
        door: Door | None = None
        if request.llm != "none" or provider is not None:
            # Who is only asked to compare is seen to be there first, as in a new run.
            resumed = recorded is not None and not recorded.again
            door = self._door(journal, clock, resumed, spent, provider)
        self.mind = Mind(door, journal.append, recorded, request.web_search)

    def meet(self, schema: Schema, profile: Profile) -> Discretion:
        """Decide what may be shown, now that the table is known; from here on all messages are guarded by it."""
        private, statement = self._request.private_names, self._request.statement
        self._discretion = Discretion(schema, profile, private_names=private, statement=statement)
        return self._discretion

    def close(self) -> None:
        """End whatever is still waiting for a reply."""
        self.mind.close()
        if self._gateway is not None:
            self._gateway.close()

    def _door(self, journal: Journal, clock: Clock, resumed: bool, spent: float, provider: Provider | None) -> Door:
        try:
            providers = self._providers(provider)
        except UserError as error:
            if not resumed:
                raise
            # What was decided stands in the record; what wasn't is decided by the policies.
            journal.append("llm_unreachable", {"reason": str(error)})
            return _Shut(str(error))
        self._gateway = gateway = Gateway(
            providers,
            journal,
            tell=journal.append,
            max_cost=self._request.max_cost,
            spent=spent,
            outgoing=self._outgoing,
            inward=self._inward,
            patience=self._request.llm_timeout,
        )
        if resumed:
            return gateway
        forecast = gateway.forecast(LIKELY_ITERATIONS)
        journal.append("llm_forecast", {"forecast": forecast, "max_cost": self._request.max_cost})
        self._check(gateway, journal, clock)
        return gateway

    def _check(self, gateway: Gateway, journal: Journal, clock: Clock) -> None:
        """See whether the providers reply at all; slow ones get to reply while the data is read.

        Raises:
            RequestError: when one of them refuses the key or doesn't know the model.
        """
        ended: Future[None] = Future()

        def check() -> None:
            try:
                gateway.check(time.monotonic() + self._request.llm_timeout)
                ended.set_result(None)
            except ProviderError as error:
                ended.set_exception(error)

        # A daemon: a provider that hangs must not keep the process from ending.
        threading.Thread(target=check, name="llm-check", daemon=True).start()
        wait([ended], min(CHECK_SECONDS, 0.05 * clock.budget))
        error = ended.exception() if ended.done() else None
        if isinstance(error, NotAuthorised | NotUnderstood):
            gateway.close()
            raise RequestError(f"{error}; put that right, or leave the language model out with --llm none")
        if error is not None:
            # A provider that is down now may be back in a minute; the run doesn't wait for it.
            journal.append("llm_unreachable", {"reason": str(error)})

    def _providers(self, provider: Provider | None) -> Mapping[str, Provider]:
        from modelwright.action import did_you_mean
        from modelwright.agents import all_agents

        roles = self._request.llm_roles
        for role in roles:
            if role not in all_agents():
                known = ", ".join(all_agents())
                raise RequestError(
                    f"there is no agent {role!r}{did_you_mean(role, list(all_agents()))}; there are {known}"
                )
        made = {"": provider or connect(self._request.llm)}
        return made | {role: connect(name) for role, name in roles.items()}

    def _outgoing(self, text: str) -> str:
        return self._discretion.outgoing(text) if self._discretion is not None else clean(text)

    def _inward(self, text: str) -> str:
        return self._discretion.inward(text) if self._discretion is not None else text


class _Shut:
    """A way that is closed from the start."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def ask(self, ask: Ask, until: float) -> Reply:
        raise Spent(self._reason)
