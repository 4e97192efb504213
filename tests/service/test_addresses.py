"""Where a caller is, through proxies that are trusted and others; what means this machine."""

from ipaddress import ip_network

import pytest

from service.addresses import caller_address, hostname, is_loopback, network_of

PROXIES = (ip_network("10.0.0.0/8"), ip_network("::1"))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # not a proxy: it made that up
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),  # only the last was added
        ("10.0.0.1", "198.51.100.1, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7:4711", "203.0.113.7"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("::1", "[2001:db8::1]:443", "2001:db8::1"),
        ("", "203.0.113.7", ""),
    ],
)
def test_a_caller_is_where_trusted_proxies_say(
    peer: str, forwarded_for: str | None, address: str
) -> None:
    assert caller_address(peer, forwarded_for, PROXIES) == address


def test_without_trusted_proxies_the_header_means_nothing() -> None:
    assert caller_address("127.0.0.1", "203.0.113.7") == "127.0.0.1"


def test_one_network_of_ipv6_is_one_caller() -> None:
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::1")
    assert network_of("2001:db8:1:2::") != network_of("2001:db8:1:3::")
    assert network_of("203.0.113.7") == network_of("::ffff:203.0.113.7") == "203.0.113.7"
    assert network_of("") == ""


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("example.org:8000", "example.org"),
        ("EXAMPLE.org", "example.org"),
        ("[::1]:80", "::1"),
        ("", ""),
        ("[", ""),
    ],
)
def test_the_host_of_an_authority(authority: str, host: str) -> None:
    assert hostname(authority) == host


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "localhost.example.org"])
def test_other_machines(host: str) -> None:
    assert not is_loopback(host)
