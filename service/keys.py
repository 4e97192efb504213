"""Who may use the service: API keys with the names of those who hold them.

A key file is TOML. It has hashes, which open nothing. The keys themselves are long and random, so
that a plain hash is enough; ``python -m service.new_key`` makes them. One name may have several, so
that a new key can be handed out before the old one is withdrawn:

    [[keys]]
    name = "clinic"
    sha256 = "5e88…"

    [quotas.clinic]
    concurrent_requests = 8
"""

import hashlib
import hmac
import re
import tomllib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.addresses import network_of
from service.request_errors import Forbidden, Overloaded

KeyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""Who holds a key: told in metrics and logs, and the owner of live sessions."""

_Count = Annotated[int, Field(gt=0)]
_DERIVED_NAME_LENGTH = 32
_DERIVED_NAME = re.compile(rf"[0-9a-f]{{{_DERIVED_NAME_LENGTH}}}")
_SHOWN = 4
_GUESSES = 20
_SECONDS_A_GUESS = 3.0
_REMEMBERED = 10_000


class KeyFileError(Exception):
    """The key file cannot be used; the message says what is wrong in it, and where."""


class Quotas(BaseModel):
    """The most that one holder may use at a time; None for what the service allows anyone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    concurrent_requests: _Count | None = None
    requests_per_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    bytes_in_flight: _Count | None = None
    live_sessions: _Count | None = None
    live_people: _Count | None = None


@dataclass(frozen=True)
class Holder:
    """Whom a key was given to."""

    name: str
    quotas: Quotas = field(default_factory=Quotas)

    @property
    def label(self) -> str:
        """The name for people: not so much of one made from a key that the key could be tried."""
        is_derived = _DERIVED_NAME.fullmatch(self.name)
        return f"{self.name[:_SHOWN]}…" if is_derived else self.name


@dataclass(frozen=True)
class KeyRing:
    """The keys that open the service: their SHA-256 with those who hold them."""

    holders: Mapping[bytes, Holder] = field(default_factory=dict, repr=False)

    @classmethod
    def of_keys(cls, keys: Iterable[str]) -> "KeyRing":
        """Keys without names: each is its own holder, named by its hash."""
        return cls({_digest(key): Holder(name_of(key)) for key in keys})

    @classmethod
    def of_file(cls, path: Path) -> "KeyRing":
        """The keys of a key file.

        Raises:
            KeyFileError: it cannot be read, or names no key.
        """
        try:
            content = _KeyFile.model_validate(tomllib.loads(path.read_text()))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise KeyFileError(f"{path}: {error}") from None
        except ValidationError as error:
            # The input is not repeated: somebody may have written a key where its hash belongs.
            first = error.errors(include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise KeyFileError(f"{path}: {where}: {first['msg']}") from None
        return cls(_holders(path, content))

    def __or__(self, other: "KeyRing") -> "KeyRing":
        return KeyRing({**self.holders, **other.holders})

    @property
    def names(self) -> frozenset[str]:
        """Whom the keys were given to."""
        return frozenset(holder.name for holder in self.holders.values())

    def holder_of(self, key: str) -> Holder | None:
        """Whom this key was given to; None if it is not on the ring.

        All are compared, each in constant time: how long it takes tells nothing about any of them.
        """
        given, found = _digest(key), None
        for digest, holder in self.holders.items():
            if hmac.compare_digest(given, digest):
                found = holder
        return found


class Levels(Protocol):
    """How much was left to names, and when."""

    def get(self, name: str) -> tuple[float, float] | None:
        """What was left, and when; None where nothing is known."""

    def put(self, name: str, left: float, at_s: float) -> None:
        """Remember what is left."""


class OwnLevels:
    """``Levels`` that this process alone remembers, of names it saw lately."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, name: str) -> tuple[float, float] | None:
        """See ``Levels``."""
        return self._kept.get(name)

    def put(self, name: str, left: float, at_s: float) -> None:
        """See ``Levels``."""
        self._kept[name] = left, at_s
        self._kept.move_to_end(name)
        if len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)


class Keys:
    """The keys as they are now, and how fast they may be guessed at.

    An address has twenty guesses, then one every three seconds. Until the next one, only those are
    let in from there who were let in from there before, so that no other caller locks them out.
    """

    def __init__(
        self,
        ring: KeyRing,
        now_s: Callable[[], float] = monotonic,
        levels: Callable[[str], Levels] = lambda _: OwnLevels(),
    ) -> None:
        """``levels`` makes what remembers things of a kind."""
        self.ring = ring
        self._now_s = now_s
        self._guesses = levels("guesses")
        self._welcome = levels("welcome")

    @property
    def are_needed(self) -> bool:
        """Whether there are any; else the service is open to all."""
        return bool(self.ring.holders)

    def holder_of(self, key: str, address: str) -> Holder:
        """Whom a key was given to that came from this address.

        Raises:
            Forbidden: it is not known.
            Overloaded: too many keys from there were not.
        """
        network, holder = network_of(address), self.ring.holder_of(key)
        left = self._guesses_left(network)
        if holder is not None and self._is_let_in(holder, network, left):
            return holder
        if left < 1:
            wait_s = (1 - left) * _SECONDS_A_GUESS
            said = "too many unknown API keys came from this address"
            raise Overloaded(said, wait_s, reason="guesses")
        self._guesses.put(network, left - 1, self._now_s())
        raise Forbidden("this API key is not known here")

    def _is_let_in(self, holder: Holder, network: str, guesses_left: float) -> bool:
        known = f"{holder.name} {network}"
        if guesses_left < 1 and self._welcome.get(known) is None:
            return False
        self._welcome.put(known, 1, self._now_s())
        return True

    def _guesses_left(self, network: str) -> float:
        left, at_s = self._guesses.get(network) or (_GUESSES, 0.0)
        return min(left + (self._now_s() - at_s) / _SECONDS_A_GUESS, _GUESSES)


def hash_of(key: str) -> str:
    """What a key file has of a key."""
    return _digest(key).hex()


def name_of(key: str) -> str:
    """The holder of a key that no file has a name for; it tells nothing about the key."""
    return hash_of(key)[:_DERIVED_NAME_LENGTH]


class _Key(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: KeyName
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]


class _KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: Annotated[list[_Key], Field(min_length=1, max_length=10_000)]
    quotas: dict[KeyName, Quotas] = {}


def _holders(path: Path, content: _KeyFile) -> dict[bytes, Holder]:
    strangers = content.quotas.keys() - {key.name for key in content.keys}
    if strangers:
        raise KeyFileError(f"{path}: quotas.{min(strangers)}: no key has this name")
    holders: dict[bytes, Holder] = {}
    for key in content.keys:
        digest = bytes.fromhex(key.sha256)
        if digest in holders:
            raise KeyFileError(f"{path}: the key of {key.name} is in it twice")
        holders[digest] = Holder(key.name, content.quotas.get(key.name, Quotas()))
    return holders


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
