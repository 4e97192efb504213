"""Where callers come from, and which addresses and names mean this machine."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias
from urllib.parse import urlsplit

Network: TypeAlias = IPv4Network | IPv6Network

_ONE_IPV6_CALLER = 64
"""Bits. Providers give at least as many addresses to each customer."""


def is_loopback(host: str) -> bool:
    """Whether an address, or the name ``localhost``, reaches this machine alone."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def is_address(text: str) -> bool:
    """Whether this is an IP address."""
    return _address(text) is not None


def hostname(authority: str) -> str:
    """The host of ``host:port``, as a ``Host`` header has it; empty where there is none."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def caller_address(
    peer: str, forwarded_for: str | None = None, trusted_proxies: Sequence[Network] = ()
) -> str:
    """The address of a caller, as told by the last one that can be believed.

    ``peer`` is the other end of the connection. Each trusted proxy has added the address it was
    asked from to the end of the header ``x-forwarded-for``; what came before may be made up.
    """
    nearest = peer
    for told in reversed((forwarded_for or "").split(",")):
        if not is_among(nearest, trusted_proxies):
            break
        address = _address(told.strip()) or _address(hostname(told.strip()))
        if address is None:
            break
        nearest = str(address)
    return nearest


def is_among(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address is in one of these networks."""
    parsed = _address(address)
    return parsed is not None and any(parsed in network for network in networks)


def network_of(address: str) -> str:
    """What one caller has: an address, or the whole of its IPv6 network."""
    parsed = _address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _ONE_IPV6_CALLER), strict=False))
    return address if parsed is None else str(parsed)


@lru_cache(maxsize=4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address, as IPv4 where it is one that a socket of both kinds has written as IPv6."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
