"""Where callers come from, which addresses mean this machine, hosts and origins of web pages."""

import re
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

_NAME = re.compile(r"[a-z0-9._-]+")
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?")
_USUAL_PORTS = {"http": "80", "https": "443"}
_LAST_PORT = 65535
_ONE_IPV6_CALLER = 64
"""Bits. Providers give at least as many addresses to each customer."""


def is_loopback(host: str) -> bool:
    """Whether an address, or the name ``localhost``, reaches this machine alone."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def is_every(host: str) -> bool:
    """Whether a host to listen on means all addresses of the machine."""
    address = _address(host)
    return not host or (address is not None and address.is_unspecified)


def is_address(text: str) -> bool:
    """Whether this is an IP address."""
    return _address(text) is not None


def hostname(authority: str) -> str:
    """The host of ``host:port``, as a ``Host`` header has it; empty where there is none."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def named_host(text: str) -> str:
    """A host of the settings, as ``hostname`` finds it.

    Raises:
        ValueError: it cannot be found like this: it has a port, or is none.
    """
    host = text.lower()
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_known = is_address(bare) and "%" not in bare  # browsers send no zone
    if is_known and (":" in bare or bare == host):
        return str(ip_address(bare))
    if _NAME.fullmatch(host) is None:
        said = "expected a name or address without a port, such as poses.example: any port will do"
        raise ValueError(said)
    return host


def named_origin(text: str) -> str:
    """An origin of the settings, as browsers send it: without the port of its scheme.

    Raises:
        ValueError: no browser sends it.
    """
    origin = text.lower()
    if origin in {"*", "null"}:
        return origin
    parts = _ORIGIN.fullmatch(origin)
    if parts is None or int(parts[3] or 0) > _LAST_PORT:
        raise ValueError(
            "expected origins in full and without a path, such as https://app.example or "
            "http://127.0.0.1:3000, null, or * for all"
        )
    scheme, host, port = parts[1], named_host(parts[2]), parts[3]
    authority = f"[{host}]" if ":" in host else host
    is_told = port not in {None, _USUAL_PORTS.get(scheme)}
    return f"{scheme}://{authority}:{port}" if is_told else f"{scheme}://{authority}"


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
