"""Asking the session store: scripts for many sessions in one round trip, and what failures mean."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.commands.core import AsyncScript
from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.live.store_server import StoreServer

_log = logging.getLogger(__name__)

T = TypeVar("T")

Call: TypeAlias = tuple[Sequence[str], Sequence[Any]]
"""The keys and the arguments that a script is run with."""
Command: TypeAlias = tuple[Any, ...]

_IS_AWAY: Final = "is away"
_REFUSES: Final = "refuses what sessions need"
_LATE_MS: Final = 1
"""How long copies are waited for that were late the last time: they may be gone for long."""

_CLOSED: Final = "the handler is closed"
"""What uvloop says of a connection that the server closed while it was being made."""

_NOT_NOW: Final = (
    AuthenticationError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
)
_NOT_NOW_CODES: Final = ("OOM", "READONLY", "LOADING", "MISCONF", "NOREPLICAS", "BUSY", "NOAUTH")
"""Answers of a server that is there, but cannot do what it should for any session."""


class StoreAway(Exception):
    """The store cannot be reached, or does not do what it is asked; says which, and why."""


class StoreConnection:
    """Connections to the store's server.

    Args:
        server: where it is.
        timeout_s: for connecting and for each round trip; then the store counts as away.
        copies: how many replicas of the server have to have what is written durably.
        observe: told how many seconds each round trip took.
    """

    def __init__(
        self,
        server: StoreServer,
        timeout_s: float,
        copies: int,
        observe: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.redis = server.connect(timeout_s)
        self._copies = copies
        self._observe = observe
        self._timeout_s = timeout_s
        self._copies_ms = max(int(timeout_s * 500), 1)
        self._has_copies = True
        self._trouble: str | None = None
        self._told: set[str] = set()

    @property
    def trouble(self) -> str | None:
        """Why the store cannot be used, in words that go on after its name."""
        return self._trouble

    def found(self) -> None:
        """The store can be used, after all or still."""
        if self._trouble is not None:
            _log.info("the session store is back")
        self._trouble = None
        self._told.clear()

    def lost(self) -> None:
        """The store cannot be used: it refuses what sessions need."""
        self._trouble = self._trouble or _REFUSES

    async def let_go(self) -> None:
        """Make new connections from now on: the address may be another server's by now."""
        await self.redis.connection_pool.disconnect(inuse_connections=False)

    async def close(self) -> None:
        """Let go of the server."""
        await self.redis.aclose()

    async def asked(self, question: Awaitable[T]) -> T:
        """An answer of the server.

        Raises:
            StoreAway: there is none.
        """
        try:
            return await question
        except (RedisError, OSError) as error:
            raise self.failed(error) from error
        except RuntimeError as error:
            if _CLOSED not in str(error):
                raise
            raise self.failed(error) from error

    async def run(self, script: AsyncScript, calls: Sequence[Call]) -> list[Any]:
        """The answers to calls of a script, errors among them."""
        return (await self._run(script, calls, copies=0))[0]

    async def run_durably(
        self, script: AsyncScript, calls: Sequence[Call]
    ) -> tuple[list[Any], bool]:
        """The answers, and whether there are enough copies of what was written."""
        return await self._run(script, calls, self._copies)

    def answered(self, answer: Any) -> list[Any]:  # noqa: ANN401
        """One of the answers, unless it is an error.

        Raises:
            StoreAway: it is one.
        """
        if isinstance(answer, Exception):
            raise self.failed(answer) from answer
        answers: list[Any] = answer
        return answers

    def failed(self, error: Exception) -> StoreAway:
        """What an error of the server means; told in the log, once."""
        trouble = _REFUSES if isinstance(error, ResponseError) else _IS_AWAY
        if self._trouble is None and str(error) not in self._told:
            self._told.add(str(error))
            _log.warning("the session store %s: %s", trouble, error)
        if _concerns_all(error):
            self._trouble = trouble
        return StoreAway(f"{trouble}: {error}")

    async def _run(
        self, script: AsyncScript, calls: Sequence[Call], copies: int
    ) -> tuple[list[Any], bool]:
        answers = await self._pipelined(script, calls, copies)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            await self.redis.script_load(script.script)
            # A call that was answered before finds what it did, and does no more.
            answers = await self._pipelined(script, calls, copies)
        if not copies:
            return answers, True
        found = answers.pop()
        self._has_copies = isinstance(found, int) and found >= copies
        return answers, self._has_copies

    async def _pipelined(
        self, script: AsyncScript, calls: Sequence[Call], copies: int
    ) -> list[Any]:
        # Registered with a pipeline, the script would cost a round trip more (SCRIPT EXISTS).
        commands: list[Command] = [
            ("EVALSHA", script.sha, len(keys), *keys, *arguments) for keys, arguments in calls
        ]
        if copies:
            longest_ms = self._copies_ms if self._has_copies else _LATE_MS
            commands.append(("WAIT", copies, longest_ms))
        started = time.perf_counter()
        pool = self.redis.connection_pool
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            answers: list[Any] = await connection.retry.call_with_retry(
                lambda: self._round_trip(connection, commands),
                lambda error: connection.disconnect(error=error),
            )
        finally:
            await pool.release(connection)
        self._observe(time.perf_counter() - started)
        return answers

    async def _round_trip(
        self, connection: AbstractConnection, commands: Sequence[Command]
    ) -> list[Any]:
        """The answers to commands that are sent together.

        The client's own pipelines do the same, but pack each argument in Python and time each
        answer by itself: that took longer for a live frame than lifting it.
        """
        await connection.send_packed_command(b"".join(map(hiredis.pack_command, commands)))
        try:
            async with asyncio.timeout(self._timeout_s):
                return [await _answer(connection) for _ in commands]
        except TimeoutError:
            raise RedisTimeoutError("does not answer in time") from None


async def _answer(connection: AbstractConnection) -> Any:  # noqa: ANN401 - whatever a server says
    try:
        return await connection.read_response(timeout=math.inf)
    except ResponseError as error:
        return error


def _concerns_all(error: Exception) -> bool:
    """Whether the server cannot answer or cannot write, rather than dislikes what it was asked."""
    if not isinstance(error, ResponseError):
        return True
    return isinstance(error, _NOT_NOW) or str(error).startswith(_NOT_NOW_CODES)
