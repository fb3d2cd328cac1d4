"""What went wrong at a provider, in our words: nothing of its own text passes but a status code."""

from __future__ import annotations

from modelwright.llms import Busy, Lost, NotAuthorised, NotUnderstood, ProviderError, Reply
from modelwright.llms._http import Unwanted


def fault(error: Exception, title: str) -> ProviderError | Reply:
    """What an exception of pydantic-ai or of the libraries below it means.

    Args:
        error: whatever was raised.
        title: the provider and model.

    Returns:
        The error to raise; or a reply without text, when the provider refused to answer.
    """
    from pydantic_ai import exceptions as ai

    unwanted = _unwanted(error)
    if unwanted == "redirect":
        return NotUnderstood(f"{title} answered with a redirect, which isn't followed; check the address")
    if unwanted:
        return Lost(f"{title} gave a reply that isn't read, since it is {unwanted}")
    status = getattr(error, "status_code", None)
    code = f" ({status})" if isinstance(status, int) else ""
    wait = getattr(error, "retry_after", None)
    wait = float(wait) if isinstance(wait, int | float) else None
    match error:
        case ai.ContentFilterError():
            return Reply("", title, finish="refusal")
        case ai.ModelAuthenticationError():
            return NotAuthorised(f"{title} doesn't accept the key{code}; check that it is right and may use this model")
        case ai.ModelQuotaExceededError():
            return NotAuthorised(f"{title} says that the key has no credit left{code}")
        case ai.ModelNotFoundError():
            return NotUnderstood(f"{title} isn't there{code}; check the model's name and the address")
        case ai.ModelContextWindowExceededError():
            return NotUnderstood(f"the request is too long for {title}{code}")
        case ai.ModelRequestRejectedError() | ai.UserError():
            return NotUnderstood(f"{title} doesn't understand the request{code}")
        case ai.ModelRateLimitError():
            return Busy(f"{title} wants fewer requests{code}", wait)
        case ai.ModelTimeoutError() | ai.ModelRequestTimeout():
            if getattr(error, "phase", None) in ("connect", "pool"):
                return ProviderError(f"{title} can't be reached in time", wait)
            return Lost(f"{title} didn't reply in time", wait)
        case ai.ModelConnectionError():
            if error.phase in ("read", "write"):
                return Lost(f"the connection to {title} broke off", wait)
            return ProviderError(f"{title} can't be reached", wait)
    if isinstance(status, int) and status >= 500:
        return ProviderError(f"{title} is out of order{code}", wait)
    if isinstance(status, int) and 400 <= status < 500 and status not in (408, 409, 425):
        return NotUnderstood(f"{title} doesn't understand the request{code}")
    if isinstance(status, int):
        return ProviderError(f"{title} gave no reply{code}", wait)
    return Lost(f"{title} gave a reply that can't be read ({type(error).__name__})")


def _unwanted(error: BaseException | None) -> str:
    while error is not None:
        if isinstance(error, Unwanted):
            return error.what
        error = error.__cause__ or error.__context__
    return ""
