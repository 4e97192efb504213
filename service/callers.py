"""Who asks: the API key of a request to a caller."""

import hashlib
import hmac
from collections.abc import Set
from dataclasses import dataclass, field

from service.request_errors import Forbidden, Unauthenticated
from service.validation import Limits

_BEARER = "bearer "


@dataclass(frozen=True)
class Caller:
    """Who asks, and how much they may ask for."""

    name: str
    """Derived from the API key without telling it; live sessions belong to it."""
    limits: Limits
    api_key: str | None = field(repr=False)


class Callers:
    """Everybody who may use the service: all, where there are no keys."""

    def __init__(self, api_keys: Set[str], limits: Limits) -> None:
        self._keys = [key.encode() for key in api_keys]
        self._limits = limits

    def authenticated(self, api_key: str | None) -> Caller:
        """The caller with this API key.

        Raises:
            Unauthenticated: a key is needed.
            Forbidden: this key is not known.
        """
        if self._keys:
            self._check(api_key)
        return Caller(_name(api_key), self._limits, api_key)

    def _check(self, api_key: str | None) -> None:
        if not api_key:
            raise Unauthenticated(
                "give an API key as `authorization: Bearer KEY` or `x-api-key: KEY`"
            )
        given = api_key.encode()
        # All are compared, each in constant time: how long it takes tells nothing about any.
        if sum(hmac.compare_digest(given, key) for key in self._keys) == 0:
            raise Forbidden("this API key is not known here")


def presented_key(authorization: str | None, x_api_key: str | None) -> str | None:
    """The API key in the headers ``authorization: Bearer KEY`` or ``x-api-key: KEY``."""
    if authorization is not None and authorization.lower().startswith(_BEARER):
        return authorization[len(_BEARER) :].strip()
    return x_api_key


def _name(api_key: str | None) -> str:
    return "" if api_key is None else hashlib.sha256(api_key.encode()).hexdigest()[:32]
