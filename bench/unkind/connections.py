"""Connections that are opened and not used, or used for nothing but holding something."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.unkind.attacks import ELSEWHERE, hold_open, never_finish, never_read
from bench.unkind.callers import HONEST, lifts
from bench.unkind.clips import clip_body
from bench.unkind.probes import beside
from bench.unkind.stage import Stage, milliseconds, seconds_until, staged

_HEADERS_BYTES = 120_000_000
_CONNECTIONS = 5_000
_TABLES, _ESTABLISHED = ("/proc/net/tcp", "/proc/net/tcp6"), "01"
"""The system's own list; gRPC listens to both families at once."""
_MANY, _FEW = 3_000, 100
_FLOOD_S = 10.0
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_KEPT = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
_HALF_HEAD = b"GET /healthz HTTP/1.1\r\nhost: 127."
_FRAMES_OF_A_LARGE_ANSWER = 12_000
"""More bytes than the system takes for a connection."""
_UNREAD, _UNFINISHED = 8, 200


def endless_headers() -> str:
    """One connection without a key that sends 120 MB of headers, and no end of them."""
    with staged() as (stage, watch):
        taken, answer = _send_headers(stage.port)
        time.sleep(2)
        return (
            f"{answer} after {taken / 1e6:.1f} MB were taken, {stage.more_mb(watch):.0f} MB more "
            f"memory; {watch}"
        )


def idle_connections() -> str:
    """Thousands of connections to each port that say nothing, half a request, or no more."""
    with staged() as (stage, watch):
        over_http = _idle_over_http(stage)
        over_grpc = _idle_over_grpc(stage.grpc_port)
        return f"HTTP: {over_http}; gRPC: {over_grpc}; {watch}"


def refused_connections() -> str:
    """Thousands of connections to HTTP, none ended by its caller, where there may be a hundred."""
    with staged(MAX_CONNECTIONS="100") as (stage, watch):
        idle, most, clip = stage.descriptors, 0, clip_body(27)
        with beside(hold_open, stage.port, _CONNECTIONS, [_KEPT]):
            seconds_until(lambda: stage.descriptors > idle + _FEW / 2)
            until = time.monotonic() + _FLOOD_S
            while time.monotonic() < until:
                most = max(most, stage.descriptors)
                time.sleep(0.01)
            during = asyncio.run(lifts(stage.port, HONEST, clip, 5))
            gone_s = _FLOOD_S + 5 + seconds_until(lambda: stage.descriptors < idle + _FEW / 2)
        return (
            f"{most - idle} open at most, most of them closed after {gone_s:.0f} s; honest clips "
            f"meanwhile {_clips(during)}; {len(stage.service.log)} lines in the log; {watch}"
        )


def unread_answers() -> str:
    """Answers that are not read and bodies that do not end, then SIGTERM while there are some."""
    with staged() as (stage, watch):
        with _unread_and_unfinished(stage.port):
            most, kept_s = _until_idle(stage)
        told = (
            f"{most:.0f} handlers, the last of them for {kept_s:.0f} s, at most "
            f"{stage.more_mb(watch):.0f} MB more memory, {stage.more_mb():.0f} MB in the end; "
            f"{watch}"
        )
        with _unread_and_unfinished(stage.port):
            seconds_until(lambda: stage.handlers > _UNFINISHED)
            watch.end()
            began = time.monotonic()
            status = stage.service.stop(60)
            ended_s = time.monotonic() - began
        lines = sum("Traceback" in line for line in stage.service.log)
        return (
            f"{told}; with as many again SIGTERM ends it after {ended_s:.0f} s "
            f"(status {status}, {lines} tracebacks in the log)"
        )


@contextmanager
def _unread_and_unfinished(port: int) -> Iterator[None]:
    body = clip_body(_FRAMES_OF_A_LARGE_ANSWER, "causal243-light")
    with beside(never_finish, port, _UNFINISHED), beside(never_read, port, _UNREAD, body):
        yield


def _until_idle(stage: Stage) -> tuple[float, float]:
    """The most handlers that there were, and how long it took until there was none any more."""
    seconds_until(lambda: stage.handlers > 0)
    began, most = time.monotonic(), 0.0
    while now := stage.handlers:
        most = max(most, now)
        time.sleep(0.2)
    return most, time.monotonic() - began


def _idle_over_http(stage: Stage) -> str:
    clip = clip_body(27)
    alone = asyncio.run(lifts(stage.port, HONEST, clip, 3))
    idle = stage.descriptors
    with beside(hold_open, stage.port, _CONNECTIONS, [b"", _HALF_HEAD, _KEPT]):
        seconds_until(lambda: stage.descriptors > idle + _MANY)
        during = asyncio.run(lifts(stage.port, HONEST, clip, 5))
        gone_s = 5 + seconds_until(lambda: stage.descriptors < idle + _FEW)
    return (
        f"closed {gone_s:.0f} s after there were {_MANY:,}; honest clips {_clips(during)} (alone "
        f"{_clips(alone)})"
    )


def _idle_over_grpc(port: int) -> str:
    with beside(hold_open, port, _CONNECTIONS, [b"", _GREETING]):
        seconds_until(lambda: _seen_open(port) > _MANY)
        most = _seen_open(port)
        gone_s = seconds_until(lambda: _seen_open(port) < _FEW, 150)
        left = _seen_open(port)
    return f"{most} open, {left} of them {gone_s:.0f} s later"


def _clips(met: dict[int, list[float]]) -> str:
    """How long those took that were lifted, and how many were not."""
    failed = sum(len(seconds) for status, seconds in met.items() if status != 200)
    return milliseconds(met.get(200, [])) + (f", {failed} failed" if failed else "")


def _send_headers(port: int) -> tuple[int, str]:
    """How many bytes were taken, and what was answered."""
    taken, line = 0, b"x-a: " + b"b" * 1000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", port), 60, (ELSEWHERE, 0)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        try:
            while taken < _HEADERS_BYTES:
                connection.sendall(line)
                taken += len(line)
        except OSError:
            pass
        try:
            return taken, connection.recv(100)[:12].decode()
        except OSError:
            return taken, "the connection ended"


def _seen_open(port: int) -> int:
    """How many connections to a port are established."""
    lines = [line for table in _TABLES for line in Path(table).read_text().splitlines()]
    rows = [line.split() for line in lines]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == _ESTABLISHED for row in rows)
